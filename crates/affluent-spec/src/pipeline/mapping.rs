//! From a stream's columns to an entity's, and whom a fact belongs to.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// One input of an entity: its name alone, or with a mapping of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feed {
    /// `source.stream`, or an entity.
    pub stream: String,
    /// Its own mapping.
    pub map: Option<Mapping>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MappedFeed {
    /// `source.stream`.
    stream: String,
    /// The mapping of this stream.
    map: Mapping,
}

impl<'de> Deserialize<'de> for Feed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(stream) => Ok(Self { stream, map: None }),
            other => {
                let feed: MappedFeed = serde_json::from_value(other).map_err(serde::de::Error::custom)?;
                Ok(Self { stream: feed.stream, map: Some(feed.map) })
            }
        }
    }
}

impl JsonSchema for Feed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Feed".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mapped = generator.subschema_for::<MappedFeed>();
        json_schema!({ "anyOf": [{ "type": "string", "description": "source.stream, or a facts entity" }, mapped] })
    }
}

/// From a stream's columns to an entity's.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Mapping {
    /// Entity column → what fills it.
    pub columns: IndexMap<String, MapValue>,
    /// The person that the fact belongs to.
    pub person: Option<PersonLink>,
}

/// What fills a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MapValue {
    /// A SQL expression over the stream's columns; a field path such as `properties.email` is one too.
    Expression(String),
    /// `{ value: ... }`: the same for every row.
    Constant(Constant),
}

/// A constant in a mapping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// The value.
    pub value: serde_json::Value,
}

/// The person a fact belongs to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PersonLink {
    /// The stream whose record `id` names; without it the columns make a person record of their own.
    pub of: Option<String>,
    /// `id`, and columns of `silver.persons`, each with its expression.
    pub columns: IndexMap<String, String>,
}

impl<'de> Deserialize<'de> for PersonLink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut columns = IndexMap::<String, String>::deserialize(deserializer)?;
        let of = columns.shift_remove("of");
        Ok(Self { of, columns })
    }
}

impl JsonSchema for PersonLink {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PersonLink".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "the person of a fact: `{ email: customer_email }` makes a person record, `{ of: source.stream, id: contact_id }` points to one",
            "properties": {
                "of": { "type": "string", "description": "the stream whose record `id` names" },
                "id": { "type": "string", "description": "an id that is already good" },
            },
            "additionalProperties": { "type": "string" },
        })
    }
}

impl<'de> Deserialize<'de> for Mapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = IndexMap::<String, serde_json::Value>::deserialize(deserializer)?;
        let decode = serde::de::Error::custom;
        let person = fields.shift_remove("person").map(serde_json::from_value).transpose().map_err(decode)?;
        let columns: Result<_, _> = fields
            .into_iter()
            .map(|(column, value)| serde_json::from_value(value).map(|value| (column, value)))
            .collect();
        Ok(Self { columns: columns.map_err(decode)?, person })
    }
}

impl JsonSchema for Mapping {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mapping".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let person = generator.subschema_for::<PersonLink>();
        let constant = generator.subschema_for::<Constant>();
        json_schema!({
            "type": "object",
            "description": "entity column → SQL expression over the stream's columns",
            "properties": { "person": person },
            "additionalProperties": { "anyOf": [{ "type": "string" }, constant] },
        })
    }
}
