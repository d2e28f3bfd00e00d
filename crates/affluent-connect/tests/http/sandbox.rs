//! The manifests that come with the product, against the sandbox's APIs.

use std::collections::{BTreeMap, HashMap};

use affluent_connect::http::{HttpSource, Patience, ResolvedSettings};
use affluent_connect::{Cursor, Source, Window};
use affluent_sandbox::{
    Config, Fault, FaultKind, HUBSPOT_TOKEN, SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, Sandbox,
};
use affluent_spec::connector::Connector;
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Secret, Setting};
use arrow::array::AsArray;
use futures::StreamExt;
use indexmap::IndexMap;
use secrecy::SecretString;
use serde_json::json;

use crate::world::quick;

fn secret(secret: &Secret) -> Result<SecretString, String> {
    match secret {
        Secret::Env(name) if name == "HUBSPOT" => Ok(HUBSPOT_TOKEN.to_owned().into()),
        Secret::Env(name) if name == "SALESFORCE" => Ok(SALESFORCE_CLIENT_SECRET.to_owned().into()),
        other => Err(format!("{other:?} is not there")),
    }
}

fn source(sandbox: &Sandbox, connector: &str, patience: Patience) -> (HttpSource, Vec<String>) {
    source_with(sandbox, connector, patience, &json!({}))
}

/// A source of a manifest that comes with the product, with more settings, and the names of its streams.
pub(crate) fn source_with(
    sandbox: &Sandbox,
    connector: &str,
    patience: Patience,
    more: &serde_json::Value,
) -> (HttpSource, Vec<String>) {
    let (file, text) = affluent_spec::connector::builtin_of(connector).unwrap();
    let manifest = affluent_spec::read::<Connector>(file, text).unwrap().value;
    let base_url = format!("{}/{connector}", sandbox.base_url());
    let with = match connector {
        "hubspot" => {
            json!({ "base_url": base_url, "token": { "env": "HUBSPOT" }, "requests_per_10s": 0, "searches_per_second": 0 })
        }
        _ => json!({
            "domain": base_url, "client_id": SALESFORCE_CLIENT_ID, "client_secret": { "env": "SALESFORCE" },
            "requests_per_second": 0,
        }),
    };
    let mut with: IndexMap<String, Setting> = serde_json::from_value(with).unwrap();
    with.extend(serde_json::from_value::<IndexMap<String, Setting>>(more.clone()).unwrap());
    let settings = ResolvedSettings::resolve(&manifest, &with, &secret).unwrap();
    let streams = manifest.streams.keys().map(|name| (name.clone(), StreamOptions::default())).collect();
    let names = manifest.streams.keys().map(ToString::to_string).collect();
    (HttpSource::with_patience(&manifest, &settings, &streams, patience).unwrap(), names)
}

/// What bronze would hold of a stream: the versions read, by record and hash.
#[derive(Default)]
pub(crate) struct Bronze {
    pub(crate) versions: HashMap<(String, i64), bool>,
    pub(crate) rejected: usize,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) rows: usize,
}

impl Bronze {
    pub(crate) async fn load(&mut self, source: &HttpSource, stream: &str) {
        let key = source.discover(stream).await.unwrap().key;
        let mut pages = source.read(stream, Window { from: self.cursor.clone() });
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let ids = page.rows.column_by_name(&key[0]).unwrap().as_string::<i32>();
            let hashes = page.rows.column_by_name("_hash").unwrap().as_primitive::<arrow::datatypes::Int64Type>();
            let deleted = page.rows.column_by_name("_deleted").unwrap().as_boolean();
            for row in 0..page.rows.num_rows() {
                self.versions.insert((ids.value(row).to_owned(), hashes.value(row)), deleted.value(row));
            }
            self.rows += page.rows.num_rows();
            self.rejected += page.rejected.len();
            if page.cursor.is_some() {
                self.cursor = page.cursor;
            }
        }
    }

    /// Records known, tombstones included.
    fn records(&self) -> usize {
        let ids: std::collections::HashSet<&str> = self.versions.keys().map(|(id, _)| id.as_str()).collect();
        ids.len()
    }
}

