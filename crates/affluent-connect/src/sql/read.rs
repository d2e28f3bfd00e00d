//! One stream read: its parts in order, each by chunks or in one query, within one snapshot.

use std::sync::Arc;

use async_stream::try_stream;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::plan::Plan;
use super::query::{Lower, Query, Selection, highest};
use super::rows::{Builder, Texts};
use super::session::{After, Fail, Session, connect, wait};
use super::shape::Kind;
use super::state::State;
use super::{Inner, SqlStream};
use crate::error::SourceError;
use crate::page::{Cursor, Page, Window};

/// A chunk that the server's limit of time cut off is halved, but no smaller than this.
const SMALLEST: u64 = 500;

/// A part of a stream: rows in one order.
struct Part {
    /// A condition on them.
    among: Option<String>,
    /// The columns that order them.
    order: Vec<usize>,
    /// Whether the place of a row among them is a place in the stream, where a later run may go on.
    places: bool,
    /// Whether their first column is the cursor.
    by_cursor: bool,
}

/// From where on a part is read.
#[derive(Debug, Clone)]
enum Origin {
    All,
    Cursor(String),
    Behind(Vec<String>),
}

impl Origin {
    fn lower(&self) -> Lower<'_> {
        match self {
            Self::All => Lower::None,
            Self::Cursor(value) => Lower::AtLeast(value),
            Self::Behind(values) => Lower::After(values),
        }
    }
}

/// The parts of a stream, each with where it begins: rows by cursor, then those whose cursor has no place in its order (null,
/// infinity), which are read whole each time; without a cursor all rows.
///
/// A read that was broken off goes on behind its last row. What was committed late before that place lies within the lookback
/// of the first snapshot's highest cursor, and is looked for there.
fn parts(plan: &Plan, state: &State) -> Result<Vec<(Part, Origin)>, SourceError> {
    let unique = plan.unique.iter().copied();
    let Some((cursor, _)) = plan.cursor else {
        let part = Part { among: None, order: unique.collect(), places: !plan.unique.is_empty(), by_cursor: false };
        let from = state.at.clone().filter(|at| at.len() == part.order.len());
        return Ok(vec![(part, from.map_or(Origin::All, Origin::Behind))]);
    };
    let column = &plan.shape.columns[cursor];
    let order: Vec<usize> = std::iter::once(cursor).chain(unique.clone().filter(|at| *at != cursor)).collect();
    let by_cursor = |places| Part { among: Some(column.usual.clone()), order: order.clone(), places, by_cursor: true };
    let start = state.start(plan.lookback, &plan.shape.place)?.map_or(Origin::All, Origin::Cursor);
    let mut parts = match &state.at {
        Some(at) if at.len() == order.len() => {
            vec![(by_cursor(true), Origin::Behind(at.clone())), (by_cursor(false), start)]
        }
        // The key changed since: all rows with the cursor where the read broke off are read again.
        Some(at) => {
            let from = at.first().cloned().map_or(Origin::All, Origin::Cursor);
            vec![(by_cursor(true), from), (by_cursor(false), start)]
        }
        None => vec![(by_cursor(true), start)],
    };
    if let Some(odd) = &column.odd {
        let part = Part { among: Some(odd.clone()), order: unique.collect(), places: false, by_cursor: false };
        parts.push((part, Origin::All));
    }
    Ok(parts)
}

