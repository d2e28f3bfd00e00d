//! The connector manifest: how an HTTP API is read, said in YAML and never in code.
//!
//! The vocabulary is closed: a word exists when the engine carries it out. Where APIs differ in kind (how a page names
//! the next one, how tombstones are told, how one logs in) the manifest has an externally tagged choice, so that another
//! kind is one more word and changes no manifest that is already written.

mod body;
mod builtin;
mod cursor;
mod cursor_faults;
mod deletes;
mod faults;
mod http;
mod http_faults;
mod paging;
mod soql_faults;
mod stream;
mod stream_faults;
mod stream_texts;
mod value;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::Name;
use crate::pipeline::Mapping;

pub use body::BodyValue;
pub use builtin::{builtin, builtin_of};
pub use cursor::{CursorSpec, Opaque, Search};
pub use deletes::{Deletes, EntryRule, TombstoneList};
pub use faults::faults;
pub use http::{Action, Auth, Basic, Check, ErrorRule, Grant, Http, Limit, Oauth2, Quota, ResetFormat};
pub use paging::Next;
pub use stream::{BodyFormat, Explode, Parent, Stream, WithoutRecords};
pub use value::{Bulk, Count, Expression, FieldNames, InstantFormat, Soql, Value};

/// A connector manifest, as written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// The connector's name, which pipelines give as `connector:`.
    pub connector: Name,
    /// What it reads.
    pub description: Option<String>,
    /// The vendor's documentation.
    pub docs: Option<String>,
    /// What a pipeline fills in under `with:`, by name.
    #[serde(default)]
    pub settings: IndexMap<Name, SettingSpec>,
    /// How its server is spoken to.
    pub http: Http,
    /// What can be read, by stream name.
    pub streams: IndexMap<Name, Stream>,
}

/// One setting of a connector.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingSpec {
    /// What kind of value it takes.
    #[serde(rename = "type")]
    pub ty: SettingType,
    /// True for what must never be seen: it comes as `{ env: NAME }` or `{ file: PATH }`.
    #[serde(default)]
    pub secret: bool,
    /// Its value unless given; a setting without default must be given.
    pub default: Option<serde_json::Value>,
    /// What it is, and where to find it at the vendor's.
    pub description: Option<String>,
}

/// Kinds of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingType {
    /// Text.
    String,
    /// A whole number from 0 on.
    Integer,
    /// A URL; without a scheme it is one of `https`.
    Url,
}

impl Connector {
    /// The stream of that name.
    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.get(name)
    }

    /// The default silver mappings of `stream` for a source called `source`: a person link `of` a stream of this
    /// connector (`hubspot.contacts`) points to the stream of that source.
    pub fn silver(&self, source: &str, stream: &str) -> IndexMap<Name, Mapping> {
        let Some(stream) = self.stream(stream) else { return IndexMap::new() };
        let mut mappings = stream.silver.clone();
        for mapping in mappings.values_mut() {
            let Some(of) = mapping.person.as_mut().and_then(|person| person.of.as_mut()) else { continue };
            if let Some((connector, target)) = of.split_once('.')
                && connector == self.connector.as_str()
            {
                *of = format!("{source}.{target}");
            }
        }
        mappings
    }
}
