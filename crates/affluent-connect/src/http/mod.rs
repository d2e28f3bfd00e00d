//! HTTP APIs, read as a manifest says.
//!
//! One task asks for pages and locates their records ([`producer`]): by lists ([`listing`]), in slices of time ([`slices`]),
//! by what the server gave last time ([`opaque`]), for each record of a parent ([`children`]) or in the order of a cursor
//! ([`keyset`], [`ordered`]), or, where that means many pages, by a job of the server ([`bulk`]). The stream that the engine polls
//! decodes them meanwhile. Pages are passed through a channel that holds two,
//! so memory is bounded by a few answers.

mod auth;
pub(crate) mod body;
mod budget;
mod bulk;
mod children;
mod client;
mod cursor;
mod deleted;
mod dialect;
mod formats;
mod keyset;
mod links;
mod listing;
mod offsets;
mod opaque;
mod ordered;
mod pages;
mod paging;
mod plan;
mod probe;
mod producer;
mod record;
mod request;
mod retry;
mod settings;
mod shape;
mod slices;
mod state;

use std::sync::Arc;

use affluent_spec::Name;
use affluent_spec::connector::{Connector, Value};
use affluent_spec::pipeline::StreamOptions;
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use indexmap::IndexMap;
use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub use auth::Keeper;
pub use probe::probe;
pub use retry::Patience;
pub use settings::{ResolvedSettings, read_secret};

use client::{Call, Client};
use cursor::Way;
use plan::StreamPlan;
use producer::{Producer, RawPage};
use state::State;

use crate::decode::JsonDecoder;
use crate::record::Wire;
use crate::{Cursor, Overlap, Page, Rejected, Source, SourceError, StreamSchema, Window};

/// Pages that wait to be decoded.
const AHEAD: usize = 2;
/// Stands behind the position of a record that says that it is gone.
const TOMBSTONE: &str = " (deleted)";
/// Rows after which waiting pages are no longer joined to one.
const JOINED_ROWS: usize = 8_192;

/// A source behind an HTTP API.
pub struct HttpSource {
    /// The connector's.
    name: String,
    client: Arc<Client>,
    plans: IndexMap<String, Arc<StreamPlan>>,
    check: Call,
}

impl HttpSource {
    /// The source that a manifest describes, with its settings, for the streams that a pipeline takes.
    pub fn new(
        manifest: &Connector,
        settings: &ResolvedSettings,
        streams: &IndexMap<Name, StreamOptions>,
    ) -> Result<Self, SourceError> {
        Self::with_patience(manifest, settings, streams, Patience::default())
    }

    /// The same with other bounds on retries.
    pub fn with_patience(
        manifest: &Connector,
        settings: &ResolvedSettings,
        streams: &IndexMap<Name, StreamOptions>,
        patience: Patience,
    ) -> Result<Self, SourceError> {
        let plans: Result<IndexMap<_, _>, SourceError> = streams
            .iter()
            .map(|(name, options)| {
                let plan = StreamPlan::new(manifest, settings, name.as_str(), options)?;
                Ok((name.to_string(), Arc::new(plan)))
            })
            .collect();
        let check = &manifest.http.check;
        let query = check.query.iter().filter_map(|(name, value)| match value {
            Value::Text(text) => Some(settings.fill(text).map(|text| (name.clone(), text))),
            Value::Expression(affluent_spec::connector::Expression::Setting(setting)) => {
                Some(Ok((name.clone(), settings.text(setting).to_owned())))
            }
            Value::Expression(_) => None,
        });
        Ok(Self {
            name: manifest.connector.to_string(),
            client: Arc::new(Client::new(&manifest.http, settings, patience)?),
            plans: plans?,
            check: Call {
                method: Method::GET,
                target: settings.fill(&check.get)?,
                query: query.collect::<Result<_, SourceError>>()?,
                headers: HeaderMap::new(),
                json: None,
                rules: Vec::new(),
            },
        })
    }

    /// The same with somebody who sees what is sent and what comes back.
    #[must_use]
    pub fn watched(mut self, wire: Arc<dyn Wire>) -> Self {
        if let Some(client) = Arc::get_mut(&mut self.client) {
            client.watch(wire);
        }
        self
    }

    /// Has refresh tokens kept that a server gives in place of the one configured.
    #[must_use]
    pub fn keeping(self, keeper: Keeper) -> Self {
        self.client.keep_in(keeper);
        self
    }

    fn plan(&self, stream: &str) -> Result<&Arc<StreamPlan>, SourceError> {
        let known = || self.plans.keys().map(String::as_str);
        self.plans.get(stream).ok_or_else(|| SourceError::no_stream(self.name.as_str(), stream, known()))
    }
}

#[async_trait]
impl Source for HttpSource {
    async fn discover(&self, stream: &str) -> Result<StreamSchema, SourceError> {
        self.plan(stream).map(|plan| plan.schema())
    }

