//! `affluent connectors read`: the first records of a stream as rows, and the request that would come next.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use affluent_connect::http::HttpSource;
use affluent_connect::record::{Gate, Recorder, Recording, Wire, Wires, lines};
use affluent_connect::{Page, Source, StreamSchema, Window};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Name, suggest};
use clap::Args;
use futures::StreamExt;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Context;
use super::replay::{replay, unreadable};
use super::target::{self, With, told};
use crate::failure::Failure;
use crate::{stderr, stdout, text};

/// Characters of a cell that are shown.
const CELL: usize = 32;
/// Refused records that are shown.
const REFUSED: usize = 20;
/// How long one waits for a page before the next request is let through, and for the request after the last page shown.
const SETTLED: Duration = Duration::from_millis(30);
const NEXT: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "Examples:
  affluent connectors read mine/shop.yaml customers --limit 10 --with token=env:SHOP_TOKEN
  affluent connectors read hubspot contacts --limit 0 --json
  affluent connectors read mine/shop.yaml customers --with token=env:SHOP_TOKEN --record mine/replies/shop";

/// Read the first records of a stream: rows, types, refused records, and the next request
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReadArgs {
    /// A connector's name, or the path of a manifest
    name: String,
    /// The stream
    stream: String,
    /// How many rows; whole pages are asked for. 0 reads to the end
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    with: With,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(super) json: bool,
    /// Write each request and its reply into this folder, without secrets, personal data masked
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// What was read.
#[derive(Default)]
struct Got {
    rows: Vec<Value>,
    refused: Vec<affluent_connect::Rejected>,
    ended: bool,
}

impl Got {
    fn take(&mut self, page: Page) -> Result<(), affluent_connect::SourceError> {
        let rows = page.rows.num_rows();
        for line in lines(&page)?.iter().take(rows) {
            self.rows.push(serde_json::from_str(line).unwrap_or_default());
        }
        self.refused.extend(page.rejected);
        Ok(())
    }

    fn is_enough(&self, limit: usize) -> bool {
        limit > 0 && self.rows.len() + self.refused.len() >= limit
    }
}

/// Reads and shows.
pub(super) async fn read(args: &ReadArgs, folder: Option<&Path>, context: &Context) -> Result<(), Failure> {
    let manifest = target::find(&args.name, folder)?.manifest;
    if manifest.stream(&args.stream).is_none() {
        let known = manifest.streams.keys().map(Name::as_str);
        let hint = suggest::hint(&args.stream, known)
            .unwrap_or_else(|| format!("`affluent connectors show {}` lists them", args.name));
        return Err(Failure::usage(format!("`{}` has no stream `{}`", manifest.connector, args.stream)).hint(hint));
    }
    let stream: Name = args.stream.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    let settings = args.with.resolve(&manifest)?;
    let gate = Arc::new(Gate::new(&settings));
    let recorder = match &args.record {
        Some(folder) => Some(Arc::new(Recorder::new(folder, &args.stream, &settings).map_err(unreadable)?)),
        None => None,
    };
    let mut wires: Vec<Arc<dyn Wire>> = vec![gate.clone()];
    wires.extend(recorder.clone().map(|recorder| recorder as Arc<dyn Wire>));
    let streams = IndexMap::from([(stream, StreamOptions::default())]);
    let source = target::open(&manifest, &settings, &streams)?.watched(Arc::new(Wires(wires)));
    let schema = source.discover(&args.stream).await.map_err(|error| told(&manifest, error))?;
    let read = tokio::select! {
        read = gather(&source, &args.stream, &gate, args.limit) => read,
        () = context.stop.cancelled() => return Err(affluent_engine::Error::Interrupted.into()),
    };
    let got = read.map_err(|error| told(&manifest, error))?;
    let next = if got.ended { None } else { gate.next() };
    if let (Some(folder), Some(recorder)) = (&args.record, recorder) {
        let replies = recorder.finish().map_err(unreadable)?;
        let with = settings.plain().iter().map(|(name, value)| (name.clone(), recorder.plain(value))).collect();
        let recording = Recording {
            connector: manifest.connector.to_string(),
            stream: args.stream.clone(),
            with,
            complete: got.ended,
        };
        let rows = replay(&manifest, &recording, folder).await?.rows;
        recording.write(folder, &rows).map_err(unreadable)?;
        stderr::notice(&format!("{} recorded in {}", text::count(replies as u64, "request"), folder.display()));
    }
    if args.json { as_json(args, &schema, &got, &gate, next) } else { as_table(args, &schema, &got, &gate, next) }
}

/// Lets requests through one by one until there are rows enough, and waits for the one that would be next.
async fn gather(
    source: &HttpSource,
    stream: &str,
    gate: &Gate,
    limit: usize,
) -> Result<Got, affluent_connect::SourceError> {
    let mut got = Got::default();
    let mut pages = source.read(stream, Window::default());
    loop {
        let page = tokio::select! {
            biased;
            page = pages.next() => page,
            () = gate.waits() => match tokio::time::timeout(SETTLED, pages.next()).await {
                Ok(page) => page,
                Err(_) => {
                    gate.pass();
                    continue;
                }
            },
        };
        match page {
            Some(page) => got.take(page?)?,
            None => got.ended = true,
        }
        if got.ended || got.is_enough(limit) {
            break;
        }
    }
    if !got.ended {
        tokio::select! {
            () = gate.waits() => {}
            // What comes without a request was on its way already.
            page = pages.next() => match page {
                Some(page) => got.take(page?)?,
                None => got.ended = true,
            },
            () = tokio::time::sleep(NEXT) => {}
        }
    }
    Ok(got)
}

fn as_json(
    args: &ReadArgs,
    schema: &StreamSchema,
    got: &Got,
    gate: &Gate,
    next: Option<String>,
) -> Result<(), Failure> {
    let types: serde_json::Map<String, Value> =
        schema.columns.iter().map(|column| (column.name.clone(), column.ty.to_string().into())).collect();
    let refused: Vec<Value> = got
        .refused
        .iter()
        .map(|one| json!({ "position": one.position, "column": one.column, "reason": one.reason }))
        .collect();
    stdout::json(&json!({
        "status": "ok", "stream": args.stream, "types": types, "key": schema.key, "cursor": schema.cursor,
        "rows": shown(&got.rows, args.limit), "refused": refused, "requests": gate.sent(), "next": next, "ended": got.ended,
    }))
}

fn shown(rows: &[Value], limit: usize) -> &[Value] {
    if limit == 0 { rows } else { &rows[..rows.len().min(limit)] }
}

fn as_table(
    args: &ReadArgs,
    schema: &StreamSchema,
    got: &Got,
    gate: &Gate,
    next: Option<String>,
) -> Result<(), Failure> {
    let columns = &schema.columns;
    let mut table: Vec<Vec<String>> = vec![
        columns.iter().map(|column| column.name.clone()).collect(),
        columns.iter().map(|column| column.ty.to_string()).collect(),
    ];
    for row in shown(&got.rows, args.limit) {
        table.push(columns.iter().map(|column| cell(row.get(&column.name))).collect());
    }
    let rows = text::count(got.rows.len() as u64, "row");
    let requests = text::count(gate.sent().into(), "request");
    let mut out = vec![
        text::columns(&table, &[]),
        String::new(),
        format!("{rows} read by {requests}, {} refused", got.refused.len()),
    ];
    for one in got.refused.iter().take(REFUSED) {
        let column = one.column.as_deref().map(|column| format!("{column}: ")).unwrap_or_default();
        out.push(format!("  {}: {column}{}", one.position, one.reason));
    }
    match next {
        Some(next) => out.push(format!("next request: {next}")),
        None if got.ended => out.push("no next request: this was the last page".to_owned()),
        None => {}
    }
    stdout::line(&out.join("\n"))
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return "·".to_owned(),
        Some(Value::String(text)) => text.replace(['\n', '\r', '\t'], " "),
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= CELL { text } else { text.chars().take(CELL - 1).chain(['…']).collect() }
}
