//! Rows of a database into Arrow columns, each with its hash.

use std::collections::HashMap;

use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::plan::{Plan, says_deleted};
use super::session::Record;
use crate::decode::{RowEnd, Rows};
use crate::page::{Cursor, Page, Rejected};

/// Rows in a page at most.
const PAGE_ROWS: usize = 16 * 1024;
/// Bytes of text in a page at most, but for the row that crosses the line.
const PAGE_BYTES: usize = 4 << 20;

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
    /// How often a row was met, by its hash, where rows need not differ.
    copies: Option<HashMap<u64, u32>>,
    bytes: usize,
    requests: u32,
    room: String,
}

impl Builder {
    pub(super) fn new(plan: &Plan, copies: bool) -> Self {
        let mut rows = Rows::new(&plan.columns, plan.options);
        rows.require(&plan.key);
        let seeds = plan.columns.iter().map(|column| xxh3_64_with_seed(column.name.as_bytes(), 0)).collect();
        Self { rows, seeds, copies: copies.then(HashMap::new), bytes: 0, requests: 0, room: String::new() }
    }

    /// A query was sent.
    pub(super) fn asked(&mut self) {
        self.requests += 1;
    }

    /// Rows met before differ from those that follow.
    pub(super) fn forget_copies(&mut self) {
        if let Some(copies) = &mut self.copies {
            copies.clear();
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
            let met = copies.entry(hash).or_default();
            hash = hash.wrapping_add(u64::from(*met).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            *met += 1;
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
