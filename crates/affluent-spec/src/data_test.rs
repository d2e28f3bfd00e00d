//! Data tests: what must hold of a table before it is published.
//!
//! A test is a word (`not_null`) or a map of one check and its `severity`; under a column it speaks of that column, under
//! `tests:` of the table.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// What must hold of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnCheck {
    /// It has no null.
    NotNull,
    /// No value stands twice (nulls aside).
    Unique,
    /// It is at least zero (or null).
    NotNegative,
    /// It holds nothing but these values (or null).
    AcceptedValues(Vec<serde_json::Value>),
    /// It lies within these bounds, both included (or is null).
    Between([f64; 2]),
    /// Every value stands in `schema.table.column` (or is null).
    References(String),
}

/// What must hold of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableCheck {
    /// No two rows agree in all of these columns; null equals null.
    Unique(Vec<String>),
    /// The table has at least so many rows.
    MinRows(u64),
    /// The query returns no row.
    NoRows(String),
}

/// What a failed test does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The table is not published, and what is built from it is not built.
    #[default]
    Error,
    /// It is told, nothing more.
    Warn,
}

/// A check and what its failure does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Test<C> {
    /// What must hold.
    pub check: C,
    /// What a failure does.
    pub severity: Severity,
}

impl<'de, C: serde::de::DeserializeOwned> Deserialize<'de> for Test<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = serde_json::Value::deserialize(deserializer)?;
        let severity = value
            .as_object_mut()
            .and_then(|map| map.shift_remove("severity"))
            .map(serde_json::from_value)
            .transpose()
            .map_err(serde::de::Error::custom)?
            .unwrap_or_default();
        let check = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
        Ok(Self { check, severity })
    }
}

impl JsonSchema for Test<ColumnCheck> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ColumnTest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let nothing = serde_json::json!({ "type": "null" });
        json_schema!({ "anyOf": [
            { "enum": ["not_null", "unique", "not_negative"] },
            {
                "type": "object",
                "properties": {
                    "not_null": nothing, "unique": nothing, "not_negative": nothing,
                    "accepted_values": { "type": "array", "minItems": 1, "description": "nothing but these values" },
                    "between": { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 },
                    "references": { "type": "string", "pattern": "^[a-z_]+\\.\\w+\\.\\w+$", "x-expects": "schema.table.column" },
                    "severity": { "enum": ["error", "warn"] },
                },
                "additionalProperties": false,
            },
        ] })
    }
}

impl JsonSchema for Test<TableCheck> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TableTest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "unique": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                "min_rows": { "type": "integer", "minimum": 0 },
                "no_rows": { "type": "string", "description": "a query that returns no row where all is well" },
                "severity": { "enum": ["error", "warn"] },
            },
            "additionalProperties": false,
        })
    }
}

/// The tests of one table, as a pipeline's `expectations:` gives them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expectations {
    /// Tests by column.
    pub columns: IndexMap<String, Vec<Test<ColumnCheck>>>,
    /// Tests of the whole table.
    pub tests: Vec<Test<TableCheck>>,
}

impl fmt::Display for ColumnCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNull => f.write_str("not_null"),
            Self::Unique => f.write_str("unique"),
            Self::NotNegative => f.write_str("not_negative"),
            Self::AcceptedValues(_) => f.write_str("accepted_values"),
            Self::Between([low, high]) => write!(f, "between {low} and {high}"),
            Self::References(target) => write!(f, "references {target}"),
        }
    }
}

impl fmt::Display for TableCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique(columns) => write!(f, "unique ({})", columns.join(", ")),
            Self::MinRows(rows) => write!(f, "at least {rows} rows"),
            Self::NoRows(_) => f.write_str("no_rows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    #[test]
    fn reads_words_and_maps() {
        let text = "columns: { id: [not_null, { between: [1, 5], severity: warn }] }\ntests: [{ unique: [a, b] }]\n";
        let read = read::<Expectations>("t.yaml", text).unwrap_or_else(|p| unreachable!("{p:#?}")).value;
        assert_eq!(read.columns["id"][0], Test { check: ColumnCheck::NotNull, severity: Severity::Error });
        assert_eq!(read.columns["id"][1], Test { check: ColumnCheck::Between([1.0, 5.0]), severity: Severity::Warn });
        assert_eq!(read.tests[0].check, TableCheck::Unique(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn tells_a_check_that_does_not_exist() {
        let problems =
            read::<Expectations>("t.yaml", "columns: { id: [not_nul, { betwen: [1, 5] }] }").map(|_| ()).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:#?}");
        assert!(
            problems.iter().all(|p| p.hint.as_deref().is_some_and(|h| h.contains("did you mean"))),
            "{problems:#?}"
        );
    }
}
