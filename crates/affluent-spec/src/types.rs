//! The types a column may be declared with.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The declared type of a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Text, every character kept.
    String,
    /// 64-bit signed integer.
    Integer,
    /// 64-bit floating point.
    Number,
    /// `true` or `false` (also `1`/`0`, `yes`/`no`, `t`/`f` in text files).
    Boolean,
    /// Exact decimal: precision 1 to 38, scale 0 to precision.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// A day: ISO 8601 (`2026-11-21`), or by the given strftime format.
    Date(Option<String>),
    /// An instant, kept as UTC microseconds: RFC 3339, epoch, or by the given format.
    Timestamp(TimestampFormat),
    /// Nested JSON kept as text.
    Json,
}

/// How the text of an instant is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum TimestampFormat {
    /// RFC 3339 or ISO 8601; without an offset it is in the stream's time zone (UTC unless declared).
    #[default]
    Iso,
    /// Seconds since 1970-01-01T00:00:00Z.
    EpochSeconds,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    EpochMillis,
    /// A strftime format.
    Strftime(String),
}

/// Why a text is no column type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a column type: {EXPECTS}")]
pub struct InvalidType(String);

const EXPECTS: &str = "use string, integer, number, boolean, decimal(p,s), date, date(%d/%m/%Y), timestamp, \
                       timestamp(epoch_ms), timestamp(%Y-%m-%d %H:%M:%S) or json";

impl FromStr for ColumnType {
    type Err = InvalidType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidType(text.to_owned());
        let trimmed = text.trim();
        let (base, argument) = match trimmed.split_once('(') {
            Some((base, rest)) => (base.trim(), Some(rest.strip_suffix(')').ok_or_else(invalid)?.trim())),
            None => (trimmed, None),
        };
        Ok(match (base, argument) {
            ("string", None) => Self::String,
            ("integer", None) => Self::Integer,
            ("number", None) => Self::Number,
            ("boolean", None) => Self::Boolean,
            ("json", None) => Self::Json,
            ("date", format) => Self::Date(format.map(str::to_owned)),
            ("timestamp", None) => Self::Timestamp(TimestampFormat::Iso),
            ("timestamp", Some("epoch_s")) => Self::Timestamp(TimestampFormat::EpochSeconds),
            ("timestamp", Some("epoch_ms")) => Self::Timestamp(TimestampFormat::EpochMillis),
            ("timestamp", Some(format)) => Self::Timestamp(TimestampFormat::Strftime(format.to_owned())),
            ("decimal", Some(digits)) => {
                let (precision, scale) = digits.split_once(',').unwrap_or((digits, "0"));
                let precision: u8 = precision.trim().parse().map_err(|_| invalid())?;
                let scale: i8 = scale.trim().parse().map_err(|_| invalid())?;
                if !(1..=38).contains(&precision) || scale < 0 || scale as u8 > precision {
                    return Err(invalid());
                }
                Self::Decimal { precision, scale }
            }
            _ => return Err(invalid()),
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Integer => f.write_str("integer"),
            Self::Number => f.write_str("number"),
            Self::Boolean => f.write_str("boolean"),
            Self::Json => f.write_str("json"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Date(None) => f.write_str("date"),
            Self::Date(Some(format)) => write!(f, "date({format})"),
            Self::Timestamp(TimestampFormat::Iso) => f.write_str("timestamp"),
            Self::Timestamp(TimestampFormat::EpochSeconds) => f.write_str("timestamp(epoch_s)"),
            Self::Timestamp(TimestampFormat::EpochMillis) => f.write_str("timestamp(epoch_ms)"),
            Self::Timestamp(TimestampFormat::Strftime(format)) => write!(f, "timestamp({format})"),
        }
    }
}

impl Serialize for ColumnType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ColumnType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ColumnType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ColumnType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\s*(string|integer|number|boolean|json|date(\(.+\))?|timestamp(\(.+\))?|decimal\(\s*\d{1,2}\s*(,\s*\d{1,2}\s*)?\))\s*$",
            "x-expects": format!("a column type: {EXPECTS}"),
            "x-suggest": ["string", "integer", "number", "boolean", "json", "date", "timestamp", "decimal(18,4)"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        for text in ["string", "decimal(12,2)", "date(%Y%m%d)", "timestamp(epoch_ms)", "timestamp(%d/%m/%Y %H:%M)"] {
            assert_eq!(text.parse::<ColumnType>().map(|t| t.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn refuses_what_no_column_can_hold() {
        for text in ["strin", "decimal(39,2)", "decimal(4,5)", "decimal(x)", "date(", ""] {
            assert!(text.parse::<ColumnType>().is_err(), "{text}");
        }
    }
}
