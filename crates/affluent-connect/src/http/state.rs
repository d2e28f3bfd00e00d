//! Where a stream stands, as it is stored between runs.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::{Cursor, SourceError};

/// The state behind a [`Cursor`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct State {
    /// Everything up to this value of the cursor was read, but for what came late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<DateTime<Utc>>,
    /// The token of the page at which a first load goes on; then `at` holds once that load has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
    /// What the server gave to ask for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// Up to when the list of deleted records was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gone: Option<DateTime<Utc>>,
    /// The job whose results are being read; `at` is what it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<Job>,
}

/// A job of the server whose results are handed over page by page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Job {
    /// Its path, with the version of the API that made it: no other gives its results.
    pub(crate) path: String,
    /// Tells its query from others: one with other fields or conditions is none of this job's.
    pub(crate) query: String,
    /// The server's clock before it was made: what changes from then on may be missing in it.
    pub(crate) began: DateTime<Utc>,
    /// The page at which to go on; the first one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locator: Option<String>,
    /// Records handed over so far.
    #[serde(default)]
    pub(crate) given: u64,
    /// The highest cursor among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) highest: Option<DateTime<Utc>>,
}

impl State {
    /// Reads a stored cursor.
    pub(crate) fn read(cursor: Option<&Cursor>) -> Result<Self, SourceError> {
        let Some(Cursor(json)) = cursor else { return Ok(Self::default()) };
        serde_json::from_value(json.clone()).map_err(|_| {
            SourceError::usage("", format!("the stored cursor is none of this connector: {json}"))
                .with_hint("read the stream anew with --full-refresh")
        })
    }

    /// The cursor to store.
    pub(crate) fn cursor(&self) -> Cursor {
        let mut members = serde_json::Map::new();
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let all = [
            ("at", self.at.map(instant)),
            ("page", self.page.clone()),
            ("token", self.token.clone()),
            ("gone", self.gone.map(instant)),
        ];
        members.extend(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        let job = self.job.as_ref().and_then(|job| serde_json::to_value(job).ok());
        members.extend(job.map(|job| ("job".to_owned(), job)));
        Cursor(members.into())
    }

    /// The same where all was read up to `at`.
    pub(crate) fn reached(&self, at: Option<DateTime<Utc>>) -> Self {
        Self { at: self.at.max(at), page: None, job: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_stores() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123);
        for state in [
            State::default(),
            State { at, ..State::default() },
            State { at, page: Some("42".into()), ..State::default() },
            State { token: Some("x".into()), gone: at, ..State::default() },
            State {
                at,
                job: Some(Job {
                    path: "/jobs/query/750".into(),
                    query: "0f".into(),
                    began: at.unwrap_or_default(),
                    locator: Some("MTAw".into()),
                    given: 7,
                    highest: at,
                }),
                ..State::default()
            },
        ] {
            assert_eq!(State::read(Some(&state.cursor())).unwrap(), state);
        }
        assert_eq!(State::read(None).unwrap(), State::default());
        assert!(State::read(Some(&Cursor(serde_json::json!({ "files": {} })))).is_err());
    }
}