async fn load_all(sandbox: &Sandbox, bronze: &mut BTreeMap<String, Bronze>) {
    for connector in ["hubspot", "salesforce"] {
        let (source, streams) = source(sandbox, connector, quick());
        source.check().await.unwrap();
        for stream in streams {
            bronze.entry(format!("{connector}.{stream}")).or_default().load(&source, &stream).await;
        }
    }
}

/// Every record that the sandbox has is in bronze, or rejected for a value that does not fit.
fn compare(sandbox: &Sandbox, bronze: &BTreeMap<String, Bronze>) {
    let truth = sandbox.world().truth();
    for (stream, counts) in &truth.records {
        let Some(bronze) = bronze.get(stream) else { continue };
        let total = counts.existing + counts.deleted;
        assert!(
            bronze.records() <= total && bronze.records() + bronze.rejected >= total,
            "{stream}: {} read, {} rejected of {total}",
            bronze.records(),
            bronze.rejected
        );
    }
    for stream in ["hubspot.contacts", "salesforce.contact", "salesforce.lead"] {
        assert!(
            bronze[stream].records() > 0 && bronze[stream].rejected == 0,
            "{stream}: {} rejected",
            bronze[stream].rejected
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_the_sandbox_and_a_month_later_what_changed() {
    let sandbox = affluent_sandbox::start(Config { customers: 600, ..Config::default() }).await.unwrap();
    let mut bronze = BTreeMap::new();
    load_all(&sandbox, &mut bronze).await;
    compare(&sandbox, &bronze);
    let first: BTreeMap<String, usize> = bronze.iter().map(|(stream, bronze)| (stream.clone(), bronze.rows)).collect();
    reqwest::Client::new()
        .post(format!("{}/_month", sandbox.base_url()))
        .json(&json!({ "month": 1 }))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    load_all(&sandbox, &mut bronze).await;
    compare(&sandbox, &bronze);
    // Only what changed, what lies within the lookback, and the tombstones are read again.
    for stream in ["hubspot.contacts", "salesforce.contact", "hubspot.email_events"] {
        let again = bronze[stream].rows - first[stream];
        assert!(again > 0 && again * 3 < first[stream], "{stream}: {again} rows after {}", first[stream]);
    }
    // What an undisturbed first load of the later month finds is there already, version by version.
    let mut fresh = BTreeMap::new();
    load_all(&sandbox, &mut fresh).await;
    for (stream, fresh) in &fresh {
        let known = &bronze[stream].versions;
        let lost: Vec<_> = fresh.versions.iter().filter(|(version, gone)| known.get(*version) != Some(gone)).collect();
        assert!(lost.is_empty(), "{stream}: {lost:?}");
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_on_the_way_change_nothing() {
    let calm = affluent_sandbox::start(Config { customers: 300, ..Config::default() }).await.unwrap();
    let fault = |path: &str, kind| Fault {
        path: path.to_owned(),
        kind,
        every: Some(3),
        times: None,
        delay_ms: 0,
        retry_after: 1,
    };
    let faults = vec![
        fault("/hubspot/crm", FaultKind::TooManySilent),
        fault("/hubspot/email", FaultKind::Cut),
        fault("/hubspot/crm", FaultKind::EmptyPage),
        fault("/salesforce/services/data", FaultKind::ExpiredToken),
        fault("/salesforce/services/data", FaultKind::Internal),
    ];
    let rough = affluent_sandbox::start(Config { customers: 300, faults, ..Config::default() }).await.unwrap();
    let (mut expected, mut found) = (BTreeMap::new(), BTreeMap::new());
    load_all(&calm, &mut expected).await;
    load_all(&rough, &mut found).await;
    for (stream, expected) in &expected {
        assert_eq!(found[stream].versions, expected.versions, "{stream}");
    }
}
