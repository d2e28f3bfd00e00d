//! Lists in the order of their cursor, oldest first: each page is asked for from the last cursor of the page before on.
//!
//! So a cap on the depth of a list is not met, a record that changes meanwhile moves to the end and is met there, and every
//! page is a place to go on from. A server may take the place to begin at for one to go on behind, and tell whole seconds
//! apart only: what is asked for begins a second before that cursor, and what was handed over already is known by its
//! bytes and left out. Where a whole page lies within that second, or the server gives records from before it, its own next
//! pages are taken.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::cursor::CursorPlan;
use super::keyset::fingerprint;
use super::pages::Pages;
use super::producer::{Parts, Producer, Stop};
use super::request::Scope;
use super::state::State;
use crate::SourceError;

/// Reads from `from` on (all without it); `state` is the one before. The state after it.
pub(crate) async fn read(
    producer: &Producer,
    cursor: &CursorPlan,
    from: Option<DateTime<Utc>>,
    state: &State,
) -> Result<State, Stop> {
    let plan = &producer.plan;
    let mut begin = from.map(before);
    let mut at = state.at;
    let mut border = None;
    // The records handed over whose cursor the next list reaches.
    let mut known: HashMap<u128, DateTime<Utc>> = HashMap::new();
    loop {
        let scope = Scope { since: begin, ..Scope::default() };
        let mut pages = Pages::new(&producer.client, plan, &plan.list, &scope, None)?;
        let (mut last, mut early) = (None, false);
        loop {
            let Some(mut parts) = pages.fetch().await? else { return Ok(state.reached(at)) };
            let (body, mut records) = (parts.body.clone(), std::mem::take(&mut parts.records));
            for met in records.iter().filter_map(|range| cursor.of(&body[range.clone()])) {
                if last.is_some_and(|last| met < last) {
                    let what = "the server gives records in another order than that asked for";
                    return Err(SourceError::failed(&plan.name, what).into());
                }
                early |= begin.is_some_and(|begin| met < begin);
                last = Some(met);
            }
            at = at.max(last);
            records.retain(|range| !known.contains_key(&fingerprint(&body[range.clone()])));
            known.extend(records.iter().filter_map(|range| {
                let record = &body[range.clone()];
                Some((fingerprint(record), cursor.of(record)?))
            }));
            let shaped = producer.shaped(Parts { records, ..parts })?;
            producer.give(shaped, Some(state.reached(at))).await?;
            if !pages.ended() && !early && last > border {
                break;
            }
        }
        border = last;
        begin = border.map(before);
        known.retain(|_, met| Some(*met) >= begin);
    }
}

/// Where a list begins that is to hold all records of that cursor.
fn before(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(0) - TimeDelta::seconds(1)
}
