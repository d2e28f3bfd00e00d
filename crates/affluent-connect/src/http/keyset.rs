//! Reading in the order of (cursor, id): each page is a query of its own that begins where the page before ended.
//!
//! A page begins *at* the last cursor of the page before, since records of that cursor may be left; those of them that were
//! handed over already are known by their bytes and left out. When a whole page has one cursor, its records are read in the
//! order of ids, and the read goes on after that cursor. So no offset into a moving result is ever used: a record that
//! changes meanwhile moves to the end and is met there, equal cursors across a page border are neither lost nor doubled,
//! a cap on the depth of a result is never met, and every page is a place to go on from.

use std::collections::HashSet;
use std::ops::Range;

use chrono::{DateTime, SubsecRound, Utc};
use xxhash_rust::xxh3::xxh3_128;

use super::body;
use super::cursor::CursorPlan;
use super::dialect::{Dialect, Stretch};
use super::paging::PATIENCE_WITH_EMPTY;
use super::producer::{Parts, Producer, Stop};
use super::state::State;
use crate::SourceError;

/// The fields to ask for: those that the server has, where it tells.
pub(crate) async fn fields<'a>(producer: &'a Producer, dialect: &Dialect) -> Result<Vec<&'a str>, Stop> {
    let plan = &producer.plan;
    let fields = dialect.fields(plan);
    let Some(describe) = dialect.describe(plan) else { return Ok(fields) };
    let there = producer.described(&describe?).await?;
    let (kept, missing): (Vec<&str>, Vec<&str>) = fields.into_iter().partition(|field| there.contains(*field));
    if !missing.is_empty() {
        tracing::info!(
            "{}: not there, or not to be seen by this user, so left empty: {}",
            plan.name,
            missing.join(", ")
        );
    }
    Ok(kept)
}

/// Reads from `since` on (all without it); `state` is the one before. The state after it.
pub(crate) async fn read(
    producer: &Producer,
    cursor: &CursorPlan,
    dialect: &Dialect,
    fields: &[&str],
    state: &State,
    since: Option<DateTime<Utc>>,
) -> Result<State, Stop> {
    let plan = &producer.plan;
    let id = [plan.id_path()];
    let asked = [dialect.more(plan)];
    let mut at = state.at;
    let mut stretch = since.map_or(Stretch::All, Stretch::From);
    let mut known: HashSet<u128> = HashSet::new();
    let mut after: Option<String> = None;
    let mut empty = 0;
    loop {
        let mut parts = producer.fetch(&dialect.call(plan, fields, &stretch, after.as_deref())?, &asked).await?;
        let token = std::mem::take(&mut parts.scalars).into_iter().next().flatten();
        let (body, mut records) = (parts.body.clone(), std::mem::take(&mut parts.records));
        if !is_in_order(&stretch, cursor, &id, &body, &records) {
            return Err(SourceError::failed(&plan.name, NOT_AS_ASKED).into());
        }
        let full = records.len() >= dialect.limit();
        let more = token.is_some() || (dialect.ends_at_limit() && full);
        let last = records.iter().rev().find_map(|range| instant_of(cursor, &body[range.clone()]));
        let last_id = records.last().and_then(|range| body::scalars(&body[range.clone()], &id).pop().flatten());
        let next = follow(&stretch, more, last, last_id).map_err(|what| SourceError::failed(&plan.name, what))?;

        // The records at the border, to know them again when the next page begins with them.
        let met = match &next {
            Follow::Stretch(Stretch::From(border) | Stretch::At(border, None)) => {
                at_border(&body, &records, cursor, *border)
            }
            _ => HashSet::new(),
        };
        records.retain(|range| !known.contains(&fingerprint(&body[range.clone()])));
        match &next {
            Follow::Stretch(Stretch::At(_, None)) => known.extend(met),
            Follow::Stretch(Stretch::At(_, Some(_))) | Follow::Page => {}
            _ => known = met,
        }

        if !matches!(stretch, Stretch::At(..)) {
            at = at.max(last);
        }
        if !records.is_empty() || matches!(next, Follow::End) {
            let shaped = producer.shaped(Parts { records, ..parts })?;
            producer.give(shaped, Some(state.reached(at))).await?;
        }
        match next {
            Follow::End => return Ok(state.reached(at)),
            Follow::Stretch(following) => (stretch, after, empty) = (following, None, 0),
            Follow::Page => {
                empty += 1;
                if empty > PATIENCE_WITH_EMPTY {
                    return Err(SourceError::failed(&plan.name, "the server gives one empty page after another").into());
                }
                after = token;
            }
        }
    }
}

