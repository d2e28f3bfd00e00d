//! How a table's columns are written to Parquet.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use deltalake::parquet::basic::{Compression, Encoding, ZstdLevel};
use deltalake::parquet::file::properties::{EnabledStatistics, WriterProperties};
use deltalake::parquet::schema::types::ColumnPath;

use crate::columns::{EXTRACTED_AT, HASH, RAW, ROW};

/// Where a column has more text than this in different values, a dictionary costs more than it saves.
const DICTIONARY_BYTES: usize = 256 * 1024;
/// Values looked at to see whether a column repeats itself, and the fewest that tell.
const SAMPLE: std::ops::Range<usize> = 512..2_048;

/// The properties of files that begin with these rows; a row group is closed at `row_group` bytes.
pub(super) fn properties(first: &RecordBatch, row_group: usize) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(256 * 1024))
        .set_max_row_group_bytes(Some(row_group))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES);
    for (field, column) in first.schema_ref().fields().iter().zip(first.columns()) {
        let path = ColumnPath::from(field.name().as_str());
        match field.name().as_str() {
            // Hardly two of their values are equal, and nobody asks for a range of them.
            HASH | RAW => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path, EnabledStatistics::None);
            }
            ROW | EXTRACTED_AT => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            _ => {
                if !repeats(column).unwrap_or(true) {
                    properties = properties.set_column_dictionary_enabled(path, false);
                }
            }
        }
    }
    properties.build()
}

/// Whether most of a column's values are met more than once; yes where too few are there to tell.
fn repeats(column: &arrow::array::ArrayRef) -> Result<bool, ArrowError> {
    let sample = column.slice(0, column.len().min(SAMPLE.end));
    let values = sample.len() - sample.null_count();
    if values < SAMPLE.start || sample.data_type().is_nested() {
        return Ok(true);
    }
    let rows = RowConverter::new(vec![SortField::new(sample.data_type().clone())])?;
    let rows = rows.convert_columns(&[sample])?;
    let different = rows.iter().map(|row| row.data().to_vec()).collect::<HashSet<_>>().len();
    Ok(different * 2 < values)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn columns_that_do_not_repeat_have_no_dictionary() {
        let texts = |different: usize| -> ArrayRef {
            Arc::new((0..1_000).map(|row| Some(format!("text {}", row % different))).collect::<StringArray>())
        };
        let sparse: ArrayRef = Arc::new((0..1_000).map(|row| (row % 10 == 0).then_some(row)).collect::<Int64Array>());
        let columns = [("id", texts(1_000)), ("email", texts(900)), ("city", texts(300)), ("sparse", sparse)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = properties(&batch, 1 << 20);
        let with: Vec<bool> =
            ["id", "email", "city", "sparse"].map(|name| properties.dictionary_enabled(&ColumnPath::from(name))).into();
        assert_eq!(with, [false, false, true, true]);
    }
}
