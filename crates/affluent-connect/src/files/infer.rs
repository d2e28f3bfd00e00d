//! Types of columns that nobody declared: those that hold all values seen.

use affluent_spec::ColumnType;
use affluent_spec::types::TimestampFormat;

use crate::decode::JsonField;

/// A column that was found in a file.
pub(super) struct Inferred {
    /// Where it comes from, and its type: text where no value was seen.
    pub(super) field: JsonField,
    /// Whether a value was seen.
    pub(super) filled: bool,
}

impl Inferred {
    /// A column of that type.
    pub(super) fn of(field: JsonField) -> Self {
        Self { field, filled: true }
    }

    /// A column with the type of the values seen, if any was.
    pub(super) fn seen(column: String, path: Vec<String>, ty: Option<ColumnType>) -> Self {
        let filled = ty.is_some();
        Self { field: JsonField { column, path, ty: ty.unwrap_or(ColumnType::String) }, filled }
    }

    /// Takes in what another file has in the same column.
    pub(super) fn join(&mut self, other: Self) {
        if other.filled {
            self.field.ty = if self.filled { widest(self.field.ty.clone(), other.field.ty) } else { other.field.ty };
            self.filled = true;
        }
    }
}

/// The type that holds the values of both.
pub(super) fn widest(one: ColumnType, other: ColumnType) -> ColumnType {
    use ColumnType::{Date, Integer, Json, Number, String, Timestamp};
    match (one, other) {
        (a, b) if a == b => a,
        (Json, _) | (_, Json) => Json,
        (Integer | Number, Integer | Number) => Number,
        (Date(_) | Timestamp(_), Date(_) | Timestamp(_)) => Timestamp(TimestampFormat::Iso),
        _ => String,
    }
}
