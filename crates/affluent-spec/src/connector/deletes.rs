//! How deleted records are told.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Next, Value};
use crate::template::Template;

/// How deleted records are told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deletes {
    /// The same request with these parameters lists the deleted records.
    Query(IndexMap<String, Value>),
    /// The field that is set in a deleted record: a boolean that is true, an instant or a day.
    Flag(String),
    /// Paths with the texts that records have there when they are deleted.
    Value(IndexMap<String, String>),
    /// Records among the others that say no more than what was deleted.
    Entry(EntryRule),
    /// A list of its own of what was deleted.
    List(Box<TombstoneList>),
}

/// Records that say what was deleted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRule {
    /// Paths with the texts that such a record has there.
    pub when: IndexMap<String, String>,
    /// The fields of the stream's key, each with the path in such a record that holds it.
    pub key: IndexMap<String, String>,
}

/// A list of its own of what was deleted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TombstoneList {
    /// The path to GET.
    pub get: Template,
    /// The query of the request; `{ since: ... }` is where its last read began.
    #[serde(default)]
    pub query: IndexMap<String, Value>,
    /// Headers of the request.
    #[serde(default)]
    pub headers: IndexMap<String, Value>,
    /// The path of its array; without it the answer is the array.
    pub records: Option<String>,
    /// How an answer names the next page.
    pub next: Option<Next>,
    /// The fields of the stream's key, each with the path in such a record that holds it.
    pub key: IndexMap<String, String>,
    /// The path of the instant of the deletion, which becomes the tombstone's cursor.
    pub at: Option<String>,
}
