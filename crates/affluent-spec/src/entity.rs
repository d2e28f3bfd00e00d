//! A canonical silver entity: its columns, what they mean, and how the transform fills them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::Name;
use crate::types::ColumnType;

/// One silver table of the catalogue (`sql/silver/*.yaml`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Its name, a plural noun.
    pub entity: Name,
    /// What one row is.
    pub description: String,
    /// Its columns.
    pub columns: IndexMap<String, EntityColumn>,
}

/// One column of an entity.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityColumn {
    /// Its type in the table.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// What it says, with its unit.
    pub description: String,
    /// A row without it goes to quarantine.
    #[serde(default)]
    pub required: bool,
    /// The instant whose day, in the pipeline's time zone, it is.
    pub derived: Option<String>,
    /// An amount, converted to the pipeline's currency; the amount as it came is kept beside it.
    #[serde(default)]
    pub money: bool,
    /// How the value is normalised.
    pub normalise: Option<Normalise>,
    /// A SQL expression over the entity's other columns, for rows whose source does not say.
    pub default: Option<String>,
    /// It is the person of the row, found by matching.
    #[serde(default)]
    pub person: bool,
}

/// The normalisers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is documented in the matching crate")]
pub enum Normalise {
    FirstName,
    LastName,
    Email,
    Phone,
    Street,
    Postcode,
    City,
    Country,
    Date,
    Sex,
    CompanyName,
    Siren,
    Siret,
    Vat,
    Domain,
}

impl Normalise {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::Phone,
        Self::Street,
        Self::Postcode,
        Self::City,
        Self::Country,
        Self::Date,
        Self::Sex,
        Self::CompanyName,
        Self::Siren,
        Self::Siret,
        Self::Vat,
        Self::Domain,
    ];

    /// The name, as in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Street => "street",
            Self::Postcode => "postcode",
            Self::City => "city",
            Self::Country => "country",
            Self::Date => "date",
            Self::Sex => "sex",
            Self::CompanyName => "company_name",
            Self::Siren => "siren",
            Self::Siret => "siret",
            Self::Vat => "vat",
            Self::Domain => "domain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_normaliser_is_listed_by_the_name_that_yaml_has() {
        let names = Normalise::ALL.map(|rule| serde_json::Value::from(rule.name()));
        assert_eq!(Normalise::ALL.map(|rule| serde_json::to_value(rule).unwrap()), names);
        assert_eq!(crate::json_schema::<Normalise>()["enum"], serde_json::Value::from(names.to_vec()));
    }
}
