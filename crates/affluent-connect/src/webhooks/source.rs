//! The log of received events as a source: each event once, by its id, and segments gone once they are committed.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use affluent_spec::ColumnType;
use affluent_spec::types::TimestampFormat;
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::log::{self, Found, Reader};
use super::{EVENT_ID, RECEIVED_AT, WebhookStream};
use crate::decode::path::{Path as JsonPath, Places, find, path, scalars};
use crate::decode::{JsonDecoder, JsonField, RowOptions};
use crate::schema::{Column, HASH, RAW, ROW};
use crate::{Cursor, Overlap, Page, Rejected, Source, SourceError, StreamSchema, Window};

/// Pages that wait to be written.
const AHEAD: usize = 2;
/// Bytes and events of a page.
const PAGE_BYTES: usize = 4 << 20;
const PAGE_EVENTS: usize = 8_192;
/// Stands in a position before the instant at which the event was received.
const RECEIVED: &str = " received ";
/// There from the first removal on: a lake that begins then does not get what was before.
const REMOVED: &str = "landed";

/// How far a log is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    log: String,
    segment: i64,
    offset: u64,
    /// The microsecond at which the last event read was received.
    at: i64,
}

impl Place {
    fn of(cursor: Option<&Cursor>) -> Result<Option<Self>, SourceError> {
        cursor.map(|cursor| Self::deserialize(&cursor.0)).transpose().map_err(|error| {
            SourceError::failed("", format!("the stored cursor is not one of a webhook stream: {error}"))
                .with_hint("if the source changed its kind, give the stream a new name")
        })
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_value(self).unwrap_or_default())
    }
}

/// Streams of received events.
#[derive(Debug, Clone)]
pub struct WebhookSource {
    source: String,
    streams: Vec<Arc<WebhookStream>>,
}

impl WebhookSource {
    /// The source of this name with these streams. Nothing is looked up yet.
    pub fn new(source: &str, streams: Vec<WebhookStream>) -> Self {
        Self { source: source.to_owned(), streams: streams.into_iter().map(Arc::new).collect() }
    }

    fn stream(&self, name: &str) -> Result<&Arc<WebhookStream>, SourceError> {
        self.streams.iter().find(|stream| stream.name == name).ok_or_else(|| {
            SourceError::no_stream(&self.source, name, self.streams.iter().map(|stream| stream.name.as_str()))
        })
    }
}

#[async_trait]
impl Source for WebhookSource {
    async fn discover(&self, stream: &str) -> Result<StreamSchema, SourceError> {
        Ok(schema(self.stream(stream)?))
    }

    fn read(&self, stream: &str, window: Window) -> BoxStream<'static, Result<Page, SourceError>> {
        let begun = self.stream(stream).cloned().and_then(|stream| Ok((stream, Place::of(window.from.as_ref())?)));
        let (stream, from) = match begun {
            Ok(begun) => begun,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        async_stream::stream! {
            let (sender, mut pages) = mpsc::channel(AHEAD);
            let task = tokio::task::spawn_blocking(move || {
                if let Err(Halt::Failed(error)) = read_all(&stream, from, &sender) {
                    // Where nobody takes pages any more there is nobody to tell.
                    let _ = sender.blocking_send(Err(error));
                }
            });
            while let Some(page) = pages.recv().await {
                yield page;
            }
            if let Err(fault) = task.await {
                yield Err(SourceError::failed("", format!("reading stopped: {fault}")));
            }
        }
        .boxed()
    }

    async fn replay(&self, stream: &str, _: Option<&Cursor>, refused: Vec<Rejected>) -> Result<Page, SourceError> {
        let mut decoder = Decoder::new(Arc::clone(self.stream(stream)?));
        for record in refused {
            let at = record.position.rsplit_once(RECEIVED).and_then(|(_, at)| at.parse::<DateTime<Utc>>().ok());
            match at {
                Some(at) if !record.raw.contains('\u{fffd}') => {
                    let (at, whole) = (at.timestamp_micros(), !record.position.contains('#'));
                    if whole {
                        decoder.body(record.raw.as_bytes(), at, &record.position);
                    } else {
                        decoder.event(record.raw.as_bytes(), at, record.position.clone());
                    }
                }
                // Bytes that are no text were replaced when it was kept: it is not what was sent.
                _ => decoder.rejected.push(record),
            }
        }
        decoder.finish(None)
    }

