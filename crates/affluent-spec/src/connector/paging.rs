//! How an answer names the next page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an answer names the next page. The last page is the one that the server says is the last, never one that is short;
/// an empty one only where a kind below says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Next {
    /// A token in the body, sent back with the same request.
    Token {
        /// The path of the token in the answer; no token, no next page.
        from: String,
        /// The parameter that takes it.
        param: String,
        /// The path of a boolean in the answer: `false` is the last page, whatever the token says.
        more: Option<String>,
        /// The path of a boolean in the answer: `true` is the last page, whatever the token says.
        end: Option<String>,
        /// True where a token stays good for a day and more, so that a first load that was cut off goes on from it.
        #[serde(default)]
        resumable: bool,
    },
    /// The path of a URL in the body, asked for as it is; no URL, no next page.
    Url(String),
    /// A URL in the `Link` header (RFC 8288) with that relation, `next` for most; none, no next page.
    Link(String),
    /// The number of records passed.
    Offset {
        /// The parameter that takes it.
        param: String,
        /// The path of the number of all records: reached, there is no next page. Without it the first page without
        /// records is the last one.
        total: Option<String>,
    },
    /// The number of the page.
    Page {
        /// The parameter that takes it.
        param: String,
        /// The number of the first page. 1 unless given.
        #[serde(default = "one")]
        first: u64,
        /// The path of a boolean in the answer: `false` is the last page. Without it and `end` the first page without
        /// records is the last one.
        more: Option<String>,
        /// The path of a boolean in the answer: `true` is the last page.
        end: Option<String>,
    },
    /// A field of the page's last record.
    Last {
        /// The parameter that takes it.
        param: String,
        /// The field.
        field: String,
        /// The path of a boolean in the answer: `false` is the last page. Without it and `end` the first page without
        /// records is the last one.
        more: Option<String>,
        /// The path of a boolean in the answer: `true` is the last page.
        end: Option<String>,
    },
}

fn one() -> u64 {
    1
}

impl Next {
    /// Whether it is found in a JSON body, and not beside it or in its records.
    pub fn needs_json(&self) -> bool {
        match self {
            Self::Token { .. } | Self::Url(_) => true,
            Self::Link(_) => false,
            Self::Offset { total, .. } => total.is_some(),
            Self::Page { more, end, .. } | Self::Last { more, end, .. } => more.is_some() || end.is_some(),
        }
    }
}
