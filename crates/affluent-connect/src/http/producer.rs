//! The reading side of a stream: asks for pages, finds their records, says where a later read goes on. What it finds is
//! handed over as bytes; decoding goes on meanwhile.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use affluent_spec::connector::BodyFormat;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::body::{self, Path};
use super::client::{Call, Client, Fetched, Unread};
use super::cursor::{CursorPlan, Way};
use super::plan::{DeletesPlan, StreamPlan};
use super::request::ListPlan;
use super::shape::{Shaped, shape};
use super::state::State;
use super::{bulk, children, deleted, formats, keyset, listing, opaque, ordered, slices};
use crate::SourceError;

/// A page as it came, with its records located.
pub(crate) struct RawPage {
    pub(crate) body: Bytes,
    pub(crate) records: Vec<Range<usize>>,
    pub(crate) deleted: Deleted,
    /// Where to go on after this page; `None` inside a slice.
    pub(crate) state: Option<State>,
    pub(crate) requests: u32,
}

/// Which records of a page are tombstones.
pub(crate) enum Deleted {
    None,
    All,
    Each(Vec<bool>),
}

impl Deleted {
    /// Whether the record of that number is one.
    pub(crate) fn of(&self, index: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Each(flags) => flags.get(index).copied().unwrap_or_default(),
        }
    }
}

/// Why a producer stops early.
pub(crate) enum Stop {
    /// Nobody takes pages any more.
    Unheard,
    /// It cannot go on.
    Error(SourceError),
    /// The server says that the stored place to go on from has run out.
    Restart(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Error(error)
    }
}

/// What reading a stream needs.
pub(crate) struct Producer {
    pub(crate) client: Arc<Client>,
    pub(crate) plan: Arc<StreamPlan>,
    pub(crate) out: mpsc::Sender<Result<RawPage, SourceError>>,
    /// Since when deletions are to be told, which goes with every state.
    gone: OnceLock<DateTime<Utc>>,
}

/// A page's parts.
pub(crate) struct Parts {
    pub(crate) body: Bytes,
    pub(crate) records: Vec<Range<usize>>,
    /// What the answer says of the next page.
    pub(crate) scalars: Vec<Option<String>>,
    /// What else was asked of it.
    pub(crate) also: Vec<Option<String>>,
    /// Its `Link` headers.
    pub(crate) links: Vec<String>,
    /// The path or URL that was asked for.
    pub(crate) asked: String,
    /// Whether there was nothing in the answer at all.
    pub(crate) blank: bool,
    /// The server's clock at the answer; ours from before it where the server tells none.
    pub(crate) time: DateTime<Utc>,
    pub(crate) requests: u32,
}

impl Producer {
    pub(crate) fn new(
        client: Arc<Client>,
        plan: Arc<StreamPlan>,
        out: mpsc::Sender<Result<RawPage, SourceError>>,
    ) -> Self {
        Self { client, plan, out, gone: OnceLock::new() }
    }

    /// Reads the stream from `state` on and hands its pages over, the error last if there is one.
    pub(crate) async fn run(self, state: State) {
        let stored = state.page.is_some() || state.token.is_some();
        let stopped = match self.produce(state.clone()).await {
            Err(Stop::Restart(why)) if stored => {
                tracing::warn!(
                    "{}: the stored place to go on from has run out, so the stream is read from its start; what was \
                     deleted since the last read is not told: {why}",
                    self.plan.name
                );
                self.produce(State { gone: state.gone, ..State::default() }).await
            }
            other => other,
        };
        if let Err(Stop::Error(error) | Stop::Restart(error)) = stopped {
            // The other end may be gone, and then nobody wants to know.
            let _ = self.out.send(Err(error)).await;
        }
    }

