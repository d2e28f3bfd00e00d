//! A web server's log as a source: what a manifest cannot say, said by the trait [`Source`].
//!
//! The log is appended to. Its cursor is the byte behind the last whole line that was read.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use affluent_connect::decode::{JsonDecoder, JsonField};
use affluent_connect::schema::Column;
use affluent_connect::{Cursor, Overlap, Page, Rejected, Source, SourceError, StreamSchema, Window};
use affluent_engine::extract::{StreamReport, extract};
use affluent_engine::plan::StreamPlan;
use affluent_engine::{Error, Lake, Run, Session};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::types::TimestampFormat;
use affluent_spec::{ColumnType, TableName};
use async_trait::async_trait;
use chrono::Utc;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Lines of a page.
const LINES: usize = 10_000;

/// The log's file.
pub struct WebLog {
    path: PathBuf,
}

impl WebLog {
    /// The log in that file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

/// The columns: name and type of each.
fn columns() -> Vec<Column> {
    vec![
        Column::new("line", ColumnType::Integer),
        Column::new("at", ColumnType::Timestamp(TimestampFormat::EpochSeconds)),
        Column::new("visitor", ColumnType::String),
        Column::new("page", ColumnType::String),
    ]
}

/// Decodes values by their declared types; what does not fit is refused with the reason.
fn decoder() -> JsonDecoder {
    let field = |column: Column| JsonField { path: vec![column.name.clone()], column: column.name, ty: column.ty };
    let fields: Vec<JsonField> = columns().into_iter().map(field).collect();
    JsonDecoder::new(&fields, false).requiring(&["line".to_owned(), "at".to_owned()])
}

/// Gives a line to the decoder; the byte at which it begins is its key.
fn take(decoder: &mut JsonDecoder, at: u64, line: &str) -> Option<Rejected> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let position = format!("byte {at}");
    let [time, visitor, page] = parts[..] else {
        let reason = "a line has a time, a visitor and a page".to_owned();
        return Some(Rejected { position, column: None, reason, raw: line.to_owned() });
    };
    let record = json!({ "line": at, "at": time, "visitor": visitor, "page": page }).to_string();
    decoder.push(record.as_bytes(), &|| position.clone(), false);
    None
}

/// One page from `from` on; none at the end. A line that is still being written waits for the next run.
fn page(path: &Path, from: u64) -> Result<Option<(Page, u64)>, SourceError> {
    let failed = |error: std::io::Error| SourceError::failed(path.display().to_string(), error.to_string());
    let mut file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() < from {
        return Err(SourceError::failed(path.display().to_string(), "the log is shorter than it was")
            .with_hint("it was rotated: load the rotated file first, under a stream of its own"));
    }
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut input = BufReader::new(file);
    let (mut decoder, mut rejected, mut at) = (decoder(), Vec::new(), from);
    for _ in 0..LINES {
        let mut bytes = Vec::new();
        input.read_until(b'\n', &mut bytes).map_err(failed)?;
        if bytes.last() != Some(&b'\n') {
            break;
        }
        rejected.extend(take(&mut decoder, at, &String::from_utf8_lossy(&bytes)));
        at += bytes.len() as u64;
    }
    if at == from {
        return Ok(None);
    }
    let (rows, refused) = decoder.finish();
    rejected.extend(refused);
    Ok(Some((Page { rows, rejected, cursor: Some(Cursor(at.into())), requests: 1 }, at)))
}

#[async_trait]
impl Source for WebLog {
    async fn discover(&self, _: &str) -> Result<StreamSchema, SourceError> {
        Ok(StreamSchema { columns: columns(), key: vec!["line".to_owned()], ..StreamSchema::default() })
    }

    fn read(&self, _: &str, window: Window) -> BoxStream<'static, Result<Page, SourceError>> {
        let path = self.path.clone();
        let from = window.from.and_then(|cursor| cursor.0.as_u64()).unwrap_or_default();
        // Reading a file blocks: it is done on a thread that may.
        stream::try_unfold(from, move |from| {
            let path = path.clone();
            async move {
                let read = tokio::task::spawn_blocking(move || page(&path, from)).await;
                read.map_err(|error| SourceError::failed("", format!("reading stopped: {error}")))?
            }
        })
        .boxed()
    }

    async fn replay(&self, _: &str, _: Option<&Cursor>, refused: Vec<Rejected>) -> Result<Page, SourceError> {
        let mut decoder = decoder();
        let mut rejected = Vec::new();
        for record in refused {
            let at = record.position.trim_start_matches("byte ").parse().unwrap_or_default();
            rejected.extend(take(&mut decoder, at, &record.raw));
        }
        let (rows, refused) = decoder.finish();
        rejected.extend(refused);
        Ok(Page { rows, rejected, cursor: None, requests: 0 })
    }

    fn overlap(&self, _: &str, _: Option<&Cursor>) -> Overlap {
        // The cursor is exact.
        Overlap::None
    }

    async fn check(&self) -> Result<(), SourceError> {
        page(&self.path, 0).map(drop)
    }
}

/// Loads what is new in the log into `bronze.web_visits` of a lake.
pub async fn load(log: &Path, lake: &Path) -> Result<StreamReport, Error> {
    let plan = StreamPlan {
        pipeline: None,
        source: "web".to_owned(),
        name: "visits".to_owned(),
        table: TableName::bronze("web", "visits"),
        options: StreamOptions::default(),
        columns: None,
    };
    let run = Run {
        run_id: Utc::now().to_rfc3339(),
        as_of: Utc::now(),
        full_refresh: false,
        session: Session::new(None)?,
        stop: CancellationToken::new(),
        listener: Arc::new(|_| {}),
    };
    let here = std::env::current_dir().unwrap_or_default();
    let lake = Lake::at(affluent_engine::lake::location(&lake.display().to_string(), &here)?);
    let (report, error) = extract(&lake, &WebLog::new(log), &plan, &run).await;
    error.map_or(Ok(report), Err)
}
