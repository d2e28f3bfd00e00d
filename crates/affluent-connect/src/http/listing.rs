//! Lists: pages in the server's own order, each naming the next one.

use affluent_spec::connector::Next;
use chrono::{DateTime, Utc};

use super::cursor::CursorPlan;
use super::pages::Pages;
use super::producer::{Parts, Producer, Stop};
use super::request::Scope;
use super::shape::Shaped;
use super::state::State;
use crate::SourceError;

/// Reads the list from `since` on; never read before, from `start` on, or whole. The state after it goes with its last page.
///
/// The pages come in any order, so a record that changes while they are read may be met with a cursor that lies after
/// that of another change, of a record already passed. The new state is therefore no later than the server's clock when
/// the list began, unless the newest records come first and the first page tells where the list ends.
pub(crate) async fn read(
    producer: &Producer,
    since: Option<DateTime<Utc>>,
    start: Option<DateTime<Utc>>,
    state: &State,
) -> Result<State, Stop> {
    let plan = &producer.plan;
    let scope = Scope { since: since.or(start), ..Scope::default() };
    let mut reach = Reach::new(plan.cursor.as_ref());
    let mut pages = Pages::new(&producer.client, plan, &plan.list, &scope, None)?.asking(counted(producer));
    let mut counted = Counted::default();
    while let Some(parts) = pages.fetch().await? {
        counted.take(&parts);
        if pages.ended() && since.is_none() {
            counted.check(producer)?;
        }
        let shaped = producer.shaped(parts)?;
        reach.take(&shaped, pages.number());
        let after = pages.ended().then(|| state.reached(reach.end()));
        producer.give(shaped, after).await?;
    }
    Ok(state.reached(reach.end()))
}

/// Reads the whole list for the first time, from the page of the state on where an earlier read was cut off. `end` is what
/// the cursor may be trusted up to when it is done.
pub(crate) async fn first_load(producer: &Producer, end: Option<DateTime<Utc>>, state: &State) -> Result<State, Stop> {
    let plan = &producer.plan;
    let resumable = matches!(plan.next(), Some(Next::Token { resumable: true, .. }));
    let done = State { at: end, page: None, ..state.clone() };
    let mut pages = Pages::new(&producer.client, plan, &plan.list, &Scope::default(), state.page.clone())?;
    while let Some(parts) = pages.fetch().await? {
        let after = match pages.at() {
            None => Some(done.clone()),
            Some(token) if resumable => Some(State { page: Some(token.to_owned()), ..done.clone() }),
            Some(_) => None,
        };
        producer.give(producer.shaped(parts)?, after).await?;
    }
    Ok(done)
}

/// How far the cursor may be trusted after a list.
pub(crate) struct Reach<'a> {
    cursor: Option<&'a CursorPlan>,
    highest: Option<DateTime<Utc>>,
    began: Option<DateTime<Utc>>,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(cursor: Option<&'a CursorPlan>) -> Self {
        Self { cursor, highest: None, began: None }
    }

    /// Takes the page of that number in.
    pub(crate) fn take(&mut self, page: &Shaped, number: u64) {
        self.began = self.began.or(Some(page.time));
        if let Some(cursor) = self.cursor
            && !(cursor.newest_first && number > 1)
        {
            self.highest = self.highest.max(highest(cursor, page));
        }
    }

    /// The server's clock when the list began.
    pub(crate) fn began(&self) -> Option<DateTime<Utc>> {
        self.began
    }

    /// The highest cursor, no later than the beginning of a list without order.
    pub(crate) fn end(&self) -> Option<DateTime<Utc>> {
        let limit = self.began.filter(|_| !self.cursor.is_some_and(|cursor| cursor.newest_first));
        limit.map_or(self.highest, |limit| self.highest.map(|highest| highest.min(limit)))
    }
}

/// The highest cursor of a page.
pub(crate) fn highest(cursor: &CursorPlan, page: &Shaped) -> Option<DateTime<Utc>> {
    page.records.iter().filter_map(|range| cursor.of(&page.body[range.clone()])).max()
}

fn counted(producer: &Producer) -> Vec<super::body::Path> {
    producer.plan.count.iter().cloned().collect()
}

/// The number of records that the server tells, and of those it gave.
#[derive(Default)]
struct Counted {
    told: Option<u64>,
    given: u64,
}

impl Counted {
    fn take(&mut self, parts: &Parts) {
        self.given += parts.records.len() as u64;
        let told: Option<u64> = parts.also.first().and_then(|told| told.as_deref()?.parse().ok());
        self.told = match (self.told, told) {
            (Some(before), Some(now)) => Some(now.min(before)),
            (before, now) => before.or(now),
        };
    }

    /// Fewer records than the server told at any time are a gap.
    fn check(&self, producer: &Producer) -> Result<(), SourceError> {
        match self.told {
            Some(told) if self.given < told => {
                let what = format!("the server tells of {told} records and gave {}", self.given);
                Err(SourceError::failed(&producer.plan.name, what).with_hint(
                    "run again; if it stays, the list has a cap or hides records from this user: ask the vendor",
                ))
            }
            _ => Ok(()),
        }
    }
}
