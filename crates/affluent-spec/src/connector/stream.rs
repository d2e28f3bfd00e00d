//! What a stream is: where it is asked for, where its records lie, what identifies them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BodyValue, CursorSpec, Deletes, Expression, Next, Soql, Value};
use crate::names::Name;
use crate::one_or_many::OneOrMany;
use crate::pipeline::Mapping;
use crate::template::Template;
use crate::types::ColumnType;

/// One stream.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// What a record of it is.
    pub description: Option<String>,
    /// The vendor's documentation of it.
    pub docs: Option<String>,
    /// The path to GET, under the base URL; `{name}` stands for a setting or a value of the parent.
    pub get: Option<Template>,
    /// The path to POST to, where reading is done so.
    pub post: Option<Template>,
    /// The stream whose records say what is asked for: one read for each of them.
    pub parent: Option<Parent>,
    /// What an answer is written in. JSON unless given.
    #[serde(default)]
    pub format: BodyFormat,
    /// The query of the request.
    #[serde(default)]
    pub query: IndexMap<String, Value>,
    /// The JSON body of a POST; the next page's token becomes a member of it.
    pub body: Option<IndexMap<String, BodyValue>>,
    /// Headers of this stream's requests.
    #[serde(default)]
    pub headers: IndexMap<String, Value>,
    /// The path of the array of records in an answer; without it the answer is the array.
    pub records: Option<String>,
    /// What an answer without that array means. An error unless given: the path may be wrong.
    #[serde(default)]
    pub without_records: WithoutRecords,
    /// Takes the elements of an array in each record for the stream's records.
    pub explode: Option<Explode>,
    /// The path in an answer of how many records there are in all: a first load that ends with fewer is an error.
    pub count: Option<String>,
    /// How an answer names the next page; without it there is but one page.
    pub next: Option<Next>,
    /// The fields that identify a record.
    pub key: OneOrMany<String>,
    /// The last field of the key, where a record may lack it.
    pub may_lack: Option<String>,
    /// The field that tells which of two versions is newer, and how to ask for what is new.
    pub cursor: Option<CursorSpec>,
    /// How deleted records are told.
    pub deletes: Option<Deletes>,
    /// The fields of a record by path (`properties.email`) with their types. Column names have `_` for the dots.
    pub fields: IndexMap<String, ColumnType>,
    /// The default mapping to silver, by entity.
    #[serde(default)]
    pub silver: IndexMap<Name, Mapping>,
}

/// What an answer without an array of records means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutRecords {
    /// Something is wrong.
    #[default]
    Error,
    /// There are none.
    Empty,
}

/// The stream whose records say what a stream asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// A stream of the same connector.
    pub stream: Name,
    /// Names for fields of its records; `{name}` in the path, the query, the headers and the body stands for the value.
    pub with: IndexMap<Name, String>,
}

/// What an answer is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// One JSON value.
    #[default]
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// CSV with a header; each line becomes a record of texts, an empty cell null.
    Csv,
}

/// Records that lie in an array of each record of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explode {
    /// The path of the array; missing or null, it holds none.
    pub path: String,
    /// Members of the outer record that each element gets as well: new name to path.
    #[serde(default)]
    pub keep: IndexMap<String, String>,
}

impl Stream {
    /// The stream's SOQL query and the parameter that carries it, where it has one.
    pub fn soql(&self) -> Option<(&str, &Soql)> {
        self.query.iter().find_map(|(parameter, value)| match value {
            Value::Expression(Expression::Soql(soql)) => Some((parameter.as_str(), soql)),
            _ => None,
        })
    }

    /// Whether something in the request takes the cursor.
    pub fn takes_since(&self) -> bool {
        self.expressions().iter().any(|expression| matches!(expression, Expression::Since(_)))
    }

    /// Whether something in the request takes the end of what is asked for.
    pub fn takes_until(&self) -> bool {
        self.expressions().iter().any(|expression| matches!(expression, Expression::Until(_)))
    }

    /// The expressions of the request: those of the query, the headers and the body.
    pub fn expressions(&self) -> Vec<&Expression> {
        let mut found: Vec<&Expression> = self
            .query
            .values()
            .chain(self.headers.values())
            .filter_map(|value| match value {
                Value::Expression(expression) => Some(expression),
                Value::Text(_) => None,
            })
            .collect();
        for value in self.body.iter().flat_map(IndexMap::values) {
            value.expressions(&mut found);
        }
        found
    }

    /// The list of names that is cut into chunks, where there is one.
    pub fn chunked(&self) -> Option<&super::FieldNames> {
        self.expressions().into_iter().find_map(|expression| match expression {
            Expression::Fields(names) if names.at_most.is_some() => Some(names),
            _ => None,
        })
    }
}