    fn read(&self, stream: &str, window: Window) -> BoxStream<'static, Result<Page, SourceError>> {
        let started = self.plan(stream).and_then(|plan| Ok((Arc::clone(plan), State::read(window.from.as_ref())?)));
        match started {
            Ok((plan, state)) => pages(Arc::clone(&self.client), plan, state),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn replay(
        &self,
        stream: &str,
        _cursor: Option<&Cursor>,
        refused: Vec<Rejected>,
    ) -> Result<Page, SourceError> {
        let mut decoder = Decoder::new(Arc::clone(self.plan(stream)?));
        for record in refused {
            decoder.again(record);
        }
        let (rows, rejected) = decoder.json.finish();
        Ok(Page { rows, rejected, cursor: None, requests: 0 })
    }

    fn overlap(&self, stream: &str, cursor: Option<&Cursor>) -> Overlap {
        let Ok(plan) = self.plan(stream) else { return Overlap::All };
        let Ok(State { at: Some(at), page: None, .. }) = State::read(cursor) else { return Overlap::All };
        match &plan.cursor {
            // What is asked for by the server's own token may run out, and then all comes again.
            Some(cursor) if !matches!(cursor.way, Way::Whole | Way::Opaque { .. }) => {
                Overlap::Since { column: cursor.column().to_owned(), since: cursor.since(at) }
            }
            _ => Overlap::All,
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.client.fetch(&self.check, |_| Ok(())).await?.reply().map(drop)
    }
}

/// Asks for the pages of a stream in a task of its own, and decodes them as they are polled.
fn pages(client: Arc<Client>, plan: Arc<StreamPlan>, state: State) -> BoxStream<'static, Result<Page, SourceError>> {
    async_stream::stream! {
        let (out, mut raw) = mpsc::channel(AHEAD);
        let producer = Producer::new(client, Arc::clone(&plan), out);
        let task = AbortOnDropHandle::new(tokio::spawn(producer.run(state)));
        let mut decoder = Decoder::new(plan);
        while let Some(page) = raw.recv().await {
            let mut failure = decoder.push(page);
            while failure.is_none() && decoder.rows() < JOINED_ROWS {
                let Ok(page) = raw.try_recv() else { break };
                failure = decoder.push(page);
            }
            if let Some(page) = decoder.finish() {
                yield Ok(page);
            }
            if let Some(error) = failure {
                yield Err(error);
                return;
            }
        }
        if let Err(fault) = task.await {
            yield Err(SourceError::failed("", format!("reading stopped: {fault}")));
        }
    }
    .boxed()
}

/// Pages on their way to rows.
struct Decoder {
    plan: Arc<StreamPlan>,
    json: JsonDecoder,
    key: Vec<body::Path>,
    open: Option<Joined>,
}

/// What is known of the pages joined so far.
struct Joined {
    state: Option<State>,
    requests: u32,
}

impl Decoder {
    fn new(plan: Arc<StreamPlan>) -> Self {
        let mut json =
            JsonDecoder::new(&plan.json_fields(), plan.raw).with_timezone(plan.zone).requiring(&plan.required());
        if plan.is_soql() {
            // The same record is JSON when it is read page by page, and a line of CSV when it is read by a job.
            json = json.hashing_values();
        }
        let key = plan.key_paths();
        Self { plan, json, key, open: None }
    }

    fn rows(&self) -> usize {
        self.json.len()
    }

    /// Takes a page in; gives back the error that ends the stream.
    fn push(&mut self, page: Result<RawPage, SourceError>) -> Option<SourceError> {
        let page = match page {
            Ok(page) => page,
            Err(error) => return Some(error),
        };
        for (index, range) in page.records.iter().enumerate() {
            let record = &page.body[range.clone()];
            let deleted = page.deleted.of(index);
            let (name, key) = (&self.plan.name, &self.key);
            let position = || {
                let values: Vec<String> =
                    body::scalars(record, key).into_iter().map(Option::unwrap_or_default).collect();
                format!("{name}:{}{}", values.join("/"), if deleted { TOMBSTONE } else { "" })
            };
            self.json.push(record, &position, deleted);
        }
        let joined = self.open.get_or_insert(Joined { state: None, requests: 0 });
        joined.state = page.state;
        joined.requests += page.requests;
        None
    }

    /// Takes a record that was refused before.
    fn again(&mut self, record: Rejected) {
        if record.raw.contains('\u{fffd}') {
            // Bytes that are no text were replaced when the record was kept: it is not what the source said.
            self.json.reject(record);
        } else {
            let deleted = record.position.ends_with(TOMBSTONE);
            self.json.push(record.raw.as_bytes(), &|| record.position.clone(), deleted);
        }
    }

    fn finish(&mut self) -> Option<Page> {
        let joined = self.open.take()?;
        let (rows, rejected) = self.json.finish();
        let cursor = joined.state.map(|state| state.cursor());
        Some(Page { rows, rejected, cursor, requests: joined.requests })
    }
}
