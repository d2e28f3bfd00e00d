//! Streams of SQL databases: which table or query, in which order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a table tells that a record is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deletes {
    /// The column that says so: a boolean or number that is not 0, or an instant or day that is set.
    pub flag: String,
}

/// The connectors of SQL databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

impl Database {
    /// The database that a connector's name stands for.
    pub fn of_connector(name: &str) -> Option<Self> {
        match name {
            "postgres" => Some(Self::Postgres),
            "mysql" => Some(Self::Mysql),
            _ => None,
        }
    }

    /// The connector's name.
    pub fn connector(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The settings that may stand under `with:`.
    pub const SETTINGS: [&str; 9] = ["url", "host", "port", "database", "schema", "user", "password", "tls", "ca"];
    /// Those that hold a secret, and so stand in the environment or a file.
    pub const SECRETS: [&str; 2] = ["url", "password"];
}
