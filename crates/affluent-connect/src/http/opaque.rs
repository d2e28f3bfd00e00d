//! What is new, asked for by what the server gave at the end of the last read: a token, or a URL.
//!
//! It is stored with the page that it came with and never before it, so a read that is cut off is asked for again.

use affluent_spec::connector::{Next, Opaque};
use chrono::{DateTime, Utc};

use super::body::path;
use super::links::absolute;
use super::pages::Pages;
use super::paging::{follow, put};
use super::producer::{Producer, Stop};
use super::request::Scope;
use super::state::State;
use crate::SourceError;

/// Reads what came since the state's token was given; without one, from `start` on, or whole.
pub(crate) async fn read(
    producer: &Producer,
    opaque: &Opaque,
    start: Option<DateTime<Utc>>,
    state: &State,
) -> Result<State, Stop> {
    let plan = &producer.plan;
    let scope = Scope { since: start.filter(|_| state.token.is_none()), ..Scope::default() };
    let mut pages = Pages::new(&producer.client, plan, &plan.list, &scope, None)?.asking(vec![path(opaque.from())]);
    if let Some(token) = &state.token {
        pages.alter(|call| match opaque {
            Opaque::Url(_) => {
                follow(call, token);
                Ok(())
            }
            Opaque::Token(opaque) => put(call, &opaque.param, token, false),
        })?;
    }
    // Where the next page and the next read are asked for by the same token, every page is a place to go on from, and
    // stands in place of where the list began.
    let each = matches!(
        (opaque, plan.next()),
        (Opaque::Token(opaque), Some(Next::Token { from, param, .. })) if *from == opaque.from && *param == opaque.param
    );
    let mut state = State { page: None, ..state.clone() };
    let mut given = false;
    while let Some(parts) = pages.fetch().await? {
        given |= !parts.records.is_empty();
        let told = parts.also.first().and_then(Option::as_deref).filter(|token| !token.is_empty());
        let token = match opaque {
            Opaque::Url(_) => told.map(|url| absolute(&parts.asked, url)).transpose(),
            Opaque::Token(_) => Ok(told.map(str::to_owned)),
        };
        let token = token.map_err(|what| SourceError::failed(&plan.name, what))?;
        if !pages.ended() && !each {
            producer.give(producer.shaped(parts)?, None).await?;
            continue;
        }
        match token {
            Some(token) => state.token = Some(token),
            // Where nothing has come, what is stored stays good.
            None if pages.ended() && !given => {}
            None => {
                let what = format!("the answer names nothing at `{}` to ask for what is new by", opaque.from());
                return Err(SourceError::failed(&plan.name, what).into());
            }
        }
        producer.give(producer.shaped(parts)?, Some(state.clone())).await?;
        if each && scope.since.is_some() {
            pages.resume(&Scope::default())?;
        }
    }
    Ok(state)
}
