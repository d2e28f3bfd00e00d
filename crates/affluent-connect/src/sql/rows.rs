//! Rows of a database into Arrow columns, each with its hash.

use std::collections::HashMap;

use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::plan::{Plan, says_deleted};
use super::session::Record;
use crate::decode::{RowEnd, Rows};
use crate::error::SourceError;
use crate::page::{Cursor, Page, Rejected};

/// Rows in a page at most.
const PAGE_ROWS: usize = 16 * 1024;
/// Bytes of text in a page at most, but for the row that crosses the line.
const PAGE_BYTES: usize = 4 << 20;

/// Rows that are told apart by what they say, at most: the memory for them is some 150 MiB.
const MOST_ROWS: usize = 5_000_000;

/// The texts of a row: as the database sent it, or as it was kept when it was refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Texts<'a> {
    /// From the database.
    Sent(&'a Record),
    /// From quarantine.
    Kept(&'a [Option<String>]),
}

impl Texts<'_> {
    fn get<'a>(&'a self, at: usize, room: &'a mut String) -> Result<Option<&'a str>, String> {
        match self {
            Self::Sent(record) => record.text(at, room),
            Self::Kept(texts) => Ok(texts.get(at).and_then(Option::as_deref)),
        }
    }

    /// The text of a column that is never null in this order; empty where it is.
    pub(super) fn own(&self, at: usize) -> String {
        let mut room = String::new();
        self.get(at, &mut room).ok().flatten().unwrap_or_default().to_owned()
    }

    /// The row as JSON: each column's text, or null.
    fn json(&self, plan: &Plan) -> String {
        let mut room = String::new();
        let mut object = Map::new();
        for (at, column) in plan.shape.columns.iter().enumerate() {
            let text = self.get(at, &mut room).ok().flatten();
            object.insert(column.name.clone(), text.map_or(Value::Null, Value::from));
        }
        Value::Object(object).to_string()
    }
}

/// Rows under construction.
pub(super) struct Builder {
    rows: Rows,
    /// The seed of each column's hash, made of its name: that columns come and go, without a value, changes no hash.
    seeds: Vec<u64>,
    /// Where rows need not differ: how often each was met.
    copies: Option<Copies>,
    bytes: usize,
    requests: u32,
    room: String,
}

impl Builder {
    pub(super) fn new(plan: &Plan, copies: bool) -> Self {
        let mut rows = Rows::new(&plan.columns, plan.options);
        rows.require(&plan.key);
        let seeds = plan.columns.iter().map(|column| xxh3_64_with_seed(column.name.as_bytes(), 0)).collect();
        let copies = copies.then(|| Copies { met: HashMap::new(), most: MOST_ROWS });
        Self { rows, seeds, copies, bytes: 0, requests: 0, room: String::new() }
    }

    /// A query was sent.
    pub(super) fn asked(&mut self) {
        self.requests += 1;
    }

    /// Rows met before differ from those that follow.
    pub(super) fn forget_copies(&mut self) {
        if let Some(copies) = &mut self.copies {
            copies.met.clear();
        }
    }

    /// Why no more rows can be taken, if that is so.
    pub(super) fn has_room(&self, plan: &Plan) -> Result<(), SourceError> {
        match &self.copies {
            Some(copies) if copies.are_too_many() => {
                let what = format!("nothing tells its rows apart, and there are more than {} of them", copies.most);
                Err(SourceError::usage(&plan.shape.place, what).with_hint(
                    "declare a `key`: the columns that identify a record, in a `query:` that makes them if need be",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Takes a row, or keeps why it cannot be used; `position` is where it was found, if that is known already.
    pub(super) fn push(&mut self, plan: &Plan, texts: Texts<'_>, position: Option<&str>) {
        let mut room = std::mem::take(&mut self.room);
        if let Err((column, reason)) = self.take(plan, texts, &mut room) {
            let raw = texts.json(plan);
            let position = position.map_or_else(|| place(plan, texts, &raw), str::to_owned);
            self.bytes += raw.len();
            let column = column.map(|at| plan.columns[at].name.clone());
            self.rows.refuse(Rejected { position, column, reason, raw });
        }
        self.room = room;
    }

    fn take(&mut self, plan: &Plan, texts: Texts<'_>, room: &mut String) -> Result<(), (Option<usize>, String)> {
        let mut hash = 0_u64;
        let mut deleted = false;
        for (at, seed) in self.seeds.iter().enumerate() {
            let text = texts.get(at, room).map_err(|reason| (Some(at), reason))?;
            let Some(text) = text else {
                self.rows.cell(at).push_null();
                continue;
            };
            self.bytes += text.len() + 8;
            hash = hash.wrapping_add(xxh3_64_with_seed(text.as_bytes(), *seed));
            deleted |= plan.flag == Some(at) && says_deleted(&plan.shape.columns[at].ty, text);
            self.rows.cell(at).push_text(text).map_err(|mismatch| (Some(at), mismatch.0))?;
        }
        if let Some(copies) = &mut self.copies {
            hash = copies.told_apart(hash);
        }
        let raw = plan.options.raw.then(|| texts.json(plan));
        let end = RowEnd { raw: raw.as_deref(), place: None, hash: hash.wrapping_add(u64::from(deleted)), deleted };
        self.rows.accept(end).map_err(|mismatch| (None, mismatch.0))
    }

    /// Whether a page should go out.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= PAGE_ROWS || self.bytes >= PAGE_BYTES
    }

    /// What was taken since the last page.
    pub(super) fn page(&mut self, cursor: Option<Cursor>) -> Page {
        self.bytes = 0;
        let (rows, rejected) = self.rows.finish();
        Page { rows, rejected, cursor, requests: std::mem::take(&mut self.requests) }
    }
}

/// How often each row was met, by its hash, so that one that is there twice comes to bronze twice.
struct Copies {
    met: HashMap<u64, u32>,
    most: usize,
}

impl Copies {
    /// The hash of a row, another one each time it is met.
    fn told_apart(&mut self, hash: u64) -> u64 {
        let met = self.met.entry(hash).or_default();
        let own = hash.wrapping_add(u64::from(*met).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        *met += 1;
        own
    }

    fn are_too_many(&self) -> bool {
        self.met.len() > self.most
    }
}

/// Where a refused row is: the table and the row's key, or what tells it from others where it has none.
fn place(plan: &Plan, texts: Texts<'_>, raw: &str) -> String {
    let named: Vec<String> = plan
        .key
        .iter()
        .filter_map(|name| {
            let at = plan.columns.iter().position(|column| column.name == *name)?;
            Some(format!("{name}={}", texts.own(at)))
        })
        .collect();
    if named.is_empty() {
        return format!("{}:{:016x}", plan.shape.place, xxh3_64_with_seed(raw.as_bytes(), 0));
    }
    format!("{}:{}", plan.shape.place, named.join(","))
}

/// The texts of a row that was refused, by today's columns.
pub(super) fn kept(plan: &Plan, raw: &str) -> Option<Vec<Option<String>>> {
    let object: Map<String, Value> = serde_json::from_str(raw).ok()?;
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(plan.shape.columns.iter().map(|column| text(&column.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_told_apart_and_bounded() {
        let mut copies = Copies { met: HashMap::new(), most: 2 };
        let hashes = [7, 7, 8, 7].map(|hash| copies.told_apart(hash));
        let mut distinct = hashes.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((distinct.len(), hashes[0], hashes[2]), (4, 7, 8));
        assert!(!copies.are_too_many());
        copies.told_apart(9);
        assert!(copies.are_too_many());
    }
}
