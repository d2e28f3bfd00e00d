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
    /// Silver and gold: the tables read, each at its version, those made by maintenance left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Stamp>,
    /// Silver and gold: hash of the plan that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Gold: exclusive upper bound of event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<DateTime<Utc>>,
    /// Where maintenance handed the mark on: the version that holds the same rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintained: Option<i64>,
}

/// A table at a version, written `version@id`: one that was moved away and made anew has the same name, begins at version 0
/// again, and has an id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    version: i64,
    id: String,
}

impl Stamp {
    pub(super) fn new(version: i64, id: &str) -> Self {
        Self { version, id: id.to_owned() }
    }

    /// The version.
    pub fn version(&self) -> i64 {
        self.version
    }
}

impl Serialize for Stamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}@{}", self.version, self.id))
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Older marks have the version alone, which equals no stamp.
        let written = serde_json::Value::deserialize(deserializer)?;
        let text = written.as_str().map_or_else(|| written.to_string(), str::to_owned);
        let (version, id) = text.split_once('@').unwrap_or((&text, ""));
        Ok(Self { version: version.parse().map_err(serde::de::Error::custom)?, id: id.to_owned() })
    }
}

/// A hash of what makes a table's rows; another release of the program is another plan.
pub(crate) fn fingerprint(recipe: &str) -> String {
    format!("{:032x}", xxh3_128(format!("{}\n{recipe}", env!("CARGO_PKG_VERSION")).as_bytes()))
}

impl Mark {
    /// The versions of the tables read.
    pub fn versions(&self) -> BTreeMap<String, i64> {
        self.inputs.iter().map(|(name, stamp)| (name.clone(), stamp.version())).collect()
    }

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
    fn marks_of_before_are_read() {
        let mark: Mark = serde_json::from_str(r#"{ "sequence": 3, "run_id": "r", "attempt": "a" }"#).unwrap();
        assert_eq!((mark.sequence, mark.pipeline), (3, None));
    }
}
