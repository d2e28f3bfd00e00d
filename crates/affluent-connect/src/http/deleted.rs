//! Lists of what was deleted.

use chrono::{DateTime, TimeDelta, Utc};

use super::pages::Pages;
use super::producer::{Deleted, Parts, Producer, RawPage, Stop};
use super::request::{ListPlan, Scope};
use super::shape::{Tombstone, tombstones};
use super::state::State;

/// How far behind its last read a list is asked for, where the stream has no cursor to say so.
const LOOKBACK: TimeDelta = TimeDelta::minutes(5);

/// Reads the list of deleted records; the state stays what it is.
pub(crate) async fn listed(producer: &Producer, list: &ListPlan, state: &State) -> Result<(), Stop> {
    let mut pages = Pages::new(&producer.client, &producer.plan, list, &Scope::default(), None)?;
    while let Some(parts) = pages.fetch().await? {
        if parts.records.is_empty() && pages.ended() {
            break;
        }
        let Parts { body, records, requests, time, .. } = parts;
        let page = RawPage { body, records, deleted: Deleted::All, state: Some(state.clone()), requests };
        producer.hand_over(page, time).await?;
    }
    Ok(())
}

/// Reads what was deleted since `gone`, told in a form of its own. A stream that was never read before has lost nothing.
pub(crate) async fn told(
    producer: &Producer,
    list: &ListPlan,
    tombstone: &Tombstone,
    gone: Option<DateTime<Utc>>,
    state: &State,
) -> Result<(), Stop> {
    let Some(gone) = gone else { return Ok(()) };
    let cursor = producer.plan.cursor.as_ref();
    let since = cursor.map_or_else(|| gone - LOOKBACK, |cursor| cursor.since(gone));
    let scope = Scope { since: Some(since), ..Scope::default() };
    let mut pages = Pages::new(&producer.client, &producer.plan, list, &scope, None)?;
    let mut began = None;
    while let Some(parts) = pages.fetch().await? {
        let began = *began.get_or_insert(parts.time);
        // Up to when the list was read is known once it is read to its end.
        let after = pages.ended().then(|| State { gone: Some(gone.max(began)), ..state.clone() });
        let (body, records) = tombstones(tombstone, &parts);
        let page = RawPage { body, records, deleted: Deleted::All, state: after, requests: parts.requests };
        producer.hand_over(page, parts.time).await?;
    }
    Ok(())
}
