//! What is new, asked for in slices of time: each is stored by itself, so a read that was cut off loses one at most.

use chrono::{DateTime, TimeDelta, Utc};

use super::listing::Reach;
use super::pages::Pages;
use super::producer::{Producer, Stop};
use super::request::Scope;
use super::state::State;

/// How far the server's clock may be ahead of ours without a slice of its own for it.
const LEEWAY: TimeDelta = TimeDelta::hours(1);

/// Reads from `from` to `lag` before now: by the server's clock, once it has told it.
pub(crate) async fn read(
    producer: &Producer,
    from: Option<DateTime<Utc>>,
    step: TimeDelta,
    lag: TimeDelta,
    state: &State,
) -> Result<State, Stop> {
    let plan = &producer.plan;
    let mut now = Utc::now() - lag;
    let mut told = false;
    let mut state = state.clone();
    let mut from = from;
    loop {
        let end = from.and_then(|from| from.checked_add_signed(step)).unwrap_or(now);
        // A place to begin at that lies ahead makes one slice, and that is empty.
        let cut = end >= now;
        let until = if cut { from.map_or(now, |from| now.max(from)) } else { end };
        let reached = until + if cut { LEEWAY } else { TimeDelta::zero() };
        let scope = Scope { since: from, until: Some(until), ..Scope::default() };
        let mut reach = Reach::new(plan.cursor.as_ref());
        let mut pages = Pages::new(&producer.client, plan, &plan.list, &scope, None)?;
        while let Some(parts) = pages.fetch().await? {
            if !std::mem::replace(&mut told, true) {
                now = parts.time - lag;
            }
            let shaped = producer.shaped(parts)?;
            reach.take(&shaped, pages.number());
            if !pages.ended() {
                producer.give(shaped, None).await?;
                continue;
            }
            // What lies after the server's clock is not there yet, whatever ours says.
            let last = reached >= now;
            state = state.reached(if last { reach.end() } else { reach.began().map(|began| began.min(until)) });
            producer.give(shaped, Some(state.clone())).await?;
        }
        if reached >= now {
            return Ok(state);
        }
        from = Some(until);
    }
}