    async fn produce(&self, state: State) -> Result<(), Stop> {
        let since = self.since(&state);
        if let Some(gone) = state.gone.or(state.at) {
            // A second time it is what it is.
            let _ = self.gone.set(gone);
        }
        let told = self.gone.get().copied();
        let way = self.plan.cursor.as_ref().map(|cursor| (cursor, &cursor.way));
        let after = match (way, &self.plan.parent) {
            (_, Some(parent)) => return children::read(self, parent, &state, since).await,
            (Some((cursor, Way::Keyset(dialect))), _) => match dialect.newest(&self.plan) {
                Some(newest) if state.at.is_none() || state.page.is_some() => {
                    let end = if state.page.is_some() { state.at } else { self.newest(cursor, &newest?).await? };
                    listing::first_load(self, end, &state).await?
                }
                _ => {
                    let fields = keyset::fields(self, dialect).await?;
                    match bulk::read(self, cursor, dialect, &fields, &state, since).await? {
                        Some(after) => after,
                        None => keyset::read(self, cursor, dialect, &fields, &state, since).await?,
                    }
                }
            },
            (Some((_, Way::Opaque { opaque, start })), _) => opaque::read(self, opaque, *start, &state).await?,
            (Some((_, Way::Since { start, step: Some(step), lag })), _) => {
                slices::read(self, since.or(*start), *step, *lag, &state).await?
            }
            (Some((cursor, Way::Ordered { start })), _) => {
                ordered::read(self, cursor, since.or(*start), &state).await?
            }
            (Some((_, Way::Since { start, .. })), _) => listing::read(self, since, *start, &state).await?,
            (Some((_, Way::Whole)) | None, _) => listing::read(self, None, None, &state).await?,
        };
        match &self.plan.deletes {
            DeletesPlan::Listed(list) => deleted::listed(self, list, &after).await,
            DeletesPlan::Told(list, tombstone) => deleted::told(self, list, tombstone, told, &after).await,
            _ => Ok(()),
        }
    }

    fn since(&self, state: &State) -> Option<DateTime<Utc>> {
        Some(self.plan.cursor.as_ref()?.since(state.at?))
    }

    /// The highest cursor that the server shows before a first load begins: what changes during it lies later.
    async fn newest(&self, cursor: &CursorPlan, call: &Call) -> Result<Option<DateTime<Utc>>, Stop> {
        let page = self.fetch(call, &[]).await?;
        Ok(page.records.last().and_then(|range| cursor.of(&page.body[range.clone()])))
    }

    /// The names in the array `fields` of an answer.
    pub(crate) async fn described(&self, call: &Call) -> Result<HashSet<String>, SourceError> {
        let (fields, name) = (body::path("fields"), [body::path("name")]);
        let described = self.client.fetch(call, |bytes| {
            let bytes = bytes.map_or(&[][..], |bytes| &bytes[..]);
            let found = body::locate(bytes, Some(&fields), &[]).map_err(Unread::Garbled)?;
            let records =
                found.records.ok_or_else(|| Unread::Unexpected("the description lists no `fields`".into()))?;
            Ok(records.into_iter().filter_map(|range| body::scalars(&bytes[range], &name).pop().flatten()).collect())
        });
        Ok(described.await?.reply()?.value)
    }

    /// Asks for a page of the stream's list.
    pub(crate) async fn fetch(&self, call: &Call, scalars: &[Path]) -> Result<Parts, Stop> {
        ask(&self.client, &self.plan.list, call, scalars).await
    }

    /// Which records of a page are those of the stream.
    pub(crate) fn shaped(&self, parts: Parts) -> Result<Shaped, SourceError> {
        shape(&self.plan, parts)
    }

    /// Hands the records of a page over.
    pub(crate) async fn give(&self, shaped: Shaped, state: Option<State>) -> Result<(), Stop> {
        let Shaped { body, records, deleted, time, requests } = shaped;
        self.hand_over(RawPage { body, records, deleted, state, requests }, time).await
    }

    /// Hands a page over that was answered at `time`.
    pub(crate) async fn hand_over(&self, mut page: RawPage, time: DateTime<Utc>) -> Result<(), Stop> {
        // From the first answer on, what is deleted may be missing in it and must be told by the next read.
        let gone = *self.gone.get_or_init(|| time);
        if let (Some(state), DeletesPlan::Told(..)) = (&mut page.state, &self.plan.deletes) {
            state.gone.get_or_insert(gone);
        }
        self.out.send(Ok(page)).await.map_err(|_| Stop::Unheard)
    }
}

