//! The shape of a stream: its columns in Arrow, its key, and the columns that every stream has.

use std::sync::Arc;

use affluent_spec::ColumnType;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// 64-bit hash of the canonical record (independent of the order of its fields).
pub const HASH: &str = "_hash";
/// True on a tombstone: the source says that the record is gone.
pub const DELETED: &str = "_deleted";
/// The record as JSON text, for nested sources.
pub const RAW: &str = "_raw";
/// The file a row came from, for file streams.
pub const FILE: &str = "_file";
/// 1-based number of the record in its file, header not counted, for file streams.
pub const ROW: &str = "_row";

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in bronze.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
}

impl Column {
    /// A column of a type.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self { name: name.into(), ty }
    }
}

/// The shape of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamSchema {
    /// The declared columns.
    pub columns: Vec<Column>,
    /// The bronze columns that identify a record; empty where only (`_file`, `_row`) do.
    pub key: Vec<String>,
    /// The bronze column that orders the versions of a record.
    pub cursor: Option<String>,
    /// Whether each record is kept whole in `_raw`.
    pub nested: bool,
    /// Whether rows carry `_file` and `_row`.
    pub located: bool,
}

impl StreamSchema {
    /// The Arrow schema of the stream's pages: the declared columns (all nullable), `_raw` (text) where records are kept
    /// whole, `_file` (text) and `_row` (64-bit integer) for files, `_hash` (64-bit integer), `_deleted` (boolean).
    pub fn arrow(&self) -> SchemaRef {
        let mut fields: Vec<Field> =
            self.columns.iter().map(|column| Field::new(&column.name, arrow_type(&column.ty), true)).collect();
        if self.nested {
            fields.push(Field::new(RAW, DataType::Utf8, true));
        }
        if self.located {
            fields.push(Field::new(FILE, DataType::Utf8, true));
            fields.push(Field::new(ROW, DataType::Int64, true));
        }
        fields.push(Field::new(HASH, DataType::Int64, true));
        fields.push(Field::new(DELETED, DataType::Boolean, true));
        Arc::new(Schema::new(fields))
    }
}

/// The Arrow type that holds a declared type. Text is `Utf8`, not a view, since Delta tables are written from it; instants
/// are UTC microseconds.
pub fn arrow_type(ty: &ColumnType) -> DataType {
    match ty {
        ColumnType::String | ColumnType::Json => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Number => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
        ColumnType::Date(_) => DataType::Date32,
        ColumnType::Timestamp(_) => instant(),
    }
}

/// The Arrow type of instants.
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_columns_come_first_then_those_of_every_stream() {
        let mut schema = StreamSchema {
            columns: vec![Column::new("amount", ColumnType::Decimal { precision: 12, scale: 2 })],
            ..StreamSchema::default()
        };
        let names = |schema: &StreamSchema| -> Vec<String> {
            schema.arrow().fields().iter().map(|field| field.name().clone()).collect()
        };
        assert_eq!(names(&schema), ["amount", HASH, DELETED]);
        schema.nested = true;
        schema.located = true;
        assert_eq!(names(&schema), ["amount", RAW, FILE, ROW, HASH, DELETED]);
        assert_eq!(schema.arrow().field(0).data_type(), &DataType::Decimal128(12, 2));
    }
}
