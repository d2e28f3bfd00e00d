//! How versions of a record are ordered, and how what is new is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::Period;
use crate::template::Template;

/// How versions are ordered and what is new is asked for.
///
/// What is new is asked for by `search`, by `opaque`, or by `{ soql: ... }` or `{ since: ... }` in the request; with none of
/// them the stream is read whole each time and the cursor only orders versions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorSpec {
    /// The field, a timestamp.
    pub field: String,
    /// How far behind the stored cursor each read begins. 5m unless given.
    #[serde(default = "five_minutes")]
    pub lookback: Period,
    /// True where pages come newest first, so that the first one has the highest cursor.
    #[serde(default)]
    pub newest_first: bool,
    /// Ask for what is new by the search endpoint of the `HubSpot` CRM.
    pub search: Option<Search>,
    /// Where `since` begins when the stream was never read: a date, an RFC 3339 instant, or `{setting}`.
    pub start: Option<Template>,
    /// What is new is asked for in slices of that length, from `since` to `until`, each stored by itself.
    pub step: Option<Period>,
    /// How long before now the last slice ends, where the server does not count to the end what is younger.
    pub lag: Option<Period>,
    /// True where the list comes in the order of the cursor, oldest first: each page is then asked for from the last
    /// cursor of the page before on, so that a cap on the depth of a list is never met.
    #[serde(default)]
    pub ordered: bool,
    /// What the last page gives to ask for what is new next time, in place of `since`.
    pub opaque: Option<Opaque>,
}

fn five_minutes() -> Period {
    Period { seconds: 300 }
}

/// What the last page gives to ask for what is new next time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Opaque {
    /// A token in the body, sent with the same request.
    Token(OpaqueToken),
    /// A URL in the body, asked for as it is.
    Url(OpaqueUrl),
}

/// A token that asks for what is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpaqueToken {
    /// The path of the token in the answer.
    pub from: String,
    /// The parameter that takes it.
    pub param: String,
}

/// A URL that asks for what is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpaqueUrl {
    /// The path of the URL in the answer.
    pub url: String,
}

impl Opaque {
    /// The path in an answer of what is stored.
    pub fn from(&self) -> &str {
        match self {
            Self::Token(token) => &token.from,
            Self::Url(url) => &url.url,
        }
    }
}

/// The search endpoint of the `HubSpot` CRM.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Its path.
    pub post: String,
    /// The property that is the cursor; the cursor's field holds it in a record.
    pub property: String,
    /// The property that identifies a record, a number; the first field of the key holds it in a record.
    pub id: String,
    /// Records a page.
    #[schemars(range(min = 2))]
    pub limit: u32,
}
