//! Pages as lines of JSON, to be looked at and compared.

use arrow::json::LineDelimitedWriter;

use crate::schema::{HASH, RAW};
use crate::{Page, SourceError};

/// A line for each row, without `_raw` and `_hash`, which say nothing new, and one for each refused record.
pub fn lines(page: &Page) -> Result<Vec<String>, SourceError> {
    let fault = |error: arrow::error::ArrowError| SourceError::failed("", format!("rows cannot be written: {error}"));
    let schema = page.rows.schema();
    let shown: Vec<usize> = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| ![RAW, HASH].contains(&field.name().as_str()))
        .map(|(index, _)| index)
        .collect();
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&page.rows.project(&shown).map_err(fault)?).map_err(fault)?;
    writer.finish().map_err(fault)?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    let refused = page.rejected.iter().map(|rejected| {
        serde_json::json!({
            "_refused": rejected.position, "_column": rejected.column, "_reason": rejected.reason,
        })
        .to_string()
    });
    Ok(text.lines().map(str::to_owned).chain(refused).collect())
}
