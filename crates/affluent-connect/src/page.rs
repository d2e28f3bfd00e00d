//! What a source yields: pages of rows, what was refused, and where to go on.

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One portion of a stream.
///
/// `rows` has the columns of [`crate::StreamSchema::arrow`]. A page with a cursor closes a slice: everything read up to
/// here may be committed together with that cursor, and a later read from it misses nothing.
#[derive(Debug)]
pub struct Page {
    /// Records that fit their declared types.
    pub rows: RecordBatch,
    /// Records that do not, each with its reason.
    pub rejected: Vec<Rejected>,
    /// Where to go on after this page; `None` in the middle of a slice.
    pub cursor: Option<Cursor>,
    /// Requests or files that were needed for this page, for progress and reports.
    pub requests: u32,
}

/// A record that cannot be used, kept whole for quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it was found: `orders-2026-01.csv.gz:1042` or the key of an API's record.
    pub position: String,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// Why, in words a data engineer can act on.
    pub reason: String,
    /// The record as it came.
    pub raw: String,
}

/// Where a stream stands: opaque to all but the source that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub serde_json::Value);

/// What a read covers.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// Go on from here; `None` reads from the start.
    pub from: Option<Cursor>,
}

/// Which of the rows that bronze holds a read may deliver again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlap {
    /// None: the cursor is exact (files by name and row).
    None,
    /// Rows whose `column` (a timestamp or day) is at or after `since`, and tombstones.
    Since {
        /// The cursor's column in bronze.
        column: String,
        /// Start of the overlap, inclusive.
        since: DateTime<Utc>,
    },
    /// Rows whose `column` (a whole number) is at least `value`, and tombstones.
    AtLeast {
        /// The cursor's column in bronze.
        column: String,
        /// The lowest of them.
        value: i64,
    },
    /// Any row (a stream without a cursor is read whole each time).
    All,
}