/// Asks for a page of a list; an answer that says that there is nothing is one without records.
pub(crate) async fn ask(client: &Client, list: &ListPlan, call: &Call, scalars: &[Path]) -> Result<Parts, Stop> {
    let began = Utc::now();
    let read = |bytes: Option<&Bytes>| read(bytes, list, scalars);
    let reply = match client.fetch(call, read).await? {
        Fetched::Reply(reply) => reply,
        Fetched::Restart(why) => return Err(Stop::Restart(why)),
    };
    let links = reply.headers.get_all("link").iter().filter_map(|link| link.to_str().ok()).map(str::to_owned);
    let (body, records, scalars, blank) = reply.value;
    Ok(Parts {
        body,
        records,
        scalars,
        also: Vec::new(),
        links: links.collect(),
        asked: call.target.clone(),
        blank,
        time: reply.time.unwrap_or(began),
        requests: reply.requests,
    })
}

type Found = (Bytes, Vec<Range<usize>>, Vec<Option<String>>, bool);

fn read(bytes: Option<&Bytes>, list: &ListPlan, scalars: &[Path]) -> Result<Found, Unread> {
    let Some(bytes) = bytes else {
        return Ok((Bytes::new(), Vec::new(), vec![None; scalars.len()], true));
    };
    if list.format != BodyFormat::Json {
        let (body, records) =
            if list.format == BodyFormat::Csv { formats::csv(bytes)? } else { formats::ndjson(bytes)? };
        return Ok((body, records, vec![None; scalars.len()], false));
    }
    if let Some(first) = bytes.trim_ascii_start().first().filter(|first| !b"[{".contains(first)) {
        let what = format!("the answer is no JSON: it begins with `{}`", char::from(*first));
        return Err(Unread::Unexpected(what));
    }
    let found = body::locate(bytes, Some(&list.records), scalars).map_err(Unread::Garbled)?;
    // Taken for absent, an odd token of the next page would end the list early.
    if let Some(path) = found.odd.first().and_then(|odd| scalars.get(*odd)) {
        let what = format!("`{}` of the answer is neither text nor a number", path.join("."));
        return Err(Unread::Unexpected(what));
    }
    let records = match found.records {
        Some(records) => records,
        None if list.sparse => Vec::new(),
        None => {
            let what = format!("the answer has no array of records at `{}`", list.records.join("."));
            return Err(Unread::Unexpected(what));
        }
    };
    Ok((bytes.clone(), records, found.scalars, false))
}

#[cfg(test)]
mod tests {
    use affluent_spec::ColumnType;
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::decode::{self, JsonDecoder, JsonField};

    #[test]
    fn the_cursor_is_what_bronze_holds() {
        for (ty, written) in [
            ("timestamp", "\"2026-06-01T12:00:00Z\""),
            ("timestamp", "\"2026-06-01T12:00:00.500+0000\""),
            ("timestamp", "\"2026-06-01T12:00:00\""),
            ("timestamp", "\"2026-06-01 12:00:00\""),
            ("timestamp", "\"2026-06-01\""),
            ("timestamp(epoch_s)", "1780315200"),
            ("timestamp(epoch_ms)", "\"1780315200123\""),
            ("timestamp(%d/%m/%Y %H:%M)", "\"01/06/2026 12:00\""),
            ("timestamp", "\"yesterday\""),
        ] {
            let ty: ColumnType = ty.parse().unwrap();
            let ColumnType::Timestamp(format) = &ty else { unreachable!("{ty:?}") };
            let record = format!("{{\"changed\":{written}}}");
            let field = JsonField::dotted("changed", ty.clone());
            let mut decoder = JsonDecoder::new(&[field], false).with_timezone(Paris);
            decoder.push(record.as_bytes(), &String::new, false);
            let rows = decoder.finish().0;
            let bronze = rows.column(0).as_primitive::<TimestampMicrosecondType>().iter().next().flatten();
            let text = body::scalars(record.as_bytes(), &[body::path("changed")]).pop().flatten().unwrap();
            let cursor = decode::instant(&text, format, Paris).map(|instant| instant.timestamp_micros());
            assert_eq!(cursor, bronze, "{written}");
        }
    }
}
