//! What of a stream's files is loaded: the cursor of a file stream.

use std::collections::BTreeMap;

use affluent_spec::ColumnType;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::listing::Found;
use crate::error::SourceError;
use crate::page::Cursor;

/// All files that were loaded, wholly or in part, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Loaded {
    pub(super) files: BTreeMap<String, FileState>,
    /// The columns that bronze has of them where none are declared: as the files name them, with their types.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) columns: IndexMap<String, ColumnType>,
}

/// One file as it was when it was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    /// Hash of all its bytes, hexadecimal: it tells a file that was only touched from one that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<String>,
    /// Records taken from it, refused ones too.
    pub(super) rows: u64,
    /// Whether that was all of it.
    pub(super) done: bool,
}

/// What is to be done with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing, it is loaded.
    Nothing,
    /// Read it, but for this number of records at its start.
    From(u64),
    /// Compare its content with this hash: if it is the same the file was only touched.
    Compare(String),
}

impl Loaded {
    /// The state that a cursor holds.
    pub(super) fn from_cursor(cursor: Option<&Cursor>) -> Result<Self, SourceError> {
        match cursor {
            None => Ok(Self::default()),
            Some(cursor) => Self::deserialize(&cursor.0).map_err(|error| {
                SourceError::failed("", format!("the stored cursor is not one of a file stream: {error}"))
                    .with_hint("if the source changed its kind, load the stream anew with `--full-refresh`")
            }),
        }
    }

    /// The cursor for this state.
    pub(super) fn to_cursor(&self) -> Cursor {
        Cursor(serde_json::to_value(self).unwrap_or_default())
    }

    /// What is to be done with a file that is there now; an error if it is not the one that was loaded.
    pub(super) fn due(&self, file: &Found) -> Result<Due, SourceError> {
        let Some(state) = self.files.get(&file.name) else { return Ok(Due::From(0)) };
        let same = match (&state.etag, &file.etag) {
            (Some(then), Some(now)) => then == now,
            _ => state.modified == file.modified,
        };
        match (&state.hash, state.size == file.size) {
            (_, true) if same && state.done => Ok(Due::Nothing),
            (_, true) if same => Ok(Due::From(state.rows)),
            (Some(hash), true) if state.done => Ok(Due::Compare(hash.clone())),
            _ => Err(changed(&file.name, &format!("it had {} bytes and has {}", state.size, file.size))),
        }
    }
}

/// The error for a file that is not as it was loaded.
pub(super) fn changed(name: &str, how: &str) -> SourceError {
    SourceError::failed(name, format!("the file was changed after it was loaded ({how})"))
        .with_hint("deliver changes under a new file name, or load the stream anew with `--full-refresh`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::listing::At;

    fn found(size: u64, second: i64) -> Found {
        let modified = DateTime::from_timestamp(second, 0);
        Found { name: "a.csv".to_owned(), size, modified, etag: None, at: At::Local("a.csv".into()) }
    }

    fn loaded(hash: Option<&str>, done: bool) -> Loaded {
        let state = FileState {
            size: 10,
            modified: DateTime::from_timestamp(1, 0),
            etag: None,
            hash: hash.map(str::to_owned),
            rows: 7,
            done,
        };
        Loaded { files: BTreeMap::from([("a.csv".to_owned(), state)]), columns: IndexMap::new() }
    }

    #[test]
    fn a_file_is_loaded_once_and_a_changed_one_is_told() {
        assert_eq!(Loaded::default().due(&found(10, 1)), Ok(Due::From(0)));
        assert_eq!(loaded(None, true).due(&found(10, 1)), Ok(Due::Nothing));
        assert_eq!(loaded(None, false).due(&found(10, 1)), Ok(Due::From(7)));
        assert_eq!(loaded(Some("ab"), true).due(&found(10, 2)), Ok(Due::Compare("ab".to_owned())));
        for (state, now) in [
            (loaded(None, true), found(10, 2)),
            (loaded(Some("ab"), true), found(11, 2)),
            (loaded(Some("ab"), false), found(10, 2)),
        ] {
            let error = state.due(&now).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains("--full-refresh")), "{error}");
        }
    }

    #[test]
    fn the_cursor_reads_back_and_a_foreign_one_is_refused() {
        let state = loaded(Some("ab"), false);
        assert_eq!(Loaded::from_cursor(Some(&state.to_cursor())).unwrap(), state);
        assert!(Loaded::from_cursor(Some(&Cursor("2026-01-01".into()))).is_err());
    }
}