    fn overlap(&self, stream: &str, cursor: Option<&Cursor>) -> Overlap {
        let (Ok(stream), Ok(Some(place))) = (self.stream(stream), Place::of(cursor)) else { return Overlap::All };
        let known = TimeDelta::seconds(stream.known_seconds as i64);
        DateTime::from_timestamp_micros(place.at)
            .and_then(|at| at.checked_sub_signed(known))
            .map_or(Overlap::All, |since| Overlap::Since { column: RECEIVED_AT.to_owned(), since })
    }

    async fn check(&self) -> Result<(), SourceError> {
        for stream in &self.streams {
            log::segments(&stream.folder).map_err(|error| broken(&stream.folder, &error))?;
        }
        Ok(())
    }

    fn is_repeatable(&self) -> bool {
        false
    }
}

fn schema(stream: &WebhookStream) -> StreamSchema {
    let mut columns: Vec<Column> =
        fields(stream).into_iter().map(|field| Column::new(field.column, field.ty)).collect();
    columns.push(Column::new(EVENT_ID, ColumnType::String));
    columns.push(Column::new(RECEIVED_AT, ColumnType::Timestamp(TimestampFormat::default())));
    let key = if stream.key.is_empty() { vec![EVENT_ID.to_owned()] } else { stream.key.clone() };
    StreamSchema { columns, key, cursor: Some(RECEIVED_AT.to_owned()), nested: stream.raw, located: false }
}

fn fields(stream: &WebhookStream) -> Vec<JsonField> {
    stream.columns.iter().map(|(path, ty)| JsonField::dotted(path, ty.clone())).collect()
}

