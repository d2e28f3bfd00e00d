//! Rows brought to exactly the columns of a schema, by name: cast where types differ, null where a column is absent. A
//! value that does not fit its type is an error, never a null.

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::SchemaRef;
use datafusion::prelude::{DataFrame, cast, ident, lit};
use datafusion::scalar::ScalarValue;

use crate::error::Error;

/// `batch` with the columns of `schema`.
pub(crate) fn batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    columns(schema, batch.num_rows(), |name| batch.column_by_name(name).cloned())
}

/// As many `rows` with the columns of `schema`, each found by its name.
pub(crate) fn columns(
    schema: &SchemaRef,
    rows: usize,
    find: impl Fn(&str) -> Option<ArrayRef>,
) -> Result<RecordBatch, Error> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns: Result<Vec<_>, Error> = schema
        .fields()
        .iter()
        .map(|field| match find(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column),
            Some(column) => Ok(cast_with_options(&column, field.data_type(), &strict)?),
            None => Ok(new_null_array(field.data_type(), rows)),
        })
        .collect();
    Ok(RecordBatch::try_new(schema.clone(), columns?)?)
}

/// The query `rows` with the columns of `schema`.
pub(crate) fn frame(rows: DataFrame, schema: &SchemaRef) -> Result<DataFrame, Error> {
    let held = rows.schema().clone();
    let columns = schema.fields().iter().map(|field| {
        let name = field.name();
        let value = if held.has_column_with_unqualified_name(name) { ident(name) } else { lit(ScalarValue::Null) };
        cast(value, field.data_type().clone()).alias(name)
    });
    Ok(rows.select(columns.collect::<Vec<_>>())?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    #[test]
    fn columns_are_cast_added_and_left_out_and_no_value_is_lost_in_silence() {
        let field = |name: &str, kind| Field::new(name, kind, true);
        let schema = Arc::new(Schema::new(vec![field("n", DataType::Int64), field("note", DataType::Utf8)]));
        let of = |n: &str| {
            let extra: ArrayRef = Arc::new(Int64Array::from(vec![7]));
            RecordBatch::try_from_iter([("extra", extra), ("n", Arc::new(StringArray::from(vec![n])))]).unwrap()
        };
        let rows = batch(&of("12"), &schema).unwrap();
        assert_eq!(rows.schema(), schema);
        assert_eq!(rows.column(0).as_primitive::<Int64Type>().value(0), 12);
        assert!(rows.column(1).is_null(0));
        assert!(batch(&of("twelve"), &schema).is_err());
    }
}
