//! The pipeline file: where data comes from, what silver is made of it, which marts are built.

mod codes;
mod files;
mod mapping;
mod matching;
mod period;
mod sql;
mod webhook;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data_test::Expectations;
use crate::names::Name;
use crate::one_or_many::OneOrMany;
use crate::setting::Setting;
use crate::types::ColumnType;

pub use codes::{Country, Currency};
pub use files::{Dialect, Format, Sheet};
pub use mapping::{Constant, Feed, MapValue, Mapping, PersonLink};
pub use matching::{Auto, Compare, CompareKind, Comparison, Match, MatchEntity, MatchFile};
pub use period::Period;
pub use sql::{Database, Deletes};
pub use webhook::{Algorithm, Encoding, Hmac, HubspotV3, Signature, Stripe};

/// A whole pipeline, as written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The pipeline's name, which run reports carry.
    pub pipeline: Name,
    /// What it is for.
    pub description: Option<String>,
    /// Where the tables lie: a folder, `s3://bucket/path`, `az://container/path` or `gs://bucket/path`.
    pub lake: String,
    /// The time zone in which days are cut, `Europe/Paris` for instance. UTC unless given.
    #[serde(default = "utc")]
    pub timezone: String,
    /// The currency of all amounts in silver and gold, as in ISO 4217. EUR unless given.
    #[serde(default)]
    pub currency: Currency,
    /// A folder of connector manifests of your own, relative to this file; they come before those built in.
    pub connectors: Option<String>,
    /// The country (ISO 3166-1 alpha-2) of phone numbers and postcodes whose record names none.
    pub country: Option<Country>,
    /// The sources, by the name that their bronze tables carry.
    #[serde(default)]
    pub sources: IndexMap<Name, Source>,
    /// The silver entities, by name.
    #[serde(default)]
    pub silver: IndexMap<Name, EntityConfig>,
    /// The gold tables.
    #[serde(default)]
    pub marts: Marts,
    /// Tests of your own on silver and gold tables, by table (`silver.orders`); they gate what is built from it.
    #[serde(default)]
    pub expectations: IndexMap<String, Expectations>,
    /// For how many days old table versions stay readable. 30 unless given; `maintain` never removes younger ones.
    #[serde(default = "thirty")]
    #[schemars(range(min = 7))]
    pub retention_days: u32,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn thirty() -> u32 {
    30
}

/// One source: a connector with its settings, and the streams to take from it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `files`, `webhooks`, `postgres`, `mysql` (MariaDB too), or a manifest's name (`hubspot`, `salesforce`, ...).
    pub connector: Name,
    /// The connector's settings; secrets as `{ env: NAME }` or `{ file: PATH }`.
    #[serde(default)]
    pub with: IndexMap<String, Setting>,
    /// The streams to extract, by name, each with its options.
    pub streams: IndexMap<Name, StreamOptions>,
}

/// What a pipeline may say about one stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StreamOptions {
    /// The columns that identify a record.
    pub key: OneOrMany<String>,
    /// Columns and their types; for a manifest's stream, columns beside those of the manifest.
    pub columns: IndexMap<String, ColumnType>,
    /// How far behind the stored cursor each read begins, `5m`, `2h` or `3d`. Webhooks: for how long an event that is sent
    /// again is known again, 3d unless given.
    pub lookback: Option<Period>,
    /// Files: path, glob or URL; several as a list. Takes the place of the source's `path`. Webhooks: the path that events
    /// are sent to.
    pub path: OneOrMany<String>,
    /// Files: the format, where the extension does not tell.
    pub format: Option<Format>,
    /// Files: how text files are written.
    pub dialect: Option<Dialect>,
    /// SQL: the table or view, with its schema before a dot where it is not the source's; the stream's name unless given.
    pub table: Option<String>,
    /// SQL: a SELECT of your own in place of a table.
    pub query: Option<String>,
    /// SQL: the column that moves on when a record changes (an instant, a day or a growing number); only what is new is read.
    /// Without, the whole table is read each time.
    pub cursor: Option<String>,
    /// SQL: where the cursor is a number, how far below the highest one stored each read begins. 1000 unless given.
    pub lookback_count: Option<u64>,
    /// SQL: records in one query, after each of which a run may be broken off and go on. 50000 unless given.
    #[schemars(range(min = 1))]
    pub chunk: Option<u32>,
    /// SQL: how the table tells that a record is gone.
    pub deletes: Option<Deletes>,
    /// Webhooks: how a request proves who sent it.
    pub signature: Option<Signature>,
    /// Webhooks: the members that tell an event from all others, dotted; without, its whole text does.
    pub id: OneOrMany<String>,
    /// Webhooks: the path of the array of events where a request brings several in one object.
    pub events: Option<String>,
    /// The time zone of instants written without an offset. UTC unless given.
    pub timezone: Option<String>,
    /// Keep the whole record as JSON in `_raw`. Yes for nested sources, no for flat files, unless given.
    pub raw: Option<bool>,
    /// What to do when columns appear that bronze does not have yet.
    pub contract: Contract,
}

