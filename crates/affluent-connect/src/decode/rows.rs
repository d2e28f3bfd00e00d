//! Rows under construction: all columns of a stream, whole rows only.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringBuilder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use chrono_tz::Tz;
use xxhash_rust::xxh3::xxh3_64;

use super::cells::{Cells, Mismatch, append};
use crate::page::Rejected;
use crate::schema::{Column, StreamSchema};

/// How rows are built.
#[derive(Debug, Clone, Copy)]
pub struct RowOptions {
    /// Keep each record whole in `_raw`.
    pub raw: bool,
    /// Give rows their `_file` and `_row`.
    pub located: bool,
    /// The time zone of instants without an offset.
    pub zone: Tz,
    /// Numbers in text are written `1 234,56`.
    pub decimal_comma: bool,
}

impl Default for RowOptions {
    fn default() -> Self {
        Self { raw: false, located: false, zone: Tz::UTC, decimal_comma: false }
    }
}

/// What a row has beside its declared columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowEnd<'a> {
    /// The whole record, where it is kept.
    pub raw: Option<&'a str>,
    /// The file and the number of the record in it, where rows have a place.
    pub place: Option<(&'a str, i64)>,
    /// The record's hash.
    pub hash: u64,
    /// Whether it is a tombstone.
    pub deleted: bool,
}

/// Rows under construction. Values go into [`Rows::cell`]; then either [`Rows::accept`] closes the row, its missing values
/// null, or [`Rows::refuse`] drops all of it.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    cells: Vec<Cells>,
    /// The columns, by index and name, without which a row is none: it could not be told from another.
    key: Vec<(usize, String)>,
    raw: Option<StringBuilder>,
    file: Option<StringBuilder>,
    number: Vec<i64>,
    hash: Vec<i64>,
    deleted: Vec<bool>,
    /// Rows, by index, that were begun and refused: taken out when the batch is made, for refusals are few.
    refused: Vec<usize>,
    rejected: Vec<Rejected>,
}

impl Rows {
    /// No rows yet of these columns.
    pub fn new(columns: &[Column], options: RowOptions) -> Self {
        let schema = StreamSchema {
            columns: columns.to_vec(),
            nested: options.raw,
            located: options.located,
            ..StreamSchema::default()
        };
        Self {
            schema: schema.arrow(),
            cells: columns.iter().map(|column| Cells::new(&column.ty, options.zone, options.decimal_comma)).collect(),
            key: Vec::new(),
            raw: options.raw.then(StringBuilder::new),
            file: options.located.then(StringBuilder::new),
            number: Vec::new(),
            hash: Vec::new(),
            deleted: Vec::new(),
            refused: Vec::new(),
            rejected: Vec::new(),
        }
    }

    /// Refuses rows from now on that lack a value in one of these columns.
    pub fn require(&mut self, key: &[String]) {
        self.key = key.iter().filter_map(|name| Some((self.schema.index_of(name).ok()?, name.clone()))).collect();
    }

    /// The values of the column at `index`.
    pub fn cell(&mut self, index: usize) -> &mut Cells {
        &mut self.cells[index]
    }

    /// Whether the open row has a value in the column at `index`.
    pub(super) fn is_filled(&self, index: usize) -> bool {
        self.cells[index].len() > self.hash.len()
    }

    /// A hash of the open row's values as their types have them, each told by its column's name.
    pub(super) fn hash(&self) -> u64 {
        let columns = self.schema.fields().iter().zip(&self.cells).enumerate();
        let filled = columns.filter(|(index, _)| self.is_filled(*index));
        filled.fold(0_u64, |hash, (_, (field, cells))| hash.wrapping_add(cells.hash(xxh3_64(field.name().as_bytes()))))
    }

    /// Closes the row.
    pub fn accept(&mut self, end: RowEnd<'_>) -> Result<(), Mismatch> {
        let missing = |(index, _): &&(usize, String)| !self.is_filled(*index) || self.cells[*index].is_blank();
        if let Some((_, name)) = self.key.iter().find(missing) {
            return Err(Mismatch(format!("the key `{name}` is missing")));
        }
        if let Some(builder) = &mut self.raw {
            match end.raw {
                Some(text) => append(builder, text)?,
                None => builder.append_null(),
            }
        }
        if let Some(builder) = &mut self.file {
            let (file, number) = end.place.unwrap_or_default();
            append(builder, file)?;
            self.number.push(number);
        }
        self.pad(end.hash, end.deleted);
        Ok(())
    }

    /// Drops the row, whatever it has by now, and keeps why.
    pub fn refuse(&mut self, rejected: Rejected) {
        let index = self.hash.len();
        if let Some(builder) = &mut self.raw
            && builder.offsets_slice().len() == index + 1
        {
            builder.append_null();
        }
        if let Some(builder) = &mut self.file {
            if builder.offsets_slice().len() == index + 1 {
                builder.append_null();
            }
            self.number.resize(index + 1, 0);
        }
        self.refused.push(index);
        self.pad(0, false);
        self.rejected.push(rejected);
    }

    fn pad(&mut self, hash: u64, deleted: bool) {
        let index = self.hash.len();
        for cells in &mut self.cells {
            if cells.len() == index {
                cells.push_null();
            }
        }
        self.hash.push(hash as i64);
        self.deleted.push(deleted);
    }

    /// The number of records taken, refused ones too.
    pub fn len(&self) -> usize {
        self.hash.len()
    }

    /// Whether no record was taken.
    pub fn is_empty(&self) -> bool {
        self.hash.is_empty()
    }

    /// The accepted rows and the refused records since the last call.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "every column has as many values as `hash`, in the schema's types, by `pad`"
    )]
    pub fn finish(&mut self) -> (RecordBatch, Vec<Rejected>) {
        let count = self.hash.len();
        let mut columns: Vec<ArrayRef> = self.cells.iter_mut().map(Cells::finish).collect();
        if let Some(builder) = &mut self.raw {
            columns.push(Arc::new(builder.finish()));
        }
        if let Some(builder) = &mut self.file {
            columns.push(Arc::new(builder.finish()));
            columns.push(Arc::new(Int64Array::from(std::mem::take(&mut self.number))));
        }
        columns.push(Arc::new(Int64Array::from(std::mem::take(&mut self.hash))));
        columns.push(Arc::new(BooleanArray::from(std::mem::take(&mut self.deleted))));
        let mut batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns of the schema");
        if !self.refused.is_empty() {
            let mut keep = vec![true; count];
            for index in self.refused.drain(..) {
                keep[index] = false;
            }
            batch = filter_record_batch(&batch, &BooleanArray::from(keep)).expect("a mask as long as the batch");
        }
        (batch, std::mem::take(&mut self.rejected))
    }
}
