//! How a manifest says that a server is spoken to: where it is, how one logs in, how much it takes, what its faults mean.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Count, Value};
use crate::names::Name;
use crate::pipeline::Period;
use crate::template::Template;

/// How a server is spoken to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// What all paths begin with: the name of a setting, or a URL, in which `{name}` is a setting.
    pub base_url: Template,
    /// How one logs in.
    pub auth: Auth,
    /// Headers that every request carries.
    #[serde(default)]
    pub headers: IndexMap<String, Template>,
    /// How many requests are in flight at most, over all streams. It goes down by half when the server says that it is too
    /// much, and slowly up again. 8 unless given.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 1000))]
    pub concurrency: u32,
    /// How many requests may be sent; all of those that concern a request are kept.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// What answers tell about what is left of a quota.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// What to do about faults, first match first; what no rule speaks of is done as connectors/README.md says.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
    /// One cheap request that proves that the server answers and lets us in.
    pub check: Check,
    /// The longest silence that is waited out before a request counts as failed. 60s unless given.
    #[serde(default = "a_minute")]
    pub timeout: Period,
    /// The longest that a request and its whole answer may take. 10m unless given.
    #[serde(default = "ten_minutes")]
    pub total_timeout: Period,
    /// The largest answer taken, in MiB, as it is when unpacked. 256 unless given.
    #[serde(default = "largest_answer")]
    #[schemars(range(min = 1, max = 2048))]
    pub largest_answer: u32,
}

fn eight() -> u32 {
    8
}

fn a_minute() -> Period {
    Period { seconds: 60 }
}

fn ten_minutes() -> Period {
    Period { seconds: 600 }
}

fn largest_answer() -> u32 {
    256
}

impl Http {
    /// The setting that holds the base URL, where `base_url` is no URL itself.
    pub fn base_url_setting(&self) -> Option<&str> {
        self.base_url.as_literal().filter(|text| !text.contains("://"))
    }
}

/// Ways to log in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer` with the value of that setting.
    Bearer(Name),
    /// Headers, each with the value of a setting.
    Header(IndexMap<String, Name>),
    /// Parameters of the query, each with the value of a setting. They are in no log and no message.
    Query(IndexMap<String, Name>),
    /// A user's name and password (RFC 7617).
    Basic(Basic),
    /// OAuth 2.0: a token that is asked for, and asked for again when it has run out.
    Oauth2(Oauth2),
}

/// A user's name and password.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The name, in which `{name}` is a setting.
    pub user: Template,
    /// The setting with the password.
    pub password: Name,
}

/// OAuth 2.0 (RFC 6749).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth2 {
    /// Where tokens are to be had: a path under `base_url`, or a URL.
    pub token_url: Template,
    /// What the token is asked for with.
    pub grant: Grant,
    /// The word before the token in `Authorization`. `Bearer` unless given.
    #[serde(default = "bearer")]
    pub scheme: String,
    /// What the token is asked for.
    pub scope: Option<Template>,
    /// The member of the token's answer that holds the base URL of all other requests.
    pub base_url_from: Option<String>,
    /// What to do about answers to the request for a token, before the rules for all answers.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

/// What an OAuth token is asked for with.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Grant {
    /// RFC 6749, section 4.4.
    ClientCredentials {
        /// The setting with the client's id.
        client_id: Name,
        /// The setting with the client's secret.
        client_secret: Name,
    },
    /// RFC 6749, section 6. A new refresh token in an answer takes the old one's place from then on.
    RefreshToken {
        /// The setting with the client's id.
        client_id: Name,
        /// The setting with the client's secret.
        client_secret: Name,
        /// The setting with the refresh token to begin with.
        refresh_token: Name,
    },
    /// RFC 7523, section 2.1: a claim signed by RS256, as service accounts use it.
    JwtBearer {
        /// The setting with the private key, in PEM.
        key: Name,
        /// Who signs.
        issuer: Template,
        /// On whose behalf, where it is somebody else's.
        subject: Option<Template>,
        /// Whom the claim is for, mostly the token's URL.
        audience: Template,
    },
}

/// A budget of requests, shared by all that use the same server with the same credentials.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many: a number or the name of a setting. 0 is no limit.
    pub requests: Count,
    /// In which time.
    pub per: Period,
    /// Only requests whose path ends so; all requests unless given.
    pub path: Option<String>,
}

/// What answers tell about a quota.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Quota {
    /// A header counts down; at 0 the next request waits for the window to pass.
    Remaining {
        /// The header with the number of requests left.
        header: String,
        /// The header with the window's length in milliseconds.
        window_ms: Option<String>,
        /// Instead of `window_ms`: the header that says when the count begins anew.
        reset: Option<String>,
        /// How `reset` says it. `seconds` unless given.
        reset_as: Option<ResetFormat>,
    },
    /// A header says `name=used/allowed`; past a share of it the run stops, to be tried again later.
    Used {
        /// The header.
        header: String,
        /// The setting with the share in percent.
        percent: Name,
    },
    /// A header says `used/size` of a bucket that leaks; past four fifths of it requests wait for the leak.
    Bucket {
        /// The header.
        header: String,
        /// How many requests leak out in a second.
        #[schemars(range(min = 0.001))]
        leak_per_second: f64,
    },
}

/// How a header says when a count begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetFormat {
    /// Seconds from now.
    #[default]
    Seconds,
    /// Seconds since 1970-01-01T00:00:00Z.
    EpochS,
}

/// What to do about one fault.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The HTTP status.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Only answers whose body has this text.
    pub contains: Option<String>,
    /// What to do.
    pub then: Action,
    /// What the user should do about it.
    pub hint: Option<String>,
}

/// What is done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Tried again, after `Retry-After` or with growing waits; in the end the run may be repeated later.
    Retry,
    /// Logged in again, once, and then tried again.
    Refresh,
    /// Failed now; the run may be repeated later.
    Later,
    /// Failed.
    Fail,
    /// Taken for an answer without records.
    Empty,
    /// The stored place to go on from has run out: the stream is read anew, with a warning.
    Restart,
}

/// The request of a check.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The path under the base URL.
    pub get: Template,
    /// Its query.
    #[serde(default)]
    pub query: IndexMap<String, Value>,
}
