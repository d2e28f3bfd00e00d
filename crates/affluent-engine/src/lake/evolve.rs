//! Columns that come: a table grows by nullable columns, and a column never changes its type under a reader.

use deltalake::DeltaTableError;
use deltalake::kernel::StructType;

/// The columns of `table` and, after them, those of `rows` that it does not have.
pub(super) fn merged(table: &StructType, rows: &StructType) -> Result<StructType, DeltaTableError> {
    let mut fields: Vec<_> = table.fields().cloned().collect();
    for field in rows.fields() {
        match table.field(field.name()) {
            None => fields.push(field.clone()),
            Some(known) if known.data_type() == field.data_type() => {}
            Some(known) => {
                return Err(DeltaTableError::Generic(format!(
                    "column `{}` is {} in the table and {} in the new rows: a full refresh rewrites the table",
                    field.name(),
                    known.data_type(),
                    field.data_type()
                )));
            }
        }
    }
    Ok(StructType::try_new(fields)?)
}
