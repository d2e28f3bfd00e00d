//! Rows of text files: which cell fills which column, and cells into columns.

use std::ops::Range;

use affluent_spec::{bronze, suggest};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::plan::Plan;
use crate::decode::{RowEnd, RowOptions, Rows};
use crate::error::SourceError;
use crate::page::Rejected;

/// Which cell of a row fills which column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Cells in a row.
    pub(super) width: usize,
    /// For each column its cell; `None` where this file lacks the column.
    cells: Vec<Option<usize>>,
    /// What the cells are called, for `_raw`.
    names: Vec<String>,
}

impl Layout {
    /// By the names in a file's first line.
    pub(super) fn by_header(file: &str, header: &[String], plan: &Plan) -> Result<Self, SourceError> {
        let mut cells = Vec::with_capacity(plan.columns.len());
        for column in &plan.columns {
            let exact = header.iter().position(|name| *name == column.name);
            let cell = exact
                .or_else(|| header.iter().position(|name| bronze::of_header(name) == bronze::of_header(&column.name)));
            if cell.is_none() && plan.declared {
                let hint = suggest::hint(&column.name, header.iter().map(String::as_str)).unwrap_or_default();
                return Err(SourceError::failed(
                    file,
                    format!("column `{}` is not in the header: {}", column.name, header.join(", ")),
                )
                .with_hint(hint));
            }
            cells.push(cell);
        }
        let unused: Vec<&str> = header
            .iter()
            .enumerate()
            .filter(|(at, _)| !cells.contains(&Some(*at)))
            .map(|(_, name)| name.as_str())
            .collect();
        if !unused.is_empty() {
            plan.told_unused(file, &unused)?;
        }
        Ok(Self { width: header.len(), cells, names: header.to_vec() })
    }

    /// For each column its cell; `None` where this file lacks the column.
    pub(super) fn cells(&self) -> impl Iterator<Item = Option<usize>> {
        self.cells.iter().copied()
    }

    /// By position, for a file without a header.
    pub(super) fn by_position(plan: &Plan) -> Self {
        let width = plan.columns.len();
        let names = plan.columns.iter().map(|column| column.name.clone()).collect();
        Self { width, cells: (0..width).map(Some).collect(), names }
    }
}

/// A record of a text file as it was cut into cells.
pub(super) struct Record<'a> {
    /// The cells' text, one behind the other.
    pub(super) text: &'a [u8],
    /// Where in `text` each cell is.
    pub(super) cells: &'a dyn Fn(usize) -> Range<usize>,
    /// The number of cells.
    pub(super) width: usize,
    /// Whether an empty cell was quoted, and so is empty text and not nothing.
    pub(super) quoted: &'a dyn Fn(usize) -> bool,
    /// The record as it stands in the file.
    pub(super) raw: &'a [u8],
    /// Its number in the file.
    pub(super) number: i64,
    /// Its line.
    pub(super) line: u64,
}

/// Puts records of one file into rows.
pub(super) struct Filler<'a> {
    pub(super) rows: Rows,
    plan: &'a Plan,
    layout: Layout,
    file: &'a str,
    decoded: bool,
    text_columns: Vec<bool>,
    keeps_raw: bool,
}

impl<'a> Filler<'a> {
    /// No rows yet. `decoded` says that the file's text came from another encoding.
    pub(super) fn new(plan: &'a Plan, layout: Layout, file: &'a str, decoded: bool) -> Self {
        let RowOptions { raw, .. } = plan.options;
        let mut rows = Rows::new(&plan.columns, plan.options);
        rows.require(&plan.stream.key);
        let text_columns = (0..plan.columns.len()).map(|index| rows.cell(index).is_text()).collect();
        Self { rows, plan, layout, file, decoded, text_columns, keeps_raw: raw }
    }

    /// Takes a record: a row, or a refusal. The hash is over the columns' cells, in whatever order the file has them.
    pub(super) fn push(&mut self, record: &Record<'_>) {
        let text = match std::str::from_utf8(record.text) {
            Ok(text) if self.decoded && text.contains('\u{fffd}') => {
                let reason = format!("holds bytes that are not valid {}", self.plan.stream.dialect.encoding);
                return self.refuse(record, None, reason);
            }
            Ok(text) => text,
            Err(error) => {
                let reason = format!(
                    "is not valid UTF-8 at byte {}; if the file is in another encoding, declare it: `encoding: windows-1252`",
                    error.valid_up_to()
                );
                return self.refuse(record, None, reason);
            }
        };
        if record.width != self.layout.width {
            let reason = format!("has {} cells, {} are expected", record.width, self.layout.width);
            return self.refuse(record, None, reason);
        }
        let mut hash = 0_u64;
        for (column, cell) in self.layout.cells.iter().enumerate() {
            let Some(cell) = *cell else { continue };
            let Some(value) = text.get((record.cells)(cell)) else {
                return self.refuse(
                    record,
                    Some(column),
                    "is not valid UTF-8: a character is cut by a delimiter".to_owned(),
                );
            };
            let nothing = if value.is_empty() {
                !(self.text_columns[column] && (record.quoted)(cell))
            } else {
                self.plan.stream.dialect.nulls.iter().any(|null| null == value)
            };
            let seed = (column as u64) << 1 | u64::from(nothing);
            hash = hash.wrapping_add(xxh3_64_with_seed(if nothing { b"" } else { value.as_bytes() }, seed));
            if nothing {
                self.rows.cell(column).push_null();
            } else if let Err(mismatch) = self.rows.cell(column).push_text(value) {
                return self.refuse(record, Some(column), mismatch.0);
            }
        }
        let json = self.keeps_raw.then(|| self.json(text, record));
        let end = RowEnd { raw: json.as_deref(), place: Some((self.file, record.number)), hash, deleted: false };
        if let Err(mismatch) = self.rows.accept(end) {
            self.refuse(record, None, mismatch.0);
        }
    }

    /// Keeps a record that could not be used, and why.
    pub(super) fn refuse(&mut self, record: &Record<'_>, column: Option<usize>, reason: String) {
        self.rows.refuse(Rejected {
            position: format!("{}:{}", self.file, record.line),
            column: column.map(|column| self.plan.columns[column].name.clone()),
            reason,
            raw: String::from_utf8_lossy(record.raw.trim_ascii_end()).into_owned(),
        });
    }

    fn json(&self, text: &str, record: &Record<'_>) -> String {
        let cells = self
            .layout
            .names
            .iter()
            .enumerate()
            .map(|(cell, name)| (name.clone(), text.get((record.cells)(cell)).unwrap_or_default().into()));
        serde_json::Value::Object(cells.collect()).to_string()
    }
}
