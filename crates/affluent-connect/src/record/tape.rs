//! A recording on disk: a file about the whole, two for each reply, and the rows that they make.
//!
//! `contacts.json` says what was read and with which settings; `contacts-0001.json` is a request and the head of its reply,
//! `contacts-0001.body.json` (or `.txt`) the reply's body; `contacts.rows.ndjson` the rows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// What was recorded of a stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The connector's name.
    pub connector: String,
    /// The stream.
    pub stream: String,
    /// The settings that are no secrets.
    pub with: IndexMap<String, String>,
    /// Whether the stream was read to its end.
    pub complete: bool,
}

/// One reply with its request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taped {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: IndexMap<String, String>,
    /// The file beside this one with the reply's body.
    pub(super) reply: String,
}

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct RecordingError {
    path: PathBuf,
    reason: String,
}

pub(super) fn fault(path: &Path, reason: impl ToString) -> RecordingError {
    RecordingError { path: path.to_owned(), reason: reason.to_string() }
}

fn rows_file(folder: &Path, stream: &str) -> PathBuf {
    folder.join(format!("{stream}.rows.ndjson"))
}

impl Recording {
    /// The recordings in a folder, by stream.
    pub fn all(folder: &Path) -> Result<Vec<Self>, RecordingError> {
        let mut found = Vec::new();
        for path in files(folder).map_err(|error| fault(folder, error))? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let plain = name.strip_suffix(".json").is_some_and(|stem| !stem.contains(['-', '.']));
            if plain {
                let text = fs::read(&path).map_err(|error| fault(&path, error))?;
                found.push(serde_json::from_slice(&text).map_err(|error| fault(&path, error))?);
            }
        }
        Ok(found)
    }

    /// Writes this and the rows that its replies make.
    pub fn write(&self, folder: &Path, rows: &[String]) -> Result<(), RecordingError> {
        let about = folder.join(format!("{}.json", self.stream));
        let text = serde_json::to_string_pretty(self).map_err(|error| fault(&about, error))?;
        fs::write(&about, text + "\n").map_err(|error| fault(&about, error))?;
        let path = rows_file(folder, &self.stream);
        let text = rows.iter().map(|row| format!("{row}\n")).collect::<String>();
        fs::write(&path, text).map_err(|error| fault(&path, error))
    }

    /// The rows that were recorded.
    pub fn rows(&self, folder: &Path) -> Result<Vec<String>, RecordingError> {
        let path = rows_file(folder, &self.stream);
        let text = fs::read_to_string(&path).map_err(|error| fault(&path, error))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

fn is_reply_of(path: &Path, stream: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
        name.strip_prefix(stream)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| rest.as_bytes().get(..4).is_some_and(|number| number.iter().all(u8::is_ascii_digit)))
    })
}

/// Removes the replies of an earlier recording of a stream.
pub(super) fn clear(folder: &Path, stream: &str) -> Result<(), RecordingError> {
    fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
    for path in files(folder).map_err(|error| fault(folder, error))? {
        if is_reply_of(&path, stream) {
            fs::remove_file(&path).map_err(|error| fault(&path, error))?;
        }
    }
    Ok(())
}

/// The replies of a stream in the order in which they came, with their bodies.
pub(super) fn replies(folder: &Path, stream: &str) -> Result<Vec<(Taped, Vec<u8>)>, RecordingError> {
    let mut found = Vec::new();
    for path in files(folder).map_err(|error| fault(folder, error))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_reply_of(&path, stream) || name.contains(".body.") {
            continue;
        }
        let text = fs::read(&path).map_err(|error| fault(&path, error))?;
        let taped: Taped = serde_json::from_slice(&text).map_err(|error| fault(&path, error))?;
        if taped.reply.contains(['/', '\\']) {
            return Err(fault(&path, "the reply's file is not one beside this one"));
        }
        let body = folder.join(&taped.reply);
        let bytes = fs::read(&body).map_err(|error| fault(&body, error))?;
        found.push((taped, bytes));
    }
    Ok(found)
}
