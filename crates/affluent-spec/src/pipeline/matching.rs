//! How records of the same person or company are found.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::codes::Country;
use crate::one_or_many::OneOrMany;

/// How records of one entity are found to be the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Match {
    /// Ids are good already: records of the same id are one entity, others are not.
    None,
    /// Found by comparison.
    Compare(Comparison),
}

/// How records are compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Comparison {
    /// `auto`, or the comparisons by name.
    pub compare: Auto<IndexMap<String, Compare>>,
    /// `auto`, or the rules: each a list of columns that must be equal (`postcode`, or its start as `postcode:2`).
    pub block: Auto<Vec<OneOrMany<String>>>,
    /// `auto` (chosen without labels), or a probability from 0 to 1.
    pub threshold: Auto<f64>,
    /// Sources in which nobody stands twice: two of their records are never one entity.
    pub duplicate_free: OneOrMany<String>,
    /// CSV files of decided pairs, relative to the pipeline file: columns `left_record` and `right_record` (record ids) and `decision` (`same` or
    /// `different`; blank: not decided yet).
    pub decisions: OneOrMany<String>,
}

/// How files are matched by themselves, without a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchFile {
    /// What the records are of.
    pub entity: MatchEntity,
    /// The column that identifies a record within its file.
    pub id: String,
    /// The column that names the system a record is from; by default a file is a system.
    pub source: Option<String>,
    /// The country (ISO 3166-1 alpha-2) of phone numbers and postcodes whose record names none.
    pub country: Option<Country>,
    /// Columns that are called otherwise in some of the files: their name there, and the one by which they are compared.
    #[serde(default)]
    pub rename: IndexMap<String, String>,
    /// The comparisons, by name.
    pub compare: IndexMap<String, Compare>,
    /// `auto`, or the rules: each a list of columns that must be equal (`postcode`, or its start as `postcode:2`).
    #[serde(default)]
    pub block: Auto<Vec<OneOrMany<String>>>,
    /// `auto` (chosen without labels), or a probability from 0 to 1.
    #[serde(default)]
    pub threshold: Auto<f64>,
    /// Systems in which nobody stands twice.
    #[serde(default)]
    pub duplicate_free: OneOrMany<String>,
}

/// What records are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchEntity {
    /// Persons.
    Persons,
    /// Companies.
    Companies,
}

impl<'de> Deserialize<'de> for Match {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(word) if word == "none" => Ok(Self::None),
            serde_json::Value::String(word) if word == "auto" => Ok(Self::Compare(Comparison::default())),
            other => serde_json::from_value(other).map(Self::Compare).map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Match {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Match".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let comparison = generator.subschema_for::<Comparison>();
        json_schema!({ "anyOf": [{ "enum": ["none", "auto"] }, comparison] })
    }
}

/// `auto`, or said.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Auto<T> {
    /// Chosen from the data.
    #[default]
    Auto,
    /// Said by the user.
    Said(T),
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for Auto<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(word) if word == "auto" => Ok(Self::Auto),
            other => serde_json::from_value(other).map(Self::Said).map_err(serde::de::Error::custom),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Auto<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Auto_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let said = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "const": "auto" }, said] })
    }
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// What kind of values are compared.
    pub kind: CompareKind,
    /// The column; by default the one that the comparison is named for.
    pub column: Option<String>,
    /// For `person_name`: the column of the given name.
    pub given: Option<String>,
    /// For `person_name`: the column of the family name.
    pub family: Option<String>,
    /// For `person_name` of files: the column of the family name at birth.
    pub maiden: Option<String>,
    /// For `person_name` of files: the column that holds given and family name in one.
    pub full: Option<String>,
    /// For `phone`: the region of numbers written without a country code.
    pub region: Option<String>,
    /// For `address`: the column of the street; of several the words stand one after the other.
    #[serde(default, skip_serializing_if = "no_columns")]
    pub street: OneOrMany<String>,
    /// For `address`: the column of the postcode.
    pub postcode: Option<String>,
    /// For `address`: the column of the town.
    pub city: Option<String>,
}

fn no_columns(columns: &OneOrMany<String>) -> bool {
    columns.is_empty()
}

impl Compare {
    /// A comparison of that kind, nothing else said.
    pub fn new(kind: CompareKind) -> Self {
        Self {
            kind,
            column: None,
            given: None,
            family: None,
            maiden: None,
            full: None,
            region: None,
            street: OneOrMany::default(),
            postcode: None,
            city: None,
        }
    }
}

/// Kinds of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompareKind {
    /// Given and family name, swapped ones too.
    PersonName,
    /// A company's name without its legal form.
    CompanyName,
    /// A date, typing errors in it too.
    Date,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// Street, postcode and city.
    Address,
    /// State, province or region.
    Region,
    /// A country.
    Country,
    /// Female or male.
    Sex,
    /// An internet domain.
    Domain,
    /// An identifier: equal or not, one typing error apart.
    Id,
    /// An identifier of which an entity has exactly one: two different ones are two entities.
    ExclusiveId,
    /// Free text, by its words.
    Text,
    /// Any text: equal or not.
    Exact,
}