/// What happens when a stream's columns change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contract {
    /// New columns are added to bronze.
    #[default]
    Evolve,
    /// The stream fails with the difference.
    Freeze,
}

/// How one silver entity is made.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EntityConfig {
    /// What it is made from: `source.stream`, or the name of a facts entity whose `person:` makes persons.
    pub from: OneOrMany<Feed>,
    /// The mapping of the streams in `from` that bring none of their own.
    pub map: Option<Mapping>,
    /// How records of the same person or company are found. Matching is on unless `none`.
    #[serde(rename = "match")]
    pub matching: Option<Match>,
    /// Which value wins, by column; `default` for the rest: `most_recent`, `most_frequent`, `longest`, or sources in
    /// the order of their trustworthiness.
    pub survivorship: IndexMap<String, OneOrMany<String>>,
    /// Columns looked up in other streams, by the name they get.
    pub enrich: IndexMap<Name, Lookup>,
}

/// A column looked up in another stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The stream that holds the table, `source.stream`.
    pub from: String,
    /// Entity column → column of the table; rows agree on all of them.
    pub on: IndexMap<String, String>,
    /// The column of the table to take.
    pub take: String,
}

/// Which gold tables to build.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Marts {
    /// Models by name: those of the catalogue, and those in `folder`.
    pub models: Vec<Name>,
    /// A folder of models of your own, relative to the pipeline file; they come before the catalogue's.
    pub folder: Option<String>,
    /// Parameters by model.
    pub parameters: IndexMap<Name, IndexMap<String, serde_json::Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    const PIPELINE: &str = "
pipeline: crm360
lake: s3://acme-lake/crm
timezone: Europe/Paris
sources:
  shop:
    connector: files
    with: { path: data/orders-*.csv.gz, token: { env: TOKEN } }
    streams:
      orders:
        key: [order_id]
        columns: { order_id: string, amount: decimal(12,2), currency: string }
silver:
  orders: { from: shop.orders, map: { order_id: order_id, kind: { value: order }, person: { email: customer_email } } }
  persons: { from: [orders], match: { compare: auto, block: auto, threshold: 0.9 }, survivorship: { email: most_recent, default: [shop, longest] } }
marts:
  models: [rfm]
";

    #[test]
    fn reads_a_pipeline() {
        let pipeline = read::<Pipeline>("p.yaml", PIPELINE).unwrap_or_else(|p| unreachable!("{p:#?}")).value;
        assert_eq!(pipeline.currency, Currency::default());
        let orders = &pipeline.silver["orders"];
        let map = orders.map.clone().unwrap_or_default();
        assert_eq!(map.person.map(|p| p.columns["email"].clone()), Some("customer_email".to_owned()));
        assert_eq!(map.columns["kind"], MapValue::Constant(Constant { value: "order".into() }));
        let Some(Match::Compare(comparison)) = &pipeline.silver["persons"].matching else { unreachable!() };
        assert_eq!(comparison.threshold, Auto::Said(0.9));
        let source = &pipeline.sources["shop"];
        assert_eq!(source.with["token"], Setting::Secret(crate::Secret::Env("TOKEN".to_owned())));
        assert_eq!(source.streams["orders"].columns["amount"], ColumnType::Decimal { precision: 12, scale: 2 });
    }

    #[test]
    fn tells_every_fault_of_a_pipeline() {
        let text = PIPELINE
            .replace("lake:", "laek:")
            .replace("connector: files", "connector: 3")
            .replace("threshold: 0.9", "threshold: x");
        let problems = read::<Pipeline>("p.yaml", &text).map(|_| ()).unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:#?}");
    }
}
