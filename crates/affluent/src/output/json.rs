//! One JSON array of objects. Decimals keep all their digits; what is no number there (NaN) is null.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::failure::Failure;

/// The rows as JSON.
pub(super) fn text(batches: &[RecordBatch]) -> Result<String, Failure> {
    let options = FormatOptions::default().with_timestamp_tz_format(Some(super::INSTANT));
    let mut text = String::from("[");
    for batch in batches {
        let schema = batch.schema();
        let names: Vec<String> =
            schema.fields().iter().map(|field| serde_json::to_string(field.name())).collect::<Result<_, _>>()?;
        let cells: Vec<Cells<'_>> =
            batch.columns().iter().map(|column| Cells::of(column, &options)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            text.push_str(if text.len() == 1 { "\n{" } else { ",\n{" });
            for (at, (name, cells)) in names.iter().zip(&cells).enumerate() {
                let comma = if at == 0 { "" } else { "," };
                // Writing to a string cannot fail.
                let _ = write!(text, "{comma}{name}:{}", cells.json(row)?);
            }
            text.push('}');
        }
    }
    text.push_str("\n]");
    Ok(text)
}

/// One column, ready to be written.
struct Cells<'a> {
    column: ArrayRef,
    formatter: ArrayFormatter<'a>,
    nested: Option<Vec<String>>,
}

impl<'a> Cells<'a> {
    fn of(column: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, Failure> {
        let nested = match column.data_type() {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Some(lists(column)?),
            _ => None,
        };
        Ok(Self { column: column.clone(), formatter: ArrayFormatter::try_new(column, options)?, nested })
    }

    fn json(&self, row: usize) -> Result<String, Failure> {
        if self.column.is_null(row) {
            return Ok("null".to_owned());
        }
        if let Some(nested) = &self.nested {
            return Ok(nested[row].clone());
        }
        let shown = self.formatter.value(row).to_string();
        let kind = self.column.data_type();
        Ok(match kind {
            DataType::Boolean => shown,
            kind if kind.is_integer() || matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..)) => shown,
            DataType::Float64 => {
                let value = self.column.as_primitive::<arrow::datatypes::Float64Type>().value(row);
                serde_json::to_string(&value)?
            }
            kind if kind.is_floating() => serde_json::to_string(&shown.parse::<f64>().unwrap_or(f64::NAN))?,
            _ => serde_json::to_string(&shown)?,
        })
    }
}

/// The rows of a column of lists, each as a JSON array.
fn lists(column: &ArrayRef) -> Result<Vec<String>, Failure> {
    let options = FormatOptions::default().with_timestamp_tz_format(Some(super::INSTANT));
    let mut rows = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        let items = match column.data_type() {
            DataType::List(_) => column.as_list::<i32>().value(row),
            DataType::LargeList(_) => column.as_list::<i64>().value(row),
            _ => column.as_fixed_size_list().value(row),
        };
        let cells = Cells::of(&items, &options)?;
        let parts: Vec<String> = (0..items.len()).map(|item| cells.json(item)).collect::<Result<_, _>>()?;
        rows.push(format!("[{}]", parts.join(",")));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::tests_data::batch;
    use super::*;

    #[test]
    fn writes_one_array_with_exact_decimals() {
        let text = text(&[batch()]).unwrap();
        assert_eq!(
            text,
            "[\n{\"name\":\"Zoé \\\"Z\\\", a\\nb\",\"amount\":1234567890123.4500,\"rate\":0.1,\"ok\":true,\
             \"at\":\"2026-11-01T00:00:00Z\"},\n{\"name\":null,\"amount\":null,\"rate\":null,\"ok\":null,\"at\":null}\n]"
        );
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read.as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        let read: serde_json::Value = serde_json::from_str(&text(&[]).unwrap()).unwrap();
        assert_eq!(read, serde_json::json!([]));
    }
}
