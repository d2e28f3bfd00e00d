//! Settings of a connector, and secrets, which come from the environment or from a file and never from the YAML itself.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// Where a secret is to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// The environment variable of that name.
    Env(String),
    /// The content of that file, without the line break at its end.
    File(String),
}

/// The value of one setting under `with:`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Setting {
    /// Text, number, boolean, list or map, as written.
    Plain(serde_json::Value),
    /// `{ env: NAME }` or `{ file: PATH }`.
    Secret(Secret),
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(match serde_json::from_value::<Secret>(value.clone()) {
            Ok(secret) => Self::Secret(secret),
            Err(_) => Self::Plain(value),
        })
    }
}

impl JsonSchema for Setting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "a value, or a secret as { env: NAME } or { file: PATH }" })
    }
}