/// Why reading ends early.
enum Halt {
    Failed(SourceError),
    /// Nobody takes pages any more.
    Gone,
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

type Pages = mpsc::Sender<Result<Page, SourceError>>;

fn read_all(stream: &Arc<WebhookStream>, from: Option<Place>, pages: &Pages) -> Result<(), Halt> {
    let folder = &stream.folder;
    let failed = |error: io::Error| broken(folder, &error);
    let Some(log) = log::identity(folder).map_err(failed)? else { return Ok(()) };
    let mut place = match from {
        Some(place) if place.log == log => place,
        Some(other) => {
            tracing::warn!("{}: this is another log than the one read before; it is read from its start", stream.name);
            Place { log, segment: 0, offset: 0, at: other.at }
        }
        None => {
            if folder.join(REMOVED).exists() {
                tracing::warn!(
                    "{}: earlier events were landed in a lake before and are not in {} any more",
                    stream.name,
                    folder.display()
                );
            }
            Place { log, segment: 0, offset: 0, at: 0 }
        }
    };
    let segments = log::segments(folder).map_err(failed)?;
    let (landed, due): (Vec<_>, Vec<_>) =
        segments.into_iter().map(|(segment, _)| segment).partition(|segment| *segment < place.segment);
    for segment in landed {
        remove(folder, segment).map_err(failed)?;
    }
    let last = due.last().copied();
    let mut decoder = Decoder::new(Arc::clone(stream));
    for segment in due {
        if segment > place.segment {
            (place.segment, place.offset) = (segment, 0);
        }
        let mut reader = Reader::open(folder, segment, place.offset).map_err(failed)?;
        loop {
            match reader.next().map_err(failed)? {
                Found::Record(record) => {
                    let at = instant(record.at);
                    let position = format!("{}:{segment}/{}{RECEIVED}{at}", stream.name, place.offset);
                    decoder.body(&record.body, record.at, &position);
                    (place.offset, place.at) = (record.end, place.at.max(record.at));
                    if decoder.is_full() {
                        emit(decoder.finish(Some(place.cursor()))?, pages)?;
                    }
                }
                Found::End => break,
                // The receiver is writing it, or was killed in the middle: nobody was told that it is kept.
                Found::Torn if Some(segment) == last => break,
                Found::Torn => {
                    let file = log::path(folder, segment);
                    let what = format!("the log is damaged at byte {}", reader.offset());
                    return Err(SourceError::failed(file.display().to_string(), what)
                        .with_hint("check the disk; moved out of the folder, the file is left out and the rest is read")
                        .into());
                }
            }
        }
    }
    if decoder.is_empty() { Ok(()) } else { emit(decoder.finish(Some(place.cursor()))?, pages) }
}

fn emit(page: Page, pages: &Pages) -> Result<(), Halt> {
    pages.blocking_send(Ok(page)).map_err(|_| Halt::Gone)
}

/// Removes a segment whose events are all committed, since the stored cursor is behind it.
fn remove(folder: &Path, segment: i64) -> io::Result<()> {
    let mark = folder.join(REMOVED);
    if !mark.exists() {
        fs::write(mark, "")?;
    }
    match fs::remove_file(log::path(folder, segment)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn broken(folder: &Path, error: &io::Error) -> SourceError {
    SourceError::failed(folder.display().to_string(), format!("the log of events cannot be read: {error}"))
}

fn instant(at: i64) -> String {
    DateTime::from_timestamp_micros(at).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Bodies on their way to rows.
struct Decoder {
    stream: Arc<WebhookStream>,
    json: JsonDecoder,
    id: Vec<JsonPath>,
    events: Option<JsonPath>,
    /// Id and instant of each event given to `json`, by its number.
    known: Vec<(String, i64)>,
    rejected: Vec<Rejected>,
    bytes: usize,
}

impl Decoder {
    fn new(stream: Arc<WebhookStream>) -> Self {
        let options = RowOptions { raw: stream.raw, located: true, zone: stream.zone, ..RowOptions::default() };
        Self {
            json: JsonDecoder::with_options(&fields(&stream), options).requiring(&stream.key),
            id: stream.id.iter().map(|dotted| path(dotted)).collect(),
            events: stream.events.as_deref().map(path),
            stream,
            known: Vec::new(),
            rejected: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES || self.known.len() >= PAGE_EVENTS
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty() && self.rejected.is_empty() && self.bytes == 0
    }

    /// Takes what one request brought.
    fn body(&mut self, body: &[u8], at: i64, position: &str) {
        self.bytes += body.len().max(1);
        let several = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let path = match &self.events {
            Some(path) => path.as_slice(),
            None if several => &[],
            None => return self.event(body, at, numbered(position, 0)),
        };
        let reason = match find(body, &[], Some(path)) {
            Ok(Places { elements: Some(events), .. }) => {
                for (index, range) in events.into_iter().enumerate() {
                    self.event(&body[range], at, numbered(position, index));
                }
                return;
            }
            Ok(_) => format!("there is no array of events at `{}`", path.join(".")),
            Err(error) => format!("what was sent is no JSON: {error}"),
        };
        let raw = String::from_utf8_lossy(body).into_owned();
        self.rejected.push(Rejected { position: position.to_owned(), column: None, reason, raw });
    }

    /// Takes one event.
    fn event(&mut self, event: &[u8], at: i64, position: String) {
        let id = if self.id.is_empty() {
            Ok(format!("{:032x}", xxh3_128(event.trim_ascii())))
        } else {
            let values = scalars(event, &self.id);
            let several = values.len() > 1;
            values
                .into_iter()
                .zip(&self.stream.id)
                .map(|(value, path)| value.map(|value| if several { escaped(&value) } else { value }).ok_or(path))
                .collect::<Result<Vec<_>, _>>()
                .map(|parts| parts.join("/"))
        };
        match id {
            Ok(id) => {
                let number = self.known.len() as i64;
                self.json.push_at(event, ("", number), &|| position.clone());
                self.known.push((id, at));
            }
            Err(path) => {
                let reason = match std::str::from_utf8(event).map(serde_json::from_str::<serde::de::IgnoredAny>) {
                    Ok(Ok(_)) => format!("the event has no `{path}` to be told by"),
                    _ => "the event is no JSON".to_owned(),
                };
                let raw = String::from_utf8_lossy(event).into_owned();
                self.rejected.push(Rejected { position, column: None, reason, raw });
            }
        }
    }

    /// The page of all that was taken since the last one.
    fn finish(&mut self, cursor: Option<Cursor>) -> Result<Page, SourceError> {
        let (batch, refused) = self.json.finish();
        let mut rejected = std::mem::take(&mut self.rejected);
        rejected.extend(refused);
        let known = std::mem::take(&mut self.known);
        self.bytes = 0;
        let numbers = batch.column_by_name(ROW).map(|rows| rows.as_primitive::<Int64Type>().values().to_vec());
        let of: Vec<&(String, i64)> =
            numbers.unwrap_or_default().into_iter().filter_map(|number| known.get(number as usize)).collect();
        let schema = schema(&self.stream).arrow();
        let columns: Option<Vec<ArrayRef>> = schema
            .fields()
            .iter()
            .map(|field| -> Option<ArrayRef> {
                Some(match field.name().as_str() {
                    EVENT_ID => Arc::new(of.iter().map(|(id, _)| Some(id)).collect::<StringArray>()),
                    RECEIVED_AT => {
                        let at: Vec<i64> = of.iter().map(|(_, at)| *at).collect();
                        Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"))
                    }
                    // An event is itself by its id, whatever else is said of it when it is sent again.
                    HASH => {
                        let hashes: Vec<i64> = of.iter().map(|(id, _)| xxh3_64(id.as_bytes()) as i64).collect();
                        Arc::new(Int64Array::from(hashes))
                    }
                    name => Arc::clone(batch.column_by_name(name)?),
                })
            })
            .collect();
        let rows = columns
            .ok_or_else(|| format!("a column of {RAW} or of the events is missing"))
            .and_then(|columns| RecordBatch::try_new(schema, columns).map_err(|error| error.to_string()))
            .map_err(|what| SourceError::failed(&self.stream.name, what))?;
        Ok(Page { rows, rejected, cursor, requests: 1 })
    }
}

/// Parts of an id stay apart when they are joined by `/`.
fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace('/', "%2F")
}

/// The position of one event of a request.
fn numbered(position: &str, index: usize) -> String {
    match position.rsplit_once(RECEIVED) {
        Some((place, at)) => format!("{place}#{index}{RECEIVED}{at}"),
        None => format!("{position}#{index}"),
    }
}

#[cfg(test)]
mod tests {
    use affluent_spec::pipeline::Signature;
    use futures::TryStreamExt;
    use indexmap::IndexMap;

    use super::*;
    use crate::webhooks::log::{encode, establish};

    fn stream(folder: &Path, id: &[&str], events: Option<&str>) -> WebhookStream {
        WebhookStream {
            name: "events".to_owned(),
            path: "/e".to_owned(),
            signature: Signature::None,
            id: id.iter().map(|path| (*path).to_owned()).collect(),
            events: events.map(str::to_owned),
            columns: IndexMap::from([("n".to_owned(), ColumnType::Integer)]),
            key: Vec::new(),
            zone: chrono_tz::Tz::UTC,
            raw: true,
            known_seconds: 60,
            folder: folder.to_owned(),
        }
    }

    fn segment(folder: &Path, number: i64, bodies: &[&str]) {
        establish(folder, "one").unwrap();
        let mut buffer = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            encode(&mut buffer, number * 1_000_000 + index as i64, body.as_bytes());
        }
        fs::write(log::path(folder, number), buffer).unwrap();
    }

    async fn read(source: &WebhookSource, from: Option<Cursor>) -> Vec<Page> {
        source.read("events", Window { from }).try_collect().await.unwrap()
    }

    fn ids(pages: &[Page]) -> Vec<String> {
        let of = |page: &Page| -> Vec<String> {
            let ids = page.rows.column_by_name(EVENT_ID).unwrap().as_string::<i32>().clone();
            ids.iter().flatten().map(str::to_owned).collect()
        };
        pages.iter().flat_map(of).collect()
    }

    #[tokio::test]
    async fn goes_on_at_its_place_and_removes_what_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let source = WebhookSource::new("hooks", vec![stream(folder, &["id"], None)]);
        assert!(read(&source, None).await.is_empty(), "nothing was received yet");
        segment(folder, 1, &[r#"{"id":"a","n":1}"#, r#"[{"id":"b","n":2},{"id":"c","n":"x"},{"n":4}]"#]);
        segment(folder, 2, &[r#"{"id":"d"}"#]);
        let pages = read(&source, None).await;
        assert_eq!(ids(&pages), ["a", "b", "d"]);
        let refused: Vec<&str> = pages[0].rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(pages[0].rejected.iter().any(|rejected| rejected.position.contains("#2 received 1970-01-01T00:00:01")));
        let cursor = pages.last().unwrap().cursor.clone();
        assert_eq!(
            source.overlap("events", cursor.as_ref()),
            Overlap::Since {
                column: RECEIVED_AT.to_owned(),
                since: DateTime::from_timestamp(2, 0).unwrap() - TimeDelta::seconds(60)
            }
        );
        assert!(read(&source, cursor.clone()).await.is_empty());
        let left: Vec<i64> = log::segments(folder).unwrap().into_iter().map(|(number, _)| number).collect();
        assert_eq!(left, [2], "the first segment is landed, the second may still grow");
        segment(folder, 3, &[r#"{"id":"e"}"#]);
        assert_eq!(ids(&read(&source, cursor).await), ["e"]);

        let again = source.replay("events", None, pages[0].rejected.clone()).await.unwrap();
        assert_eq!((again.rows.num_rows(), again.rejected.len()), (0, 2));
        let mended = Rejected { raw: r#"{"id":"c","n":3}"#.to_owned(), ..pages[0].rejected[1].clone() };
        let page = source.replay("events", None, vec![mended]).await.unwrap();
        let at = page.rows.column_by_name(RECEIVED_AT).unwrap();
        assert_eq!(at.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(0), 1_000_001);
    }

    #[tokio::test]
    async fn an_event_is_itself_by_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        segment(
            folder,
            1,
            &[r#"{"data":[{"id":1,"of":"a/b","try":0},{"id":1,"of":"a/b","try":1}]}"#, r#"{"x":1}"#, "{"],
        );
        let source = WebhookSource::new("hooks", vec![stream(folder, &["id", "of"], Some("data"))]);
        let pages = read(&source, None).await;
        assert_eq!(ids(&pages), ["1/a%2Fb", "1/a%2Fb"]);
        let hashes = pages[0].rows.column_by_name(HASH).unwrap().as_primitive::<Int64Type>().clone();
        assert_eq!(hashes.value(0), hashes.value(1), "so that bronze takes one of them");
        let reasons: Vec<&str> = pages[0].rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
        assert!(reasons[0].contains("no array of events at `data`") && reasons[1].contains("no JSON"), "{reasons:?}");

        let by_text = WebhookSource::new("hooks", vec![stream(folder, &[], Some("data"))]);
        let pages = read(&by_text, None).await;
        assert_ne!(ids(&pages)[0], ids(&pages)[1]);
    }

    #[tokio::test]
    async fn an_event_without_the_key_of_its_record_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        segment(folder, 1, &[r#"{"id":"a","n":1}"#, r#"{"id":"b"}"#, r#"{"id":"c","n":null}"#]);
        let keyed = WebhookStream { key: vec!["n".to_owned()], ..stream(folder, &["id"], None) };
        let pages = read(&WebhookSource::new("hooks", vec![keyed]), None).await;
        assert_eq!(ids(&pages), ["a"]);
        let reasons: Vec<&str> = pages[0].rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
        assert_eq!(reasons, ["the key `n` is missing"; 2]);
    }

    #[tokio::test]
    async fn damage_in_the_middle_is_told_and_a_torn_end_waits() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        segment(folder, 1, &[r#"{"id":"a"}"#, r#"{"id":"b"}"#]);
        let file = log::path(folder, 1);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 3]).unwrap();
        let source = WebhookSource::new("hooks", vec![stream(folder, &["id"], None)]);
        assert_eq!(ids(&read(&source, None).await), ["a"]);
        segment(folder, 2, &[r#"{"id":"c"}"#]);
        let error = source.read("events", Window::default()).try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.to_string().contains("damaged at byte 30"), "{error}");
    }

    #[tokio::test]
    async fn another_log_in_the_place_is_read_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        segment(folder, 5, &[r#"{"id":"a"}"#]);
        let source = WebhookSource::new("hooks", vec![stream(folder, &["id"], None)]);
        let place = Place { log: "another".to_owned(), segment: 9, offset: 77, at: 3 };
        assert_eq!(ids(&read(&source, Some(place.cursor())).await), ["a"]);
        assert!(Place::of(Some(&Cursor("2026".into()))).is_err());
    }
}