/// The pages of a stream.
pub(super) fn read(
    inner: Arc<Inner>,
    stream: SqlStream,
    window: Window,
) -> BoxStream<'static, Result<Page, SourceError>> {
    try_stream! {
        let mut session = connect(&inner.access).await?;
        let (mut plan, state) = open(&mut session, &inner, &stream, &window).await?;
        let high = match plan.by() {
            Some(_) if state.at.is_none() => begin(&mut session, &inner, &plan).await?,
            _ => {
                snapshot(&mut session, &inner).await?;
                state.high.clone()
            }
        };
        let ended = State { by: plan.by().cloned(), high, at: None };
        let chunks = !plan.unique.is_empty();
        let mut rows = Builder::new(&plan, plan.key.is_empty());
        for (part, mut from) in parts(&plan, &state)? {
            let mut tried = 0;
            // Rows since the last place that a run could go on from.
            let mut since = 0;
            loop {
                let limit = chunks.then_some(plan.chunk);
                let query = selection(&plan, &part, &from, limit).rows(inner.access.database);
                rows.asked();
                let mut got = 0;
                let mut failed: Option<Fail> = None;
                match session.rows(&query).await {
                    Err(fail) => failed = Some(fail),
                    Ok(mut records) => while let Some(record) = records.next().await {
                        let record = match record {
                            Ok(record) => record,
                            Err(fail) => {
                                failed = Some(fail);
                                break;
                            }
                        };
                        let texts = Texts::Sent(&record);
                        let place: Vec<String> = part.order.iter().map(|at| texts.own(*at)).collect();
                        if !chunks && part.by_cursor && !matches!(&from, Origin::Behind(behind) if *behind == place) {
                            // All rows with the cursor before are in hand: a run may go on from here.
                            if part.places && since >= plan.chunk && let Origin::Behind(behind) = &from {
                                yield rows.page(Some(at(&ended, behind)));
                                since = 0;
                            }
                            rows.forget_copies();
                        }
                        from = Origin::Behind(place);
                        rows.push(&plan, texts, None);
                        rows.has_room(&plan)?;
                        got += 1;
                        since += 1;
                        tried = 0;
                        if rows.is_full() {
                            yield rows.page(None);
                        }
                    },
                }
                match failed {
                    None if !chunks || got < plan.chunk => break,
                    None => if part.places && let Origin::Behind(behind) = &from {
                        yield rows.page(Some(at(&ended, behind)));
                    },
                    // Without chunks the rows in hand have no place of their own.
                    Some(fail) if !chunks && got > 0 => Err::<(), SourceError>(fail.error)?,
                    Some(fail) => {
                        if fail.after == After::Smaller && plan.chunk > SMALLEST {
                            plan.chunk = (plan.chunk / 2).max(SMALLEST);
                        }
                        wait(fail, &mut tried).await?;
                        session = connect(&inner.access).await?;
                        snapshot(&mut session, &inner).await?;
                    }
                }
            }
        }
        yield rows.page(Some(ended.to_cursor()));
    }
    .boxed()
}

/// The stream's shape as it is today, and where it stands.
async fn open(
    session: &mut Box<dyn Session>,
    inner: &Inner,
    stream: &SqlStream,
    window: &Window,
) -> Result<(Plan, State), SourceError> {
    let plan = inner.plan(session.as_mut(), stream).await?;
    let state = State::of(window.from.as_ref(), &plan.shape.place, plan.by())?;
    Ok((plan, state))
}

/// Fixes the snapshot; what may pass is tried again on a new connection.
async fn snapshot(session: &mut Box<dyn Session>, inner: &Inner) -> Result<(), SourceError> {
    let mut tried = 0;
    while let Err(fail) = session.snapshot().await {
        wait(fail, &mut tried).await?;
        *session = connect(&inner.access).await?;
    }
    Ok(())
}

/// Fixes the snapshot, and tells the highest value of the cursor in it.
async fn begin(session: &mut Box<dyn Session>, inner: &Inner, plan: &Plan) -> Result<Option<String>, SourceError> {
    let Some((cursor, by)) = &plan.cursor else { return Ok(None) };
    let query = highest(&plan.shape, *cursor);
    let mut tried = 0;
    loop {
        snapshot(session, inner).await?;
        match first(session.as_mut(), &query).await {
            Ok(Some(high)) if by.kind == Kind::Instant && !high.contains(['+', 'Z']) => return Ok(Some(high + "Z")),
            Ok(high) => return Ok(high),
            Err(fail) => {
                wait(fail, &mut tried).await?;
                *session = connect(&inner.access).await?;
            }
        }
    }
}

async fn first(session: &mut dyn Session, query: &Query) -> Result<Option<String>, Fail> {
    let mut rows = session.rows(query).await?;
    let mut value = None;
    while let Some(row) = rows.next().await {
        let row = row?;
        let mut room = String::new();
        let text = row.text(0, &mut room).map_err(|what| SourceError::failed("", what))?;
        value = text.map(str::to_owned);
    }
    Ok(value)
}

fn selection<'a>(plan: &'a Plan, part: &'a Part, from: &'a Origin, limit: Option<u64>) -> Selection<'a> {
    Selection { shape: &plan.shape, among: part.among.as_deref(), order: &part.order, lower: from.lower(), limit }
}

/// The stream's state with a place in the order.
fn at(ended: &State, behind: &[String]) -> Cursor {
    State { at: Some(behind.to_vec()), ..ended.clone() }.to_cursor()
}