const NOT_AS_ASKED: &str = "the server gives records that were not asked for, or not in the order asked for";

/// Whether no record of a page stands before one that it should follow: the page's end would pass over others like it. How
/// ids that are text are ordered is the server's affair.
fn is_in_order(
    stretch: &Stretch,
    cursor: &CursorPlan,
    id: &[body::Path],
    body: &[u8],
    records: &[Range<usize>],
) -> bool {
    let each = records.iter().map(|range| &body[range.clone()]);
    match stretch {
        Stretch::At(..) => {
            each.filter_map(|record| body::scalars(record, id).pop().flatten()?.parse::<u128>().ok()).is_sorted()
        }
        _ => each.filter_map(|record| instant_of(cursor, record)).is_sorted(),
    }
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
enum Follow {
    /// Nothing.
    End,
    /// The first page of that stretch.
    Stretch(Stretch),
    /// The server's own next page of the same stretch, since this one was empty and says that more follows.
    Page,
}

fn follow(
    stretch: &Stretch,
    more: bool,
    last: Option<DateTime<Utc>>,
    last_id: Option<String>,
) -> Result<Follow, &'static str> {
    if let Stretch::At(at, _) = stretch {
        return match (more, last_id) {
            (false, _) => Ok(Follow::Stretch(Stretch::After(*at))),
            (true, Some(id)) => Ok(Follow::Stretch(Stretch::At(*at, Some(id)))),
            (true, None) => Ok(Follow::Page),
        };
    }
    match (more, last, last_id) {
        (false, ..) => Ok(Follow::End),
        (true, None, None) => Ok(Follow::Page),
        (true, None, Some(_)) => Err("no record of the page has a cursor that can be read"),
        (true, Some(last), _) if stretch.lies_after(last) => Err(NOT_AS_ASKED),
        (true, Some(last), _) if *stretch == Stretch::From(last) => Ok(Follow::Stretch(Stretch::At(last, None))),
        (true, Some(last), _) => Ok(Follow::Stretch(Stretch::From(last))),
    }
}

/// The records at the end of a page whose cursor is `border`.
fn at_border(body: &[u8], records: &[Range<usize>], cursor: &CursorPlan, border: DateTime<Utc>) -> HashSet<u128> {
    let ends = records.iter().rev().map(|range| &body[range.clone()]);
    ends.take_while(|record| instant_of(cursor, record) == Some(border)).map(fingerprint).collect()
}

/// The cursor of a record to the millisecond, which is what queries are written in.
fn instant_of(cursor: &CursorPlan, record: &[u8]) -> Option<DateTime<Utc>> {
    cursor.of(record).map(|instant| instant.trunc_subsecs(3))
}

/// A record version by its bytes: one that has changed at all is another.
pub(crate) fn fingerprint(record: &[u8]) -> u128 {
    xxh3_128(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_page() {
        let t = |ms| DateTime::from_timestamp_millis(ms);
        let (one, two) = (t(1).unwrap_or_default(), t(2).unwrap_or_default());
        let id = || Some("7".to_owned());
        for (stretch, more, last, last_id, expected) in [
            (Stretch::All, false, None, None, Follow::End),
            (Stretch::All, true, t(1), id(), Follow::Stretch(Stretch::From(one))),
            (Stretch::From(one), true, t(2), id(), Follow::Stretch(Stretch::From(two))),
            (Stretch::From(one), true, t(1), id(), Follow::Stretch(Stretch::At(one, None))),
            (Stretch::From(one), true, None, None, Follow::Page),
            (Stretch::From(one), false, t(2), id(), Follow::End),
            (Stretch::At(one, None), true, t(1), id(), Follow::Stretch(Stretch::At(one, id()))),
            (Stretch::At(one, id()), false, None, None, Follow::Stretch(Stretch::After(one))),
            (Stretch::After(one), true, t(2), id(), Follow::Stretch(Stretch::From(two))),
        ] {
            assert_eq!(follow(&stretch, more, last, last_id), Ok(expected), "{stretch:?} {more}");
        }
        assert!(follow(&Stretch::All, true, None, id()).is_err());
        assert!(follow(&Stretch::From(two), true, t(1), id()).is_err());
        assert!(follow(&Stretch::After(two), true, t(2), id()).is_err());
    }
}
