//! The shape of a table or query as the database describes it, in words that hold for all databases.

use affluent_spec::ColumnType;
use serde::{Deserialize, Serialize};

/// What the values of a cursor column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Points in time.
    Instant,
    /// Clock readings, whose zone the stream says.
    Local,
    /// Days.
    Day,
    /// Whole numbers.
    Number,
}

/// A column of a table or query.
#[derive(Debug, Clone)]
pub(super) struct SqlColumn {
    /// Its name in the database.
    pub(super) name: String,
    /// Its type, exactly held.
    pub(super) ty: ColumnType,
    /// Its quoted name, with the alias of the table.
    pub(super) quoted: String,
    /// The expression whose text (or number) is read.
    pub(super) select: String,
    /// Around a placeholder (`{}`), the expression that makes a value of the column's type out of what `select` gave;
    /// `None` where values cannot be compared exactly, and so are no key and no cursor.
    pub(super) bind: Option<String>,
    /// What it is as a cursor; `None`: it cannot be one.
    pub(super) kind: Option<Kind>,
    /// As a cursor: which of its values have a place in the order of changes, and which have not (null, infinity, the zero
    /// date); `None` where all of them have one.
    pub(super) usual: String,
    pub(super) odd: Option<String>,
    /// What a user should know of how its values are kept.
    pub(super) told: Option<String>,
}

/// A table, view or query.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// What it is called in messages and positions.
    pub(super) place: String,
    /// What stands behind FROM, with the alias `t`.
    pub(super) from: String,
    /// Its columns in order.
    pub(super) columns: Vec<SqlColumn>,
    /// The sets of columns that the database itself keeps unique and not null; the primary key first.
    pub(super) unique: Vec<Vec<String>>,
}

impl Shape {
    /// The place of a column.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// What a stream reads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A table or view, with its schema.
    Table {
        /// The schema (PostgreSQL) or database (MySQL).
        schema: String,
        /// The name.
        name: String,
    },
    /// A SELECT of the user's.
    Query(String),
}

/// A decimal of this precision and scale, or text where 38 digits do not hold it.
pub(super) fn decimal(precision: i64, scale: i64) -> ColumnType {
    // A scale below 0 rounds before the point, one above the precision says that zeros follow the point.
    let digits = if scale < 0 { precision - scale } else { precision.max(scale) };
    match (u8::try_from(digits), i8::try_from(scale.max(0))) {
        (Ok(precision @ 1..=38), Ok(scale)) => ColumnType::Decimal { precision, scale },
        _ => ColumnType::String,
    }
}

/// A table's name as written in a pipeline: `customers`, `sales.customers`, or with parts in double quotes.
pub(super) fn table(text: &str, schema: &str) -> Result<Target, String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            let (part, behind) =
                quoted.split_once('"').ok_or_else(|| format!("`{text}` has a quote that is never closed"))?;
            (part, behind)
        } else {
            rest.split_at(rest.find('.').unwrap_or(rest.len()))
        };
        parts.push(part.to_owned());
        match behind.strip_prefix('.') {
            Some(more) => rest = more,
            None if behind.is_empty() => break,
            None => return Err(format!("`{text}` is not a table's name")),
        }
    }
    match <[String; 2]>::try_from(parts) {
        Ok([schema, name]) if !schema.is_empty() && !name.is_empty() => Ok(Target::Table { schema, name }),
        Err(parts) if parts.len() == 1 && !parts[0].is_empty() => {
            Ok(Target::Table { schema: schema.to_owned(), name: parts.into_iter().collect() })
        }
        _ => Err(format!("`{text}` is not a table's name: write table or schema.table")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit_or_become_text() {
        for (precision, scale, expected) in [
            (12, 2, "decimal(12,2)"),
            (38, 0, "decimal(38,0)"),
            (39, 0, "string"),
            (2, 5, "decimal(5,5)"),
            (3, -2, "decimal(5,0)"),
        ] {
            assert_eq!(decimal(precision, scale).to_string(), expected);
        }
    }

    #[test]
    fn a_table_has_a_schema_of_its_own_or_the_sources() {
        let named = |text: &str| match table(text, "public") {
            Ok(Target::Table { schema, name }) => format!("{schema}/{name}"),
            other => format!("{other:?}"),
        };
        assert_eq!(named("customers"), "public/customers");
        assert_eq!(named("sales.orders"), "sales/orders");
        assert_eq!(named("\"My Schema\".\"a.b\""), "My Schema/a.b");
        for wrong in ["", "a.b.c", "a.", "\"a", "\"a\"b"] {
            assert!(table(wrong, "public").is_err(), "{wrong}");
        }
    }
}
