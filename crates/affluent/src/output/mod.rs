//! Rows of a query as a table, as CSV or as JSON.

mod csv;
mod json;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches_with_options;
use clap::ValueEnum;

use crate::failure::Failure;
use crate::stdout;

/// Forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// CSV as in RFC 4180, with a header; nothing stands for null.
    Csv,
    /// One JSON array of objects.
    Json,
}

/// Writes a whole result to stdout.
pub(crate) fn write(format: Format, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), Failure> {
    match format {
        Format::Table => stdout::line(&table(schema, batches)?),
        Format::Csv => {
            let mut out = Vec::new();
            csv::write(&mut out, schema, batches)?;
            raw(&out)
        }
        Format::Json => stdout::line(&json::text(batches)?),
    }
}

fn raw(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    stdout::told(out.write_all(bytes).and_then(|()| out.flush()))
}

fn table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String, Failure> {
    let options = FormatOptions::default().with_null("").with_timestamp_tz_format(Some(INSTANT));
    let empty = [RecordBatch::new_empty(schema.clone())];
    let batches = if batches.is_empty() { &empty } else { batches };
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let text = pretty_format_batches_with_options(batches, &options)?;
    Ok(format!("{text}\n{rows} {}", if rows == 1 { "row" } else { "rows" }))
}

/// All cells of a small result as text, nothing for null.
pub(crate) fn cells(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, Failure> {
    let options = FormatOptions::default().with_timestamp_tz_format(Some(INSTANT));
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()),
        );
    }
    Ok(rows)
}

/// How instants are written.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

#[cfg(test)]
mod tests_data {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };

    /// A row that is hard to write, and one of nothing.
    pub(super) fn batch() -> RecordBatch {
        let amount =
            Decimal128Array::from(vec![Some(12_345_678_901_234_500), None]).with_precision_and_scale(18, 4).unwrap();
        let at = TimestampMicrosecondArray::from(vec![Some(1_793_491_200_000_000), None]).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 5] = [
            ("name", Arc::new(StringArray::from(vec![Some("Zoé \"Z\", a\nb"), None]))),
            ("amount", Arc::new(amount)),
            ("rate", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
            ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("at", Arc::new(at)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }
}
