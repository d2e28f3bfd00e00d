//! Replies to files: secrets blotted out, personal data masked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use reqwest::Request;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use url::Url;

use super::mask::Masker;
use super::tape::{self, RecordingError, Taped, fault};
use super::{Asked, Exchange, Wire};
use crate::http::ResolvedSettings;

/// Headers of a reply that never go to a file, and those that would not be true of it.
const LEFT_OUT: [&str; 8] = [
    "set-cookie",
    "authorization",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "cookie",
    "keep-alive",
];

/// Writes what passes to a folder.
pub struct Recorder {
    folder: PathBuf,
    stream: String,
    settings: ResolvedSettings,
    masker: Masker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    replies: usize,
    failed: Option<RecordingError>,
}

impl Recorder {
    /// A recorder of one stream into a folder; an earlier recording of that stream is removed.
    pub fn new(folder: &Path, stream: &str, settings: &ResolvedSettings) -> Result<Self, RecordingError> {
        tape::clear(folder, stream)?;
        Ok(Self {
            folder: folder.to_owned(),
            stream: stream.to_owned(),
            settings: settings.clone(),
            masker: Masker::new(&settings.fingerprint()),
            state: Mutex::new(State::default()),
        })
    }

    /// How many replies were written; the first failure instead.
    pub fn finish(&self) -> Result<usize, RecordingError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failed.take().map_or(Ok(state.replies), Err)
    }

    /// A setting's text as it may be written.
    pub fn plain(&self, text: &str) -> String {
        self.masker.text(&self.settings.conceal(text))
    }

    fn write(&self, exchange: &Exchange, number: usize) -> Result<(), RecordingError> {
        let text = String::from_utf8_lossy(&exchange.body).into_owned();
        let text = self.settings.conceal(&text);
        let table = exchange.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv"));
        let masked = if table { self.masker.table(&text).ok().map(|table| ("csv", table)) } else { None };
        let masked = masked.or_else(|| Some(("json", self.masker.json(&text).ok()?)));
        let lines = || ("txt", text.lines().map(|line| self.masker.text(line) + "\n").collect());
        let (extension, body) = masked.unwrap_or_else(lines);
        let name = format!("{}-{number:04}", self.stream);
        let reply = format!("{name}.body.{extension}");
        let taped = Taped {
            method: exchange.asked.method.to_string(),
            target: self.target(&exchange.asked.url),
            body: exchange.asked.body.as_ref().map(|body| self.sent(body)),
            status: exchange.status.as_u16(),
            headers: self.headers(&exchange.headers),
            reply: reply.clone(),
        };
        let path = self.folder.join(format!("{name}.json"));
        let head = serde_json::to_string_pretty(&taped).map_err(|error| fault(&path, error))?;
        fs::write(&path, head + "\n").map_err(|error| fault(&path, error))?;
        let path = self.folder.join(reply);
        fs::write(&path, body).map_err(|error| fault(&path, error))
    }

    /// Path and query, concealed and masked.
    fn target(&self, url: &Url) -> String {
        let path = self.plain(url.path());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url.query_pairs() {
            query.append_pair(&name, &self.plain(&value));
        }
        let query = query.finish();
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    fn sent(&self, body: &[u8]) -> String {
        let text = self.settings.conceal(&String::from_utf8_lossy(body));
        self.masker.json(&text).unwrap_or_else(|_| self.masker.text(&text))
    }

    fn headers(&self, headers: &HeaderMap) -> indexmap::IndexMap<String, String> {
        headers
            .iter()
            .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
            .filter_map(|(name, value)| Some((name.to_string(), self.plain(value.to_str().ok()?))))
            .collect()
    }
}

/// Log-in is never recorded.
fn is_login(asked: &Asked, body: &[u8]) -> bool {
    let form = asked
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    form || String::from_utf8_lossy(body).contains("\"access_token\"")
}

#[async_trait]
impl Wire for Recorder {
    async fn before(&self, _: &mut Request) {}

    fn after(&self, exchange: &Exchange) {
        if is_login(&exchange.asked, &exchange.body) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.replies += 1;
        let number = state.replies;
        if let Err(error) = self.write(exchange, number) {
            state.failed.get_or_insert(error);
        }
    }
}
