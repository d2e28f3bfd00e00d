//! One list of a vendor: its records as JSON, in the order of their making.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::RecordCounts;

/// A record as its vendor shows it, with what lists filter and sort by.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: Option<i64>,
    /// The true person it is of, for records of persons.
    pub(crate) person: Option<u32>,
    /// Its JSON, kept as text: a list of parsed values would take ten times the room.
    pub(super) json: Box<str>,
}

impl Entry {
    /// A live record that is of no person.
    pub(crate) fn new(id: String, created: i64, updated: i64, body: &Value) -> Self {
        Self { id, created, updated, deleted: None, person: None, json: body.to_string().into() }
    }

    /// The record as the vendor sends it.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }
}

/// All records of a list, deleted ones included, in the order of (made, id).
#[derive(Debug, Default)]
pub(crate) struct List {
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
}

impl List {
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        let by_id = entries.iter().enumerate().map(|(at, entry)| (entry.id.clone(), at)).collect();
        Self { entries, by_id }
    }

    /// Deleted ones too.
    pub(crate) fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// Those that are not deleted.
    pub(crate) fn live(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.deleted.is_none())
    }

    /// The position of a live record.
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied().filter(|at| self.entries[*at].deleted.is_none())
    }

    pub(crate) fn counts(&self) -> RecordCounts {
        let existing = self.live().count();
        RecordCounts { existing, deleted: self.entries.len() - existing }
    }

    /// The person number of each record of a person, by `stream:id`.
    pub(crate) fn persons(&self, stream: &str, into: &mut BTreeMap<String, u32>) {
        for entry in &self.entries {
            if let Some(person) = entry.person {
                into.insert(format!("{stream}:{}", entry.id), person);
            }
        }
    }
}
