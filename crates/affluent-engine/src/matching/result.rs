//! The result as a file: Parquet or CSV, by its extension.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;

use super::{Outcome, usage};
use crate::error::Error;

/// Rows of a batch.
const BATCH: usize = 65_536;

/// Writes `outcome`: the id column, the file where there are several, `entity_id` and `probability`.
pub fn write(path: &Path, outcome: &Outcome) -> Result<(), Error> {
    let place = path.display().to_string();
    let failed = |error: String| usage(&place, error, "name a file that can be written, .parquet or .csv");
    let id = outcome.config.id.as_str();
    let mut fields = vec![Field::new(id, DataType::Utf8, false)];
    if outcome.files.is_some() {
        let name = if id == "file" { "_file" } else { "file" };
        fields.push(Field::new(name, DataType::Utf8, false));
    }
    fields.push(Field::new("entity_id", DataType::Utf8, false));
    fields.push(Field::new("probability", DataType::Float64, false));
    let schema = Arc::new(Schema::new(fields));
    let file = File::create(path).map_err(|error| failed(error.to_string()))?;
    let total = outcome.own_ids.len();
    let batches = (0..total.div_ceil(BATCH).max(1)).map(|at| {
        let rows = at * BATCH..((at + 1) * BATCH).min(total);
        let text = |values: &[String]| -> ArrayRef { Arc::new(StringArray::from_iter_values(&values[rows.clone()])) };
        let mut columns = vec![text(&outcome.own_ids)];
        columns.extend(outcome.files.as_deref().map(text));
        columns.push(text(&outcome.entity_of));
        columns.push(Arc::new(Float64Array::from(outcome.matched.probability[rows.clone()].to_vec())));
        RecordBatch::try_new(schema.clone(), columns)
    });
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let mut writer = csv::Writer::from_writer(file);
        let written = (|| -> Result<(), csv::Error> {
            writer.write_record(schema.fields().iter().map(|field| field.name()))?;
            for at in 0..total {
                let probability = outcome.matched.probability[at].to_string();
                let mut cells = vec![outcome.own_ids[at].as_str()];
                cells.extend(outcome.files.as_ref().map(|files| files[at].as_str()));
                cells.extend([outcome.entity_of[at].as_str(), &probability]);
                writer.write_record(cells)?;
            }
            Ok(writer.flush()?)
        })();
        return written.map_err(|error| failed(error.to_string()));
    }
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None).map_err(|error| failed(error.to_string()))?;
    for batch in batches {
        writer.write(&batch?).map_err(|error| failed(error.to_string()))?;
    }
    writer.close().map_err(|error| failed(error.to_string()))?;
    Ok(())
}
