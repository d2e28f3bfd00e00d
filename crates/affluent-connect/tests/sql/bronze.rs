//! What the engine makes of pages, in little: rows kept once, the cursor of the last slice.

use std::collections::HashSet;

use affluent_connect::{Cursor, Overlap, Page, Rejected, Source, SourceError, Window};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

/// A stream's rows and cursor, as committed.
#[derive(Debug, Default)]
pub(crate) struct Bronze {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) cursor: Option<Cursor>,
    /// Rows delivered, known ones too.
    pub(crate) delivered: usize,
}

impl Bronze {
    /// Reads a stream; after `pages` of them the process is killed, and what no cursor closed is lost.
    pub(crate) async fn load(&mut self, source: &dyn Source, stream: &str, pages: usize) -> Result<bool, SourceError> {
        let overlap = source.overlap(stream, self.cursor.as_ref());
        let mut seen = self.seen(&overlap);
        let mut open: Vec<Page> = Vec::new();
        let mut all = source.read(stream, Window { from: self.cursor.clone() });
        let mut count = 0;
        while let Some(page) = all.next().await {
            if count == pages {
                return Ok(false);
            }
            count += 1;
            let mut page = page?;
            self.delivered += page.rows.num_rows();
            if overlap != Overlap::None {
                let keep = versions(&page.rows).into_iter().map(|version| Some(seen.insert(version))).collect();
                page.rows = arrow::compute::filter_record_batch(&page.rows, &keep).unwrap();
            }
            let closes = page.cursor.clone();
            open.push(page);
            if closes.is_some() {
                self.cursor = closes;
                for page in open.drain(..) {
                    self.batches.push(page.rows);
                    self.rejected.extend(page.rejected);
                }
            }
        }
        assert!(open.is_empty(), "the last page has no cursor");
        Ok(true)
    }

    fn seen(&self, overlap: &Overlap) -> HashSet<(i64, bool)> {
        let mut seen = HashSet::new();
        for batch in &self.batches {
            let deleted = batch.column_by_name("_deleted").unwrap().as_boolean().clone();
            let within: Box<dyn Fn(usize) -> bool> = match overlap {
                Overlap::None => return seen,
                Overlap::All => Box::new(|_| true),
                Overlap::Since { column, since } => {
                    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                    let times = cast(batch.column_by_name(column).unwrap(), &instant).unwrap();
                    let times = times.as_primitive::<TimestampMicrosecondType>().clone();
                    let since = since.timestamp_micros();
                    Box::new(move |row| times.is_null(row) || times.value(row) >= since || deleted.value(row))
                }
                Overlap::AtLeast { column, value } => {
                    let numbers = cast(batch.column_by_name(column).unwrap(), &DataType::Int64).unwrap();
                    let numbers = numbers.as_primitive::<Int64Type>().clone();
                    let value = *value;
                    Box::new(move |row| numbers.is_null(row) || numbers.value(row) >= value || deleted.value(row))
                }
            };
            let all = versions(batch);
            seen.extend(all.into_iter().enumerate().filter(|(row, _)| within(*row)).map(|(_, version)| version));
        }
        seen
    }

    /// All rows, without the columns of the product.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.batches.iter().flat_map(|batch| shown(batch, false)).collect()
    }

    /// The same in order, for comparing.
    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut rows = self.rows();
        rows.sort();
        rows
    }

    /// All rows as one batch.
    pub(crate) fn batch(&self) -> RecordBatch {
        concat_batches(&self.batches[0].schema(), &self.batches).unwrap()
    }

    /// Position, column and reason of what was refused, each once, in order.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .rejected
            .iter()
            .map(|one| format!("{} | {} | {}", one.position, one.column.as_deref().unwrap_or("-"), one.reason))
            .collect();
        all.sort();
        all.dedup();
        all
    }
}

fn versions(batch: &RecordBatch) -> Vec<(i64, bool)> {
    let hashes = batch.column_by_name("_hash").unwrap().as_primitive::<Int64Type>();
    let deleted = batch.column_by_name("_deleted").unwrap().as_boolean();
    (0..batch.num_rows()).map(|row| (hashes.value(row), deleted.value(row))).collect()
}

/// Rows as their cells (null as ∅) with ` | ` between.
pub(crate) fn shown(batch: &RecordBatch, whole: bool) -> Vec<String> {
    let options = FormatOptions::new().with_null("∅");
    let columns: Vec<(String, ArrayFormatter<'_>)> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| whole || !field.name().starts_with('_'))
        .map(|(field, column)| (field.name().clone(), ArrayFormatter::try_new(column, &options).unwrap()))
        .collect();
    let cell = |column: &ArrayFormatter<'_>, row: usize| column.value(row).to_string();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|(_, column)| cell(column, row)).collect::<Vec<_>>().join(" | "))
        .collect()
}
