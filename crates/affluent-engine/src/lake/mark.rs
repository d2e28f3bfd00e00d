//! The mark of a commit: what it covers. Data and mark are one commit, so one is never there without the other.

use std::collections::BTreeMap;

use affluent_spec::TableName;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::Error;

/// What a commit covers; kept in its commit info under `affluent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// Number of this commit in its table's line of marked commits, from 1; also the transaction version.
    pub sequence: i64,
    /// The run that wrote it.
    pub run_id: String,
    /// The pipeline that the table belongs to; none where all pipelines share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// Tells this very attempt from any other, to find out whether a commit that returned an error has landed.
    pub attempt: String,
    /// Bronze: where the stream stands after this commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<serde_json::Value>,
    /// Bronze: the instant of the newest load, so that later loads sort after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded_at: Option<DateTime<Utc>>,
    /// Silver and gold: the tables read, each at its version.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Stamp>,
    /// Silver and gold: hash of the plan that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Gold: exclusive upper bound of event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<DateTime<Utc>>,
}

/// A table at a version, `version@id`: one that was moved away and made anew has the same name, begins at version 0 again, and has
/// an id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamp(String);

impl Stamp {
    pub(super) fn new(version: i64, id: &str) -> Self {
        Self(format!("{version}@{id}"))
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Older marks have the version alone, which equals no stamp.
        Ok(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(stamp) => Self(stamp),
            other => Self(other.to_string()),
        })
    }
}

/// A hash of what makes a table's rows; another release of the program is another plan.
pub(crate) fn fingerprint(recipe: &str) -> String {
    format!("{:032x}", xxh3_128(format!("{}\n{recipe}", env!("CARGO_PKG_VERSION")).as_bytes()))
}

impl Mark {
    /// Whether `other` was made from the same inputs by the same plan for the same instant.
    pub fn covers_the_same(&self, other: &Self) -> bool {
        self.plan.is_some() && self.plan == other.plan && self.inputs == other.inputs && self.as_of == other.as_of
    }

    /// Refuses `pipeline` the writing of `table`, where another one made it: silver and gold would be turned from the rows of one
    /// to those of the other, run by run, and bronze would hold both under one name.
    pub(crate) fn is_for(&self, table: &TableName, pipeline: &str) -> Result<(), Error> {
        match &self.pipeline {
            Some(owner) if owner != pipeline => {
                Err(Error::OfAnother { table: table.to_string(), owner: owner.clone(), pipeline: pipeline.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_its_pipelines_own() {
        let table = TableName::silver("persons");
        let of = |pipeline: Option<&str>| Mark { pipeline: pipeline.map(str::to_owned), ..Mark::default() };
        assert!(of(None).is_for(&table, "crm").is_ok());
        assert!(of(Some("crm")).is_for(&table, "crm").is_ok());
        let error = of(Some("crm")).is_for(&table, "shop").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(
            error.to_string(),
            "silver.persons belongs to pipeline `crm`, and pipeline `shop` would put its own rows there"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("a lake of its own") && hint.contains("--full-refresh")));
    }

    #[test]
    fn a_table_made_anew_is_another_input() {
        let of = |inputs: &str| -> Mark {
            serde_json::from_str(&format!(r#"{{ "plan": "p", "inputs": {{ "bronze.shop_orders": {inputs} }} }}"#))
                .unwrap()
        };
        let now = Mark {
            plan: Some("p".to_owned()),
            inputs: BTreeMap::from([("bronze.shop_orders".to_owned(), Stamp::new(0, "a"))]),
            ..Mark::default()
        };
        assert!(of("\"0@a\"").covers_the_same(&now));
        assert_eq!(of("\"0@a\""), serde_json::from_value(serde_json::to_value(&now).unwrap()).unwrap());
        // What an older release wrote is read, and made again.
        for other in ["\"0@b\"", "\"1@a\"", "0"] {
            assert!(!of(other).covers_the_same(&now), "{other}");
        }
    }

    #[test]
    fn marks_of_before_are_read() {
        let mark: Mark = serde_json::from_str(r#"{ "sequence": 3, "run_id": "r", "attempt": "a" }"#).unwrap();
        assert_eq!((mark.sequence, mark.pipeline), (3, None));
    }
}
