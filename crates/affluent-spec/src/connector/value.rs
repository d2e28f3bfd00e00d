//! Values in a manifest's requests: as written, or made by the engine.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::template::Template;

/// The value of a query parameter or a header.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Text, number or boolean, sent as it is written; `{name}` stands for a setting or a value of the parent.
    Text(Template),
    /// Made by the engine.
    Expression(Expression),
}

/// A value that the engine makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Expression {
    /// The names of all fields under that path, joined by commas: `{ fields: properties }`.
    Fields(FieldNames),
    /// The value of that setting.
    Setting(String),
    /// A SOQL query: the stream's fields of that object, from the cursor on, in its order.
    Soql(Soql),
    /// Where the read begins, in that format; the parameter is left out when the stream is read from its start.
    Since(InstantFormat),
    /// Where it ends, in that format: the end of the slice, now without one.
    Until(InstantFormat),
}

/// The names of all fields under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames {
    /// The path; empty for all fields of the stream.
    pub path: String,
    /// Above so many names a page is asked for several times, once for each part of them, and put together by key.
    pub at_most: Option<u32>,
    /// What stands between two names.
    pub separator: String,
}

/// The long form of [`FieldNames`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FieldNamesSpec {
    /// The path; empty for all fields of the stream.
    path: String,
    /// Above so many names a page is asked for several times, once for each part of them, and put together by key. The
    /// fields of the key and the cursor are in every part.
    #[schemars(range(min = 2))]
    at_most: Option<u32>,
    /// What stands between two names. A comma unless given.
    #[serde(default = "comma")]
    separator: String,
}

fn comma() -> String {
    ",".into()
}

impl Serialize for FieldNames {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, at_most, separator } = self.clone();
        if at_most.is_none() && separator == comma() {
            return serializer.serialize_str(&path);
        }
        FieldNamesSpec { path, at_most, separator }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FieldNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(path) => Ok(Self { path, at_most: None, separator: comma() }),
            other => serde_json::from_value(other)
                .map(|FieldNamesSpec { path, at_most, separator }| Self { path, at_most, separator })
                .map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for FieldNames {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FieldNames".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<FieldNamesSpec>();
        json_schema!({ "anyOf": [{ "type": "string" }, long] })
    }
}

/// A SOQL query that the engine completes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Soql {
    /// The object.
    pub from: String,
    /// A condition that its records meet.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// The path that describes the object: fields that it does not have there, or that the user may not see, are left out
    /// of the query and stay null. Without it, such a field is an error.
    pub describe: Option<String>,
    /// Records a page; Salesforce gives at most 2000, which it is unless given.
    #[serde(default = "two_thousand")]
    #[schemars(range(min = 2, max = 2000))]
    pub limit: u32,
    /// Reads of many records go by a job of the Bulk API 2.0 instead of page by page.
    pub bulk: Option<Bulk>,
}

/// When and where a SOQL query becomes a job of the Bulk API 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// The path at which query jobs are made.
    pub post: String,
    /// Reads of more records than this go by a job: a number or the name of a setting. 0 is never.
    pub above: Count,
}

fn two_thousand() -> u32 {
    2000
}

/// How an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstantFormat {
    /// `2026-11-21T08:00:00.000Z`.
    Rfc3339,
    /// `2026-11-21T08:00:00Z`.
    #[serde(rename = "rfc3339_s")]
    Rfc3339S,
    /// Seconds since 1970-01-01T00:00:00Z.
    EpochS,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    EpochMs,
    /// `2026-11-21`, the day in UTC.
    Date,
}

impl InstantFormat {
    /// Whether it is a number, which it is in JSON too.
    pub fn is_number(self) -> bool {
        matches!(self, Self::EpochS | Self::EpochMs)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text.parse().map(Self::Text).map_err(serde::de::Error::custom),
            scalar @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
                Ok(Self::Text(Template::literal(scalar.to_string())))
            }
            other => serde_json::from_value(other).map(Self::Expression).map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Value {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let expression = generator.subschema_for::<Expression>();
        json_schema!({ "anyOf": [{ "type": ["string", "number", "boolean"] }, expression] })
    }
}

/// A number, or the name of the setting that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Count {
    /// The number.
    Fixed(u32),
    /// The setting.
    Setting(String),
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(setting) => Ok(Self::Setting(setting)),
            other => serde_json::from_value(other).map(Self::Fixed).map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Count {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 0, "maximum": u32::MAX }, { "type": "string", "description": "the name of a setting" }],
        })
    }
}
