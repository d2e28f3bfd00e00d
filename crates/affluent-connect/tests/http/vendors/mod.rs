//! The manifests that come with the product, each read against its vendor's side of the sandbox: in full, a month later, and
//! with faults on the way.

mod brevo;
mod bronze;
mod dynamics;
mod ga4;
mod mailchimp;
mod pipedrive;
mod shopify;
mod stripe;
mod zendesk;
mod zoho;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use affluent_connect::Source;
use affluent_connect::http::{HttpSource, ResolvedSettings};
use affluent_sandbox::{
    BREVO_KEY, Config, DYNAMICS_CLIENT_SECRET, Fault, FaultKind, GA4_PRIVATE_KEY, MAILCHIMP_KEY, PIPEDRIVE_TOKEN,
    SHOPIFY_TOKEN, STRIPE_KEY, Sandbox, ZENDESK_TOKEN, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN,
};
use affluent_spec::connector::Connector;
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Secret, Setting};
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde_json::Value;

use self::bronze::Bronze;
use crate::world::quick;

/// A vendor, and what is expected of reading it.
pub(crate) struct Vendor {
    pub(crate) name: &'static str,
    /// The settings, for an address of the sandbox.
    pub(crate) with: fn(&str) -> Value,
    /// Streams that the sandbox's truth has by another name.
    pub(crate) named: &'static [(&'static str, &'static str)],
    /// Whether a record of a stream, by its key, is within what is read by then.
    pub(crate) within: fn(&str, &str, DateTime<Utc>) -> bool,
    /// Streams without records in the sandbox.
    pub(crate) empty: &'static [&'static str],
    /// Streams whose deletions the API does not tell.
    pub(crate) untold: &'static [&'static str],
    /// Streams too short for three pages.
    pub(crate) short: &'static [&'static str],
    /// Streams that are read whole each time, or have nothing old.
    pub(crate) whole: &'static [&'static str],
    /// Where a token is asked for.
    pub(crate) token: Option<&'static str>,
    /// Pages made smaller, so that every stream has several: what the manifest says, and what stands there instead.
    pub(crate) pages: &'static [(&'static str, &'static str)],
}

/// All of every stream is read.
pub(crate) fn all(_: &str, _: &str, _: DateTime<Utc>) -> bool {
    true
}

fn secret(secret: &Secret) -> Result<secrecy::SecretString, String> {
    let Secret::Env(name) = secret else { return Err(format!("{secret:?} is not there")) };
    let value = match name.as_str() {
        "STRIPE" => STRIPE_KEY,
        "SHOPIFY" => SHOPIFY_TOKEN,
        "GA4" => GA4_PRIVATE_KEY,
        "BREVO" => BREVO_KEY,
        "MAILCHIMP" => MAILCHIMP_KEY,
        "ZOHO" => ZOHO_CLIENT_SECRET,
        "ZOHO_REFRESH" => ZOHO_REFRESH_TOKEN,
        "DYNAMICS" => DYNAMICS_CLIENT_SECRET,
        "PIPEDRIVE" => PIPEDRIVE_TOKEN,
        "ZENDESK" => ZENDESK_TOKEN,
        other => return Err(format!("{other} is not there")),
    };
    Ok(value.to_owned().into())
}

impl Vendor {
    fn manifest(&self) -> Connector {
        let (file, text) = affluent_spec::connector::builtin_of(self.name).unwrap();
        let mut text = text.to_owned();
        for (from, to) in self.pages {
            assert!(text.contains(from), "{from} is not in {file}");
            text = text.replace(from, to);
        }
        affluent_spec::read::<Connector>(file, &text).unwrap().value
    }

    fn source(&self, sandbox: &Sandbox) -> (HttpSource, Vec<String>) {
        let manifest = self.manifest();
        let with: IndexMap<String, Setting> =
            serde_json::from_value((self.with)(&format!("{}/{}", sandbox.base_url(), self.name))).unwrap();
        let settings = ResolvedSettings::resolve(&manifest, &with, &secret).unwrap();
        let streams = manifest.streams.keys().map(|name| (name.clone(), StreamOptions::default())).collect();
        let names = manifest.streams.keys().map(ToString::to_string).collect();
        (HttpSource::with_patience(&manifest, &settings, &streams, quick()).unwrap(), names)
    }

    /// Reads every stream on from where its bronze stands.
    async fn load(&self, sandbox: &Sandbox, lake: &mut BTreeMap<String, Bronze>) {
        let (source, streams) = self.source(sandbox);
        source.check().await.unwrap();
        let manifest = self.manifest();
        for stream in streams {
            let cursor = manifest.stream(&stream).and_then(|stream| Some(stream.cursor.as_ref()?.field.clone()));
            lake.entry(stream.clone()).or_default().load(&source, &stream, cursor.as_deref()).await;
        }
    }

    async fn fresh(&self, sandbox: &Sandbox) -> BTreeMap<String, Bronze> {
        let mut lake = BTreeMap::new();
        self.load(sandbox, &mut lake).await;
        lake
    }

    /// What was read of each stream are the live records that the sandbox tells, no more and no other.
    fn compare(&self, sandbox: &Sandbox, lake: &BTreeMap<String, Bronze>) {
        let world = sandbox.world();
        let now = DateTime::from_timestamp_millis(world.now()).unwrap();
        let truth = world.vendor_truth(self.name).unwrap_or_default().keys;
        let records = world.records(self.name);
        for (stream, bronze) in lake {
            let list = self.named.iter().find(|(name, _)| name == stream).map_or(stream.as_str(), |(_, list)| list);
            let live: BTreeSet<&str> = match (truth.get(list), records.get(list)) {
                (Some(keys), _) => keys.iter().map(String::as_str).collect(),
                (None, Some(records)) => {
                    records.iter().filter(|(_, record)| !record.deleted).map(|(id, _)| id.as_str()).collect()
                }
                (None, None) => BTreeSet::new(),
            };
            let expected: BTreeSet<&str> = live.into_iter().filter(|key| (self.within)(stream, key, now)).collect();
            let name = format!("{}.{stream}", self.name);
            assert_eq!(expected.is_empty(), self.empty.contains(&stream.as_str()), "{name}: nothing to compare with");
            let found: BTreeSet<&str> = bronze.live().into_keys().collect();
            let (more, less) = (found.difference(&expected).next(), expected.difference(&found).next());
            assert_eq!((more, less), (None, None), "{name}: read and not there, there and not read");
            assert_eq!(bronze.rejected, 0, "{name}");
        }
    }

    /// Each stream that is long enough was read in three pages and more, a child in as many of one parent.
    async fn paged(&self, sandbox: &Sandbox, lake: &BTreeMap<String, Bronze>) {
        let manifest = self.manifest();
        let asked = stats(sandbox).await["requests"].as_object().unwrap().clone();
        for (stream, bronze) in lake.iter().filter(|(stream, _)| !self.short.contains(&stream.as_str())) {
            let spec = manifest.stream(stream).unwrap();
            let pages = match (&spec.parent, &spec.get) {
                (Some(_), Some(path)) => {
                    let path = path.to_string();
                    let (start, end) = (path.split('{').next().unwrap(), path.rsplit('}').next().unwrap());
                    let start = format!("/{}{start}", self.name);
                    let of = asked.iter().filter(|(path, _)| path.starts_with(&start) && path.ends_with(end));
                    of.filter_map(|(_, count)| count.as_u64()).max().unwrap_or(0)
                }
                _ => u64::from(bronze.requests),
            };
            assert!(pages >= 3, "{}.{stream} was read in {pages} pages", self.name);
        }
    }

    /// A full read of such a sandbox is the truth.
    pub(crate) async fn reads(&self, config: Config) {
        let sandbox = affluent_sandbox::start(config).await.unwrap();
        let lake = self.fresh(&sandbox).await;
        self.compare(&sandbox, &lake);
    }

    /// A full read is the truth; a month later what is read on top of it leaves the newest versions of what an undisturbed
    /// full read finds, and much less is read than the first time.
    pub(crate) async fn reads_on(&self, customers: u32) {
        let sandbox = affluent_sandbox::start(Config { customers, ..Config::default() }).await.unwrap();
        let mut lake = self.fresh(&sandbox).await;
        self.compare(&sandbox, &lake);
        self.paged(&sandbox, &lake).await;
        let first: BTreeMap<String, usize> =
            lake.iter().map(|(stream, bronze)| (stream.clone(), bronze.rows)).collect();
        reqwest::Client::new()
            .post(format!("{}/_month", sandbox.base_url()))
            .json(&serde_json::json!({ "month": 1 }))
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
        self.load(&sandbox, &mut lake).await;
        let fresh = self.fresh(&sandbox).await;
        self.compare(&sandbox, &fresh);
        for (stream, fresh) in &fresh {
            let (known, wanted) = (lake[stream].live(), fresh.live());
            let stale: Vec<_> = wanted.iter().filter(|(key, hash)| known.get(*key) != Some(hash)).collect();
            assert!(
                stale.is_empty(),
                "{}.{stream}: {} of {} stale or missing: {:?}",
                self.name,
                stale.len(),
                wanted.len(),
                stale.first()
            );
            let left: Vec<_> = known.keys().filter(|key| !wanted.contains_key(*key)).collect();
            let untold = self.untold.contains(&stream.as_str());
            assert!(
                untold || left.is_empty(),
                "{}.{stream}: {} deleted and still there: {:?}",
                self.name,
                left.len(),
                left.first()
            );
            let (before, more) = (first[stream], lake[stream].rows - first[stream]);
            let whole = self.whole.contains(&stream.as_str());
            assert!(whole || more * 3 < before.max(1), "{}.{stream}: {more} rows more than {before}", self.name);
        }
    }

    /// What passes is waited out, whatever it is, and what was read is the same as without. Faults come under `path`.
    pub(crate) async fn withstands(&self, customers: u32, kinds: &[(FaultKind, &str)]) {
        let calm = affluent_sandbox::start(Config { customers, ..Config::default() }).await.unwrap();
        let expected = self.fresh(&calm).await;
        for (kind, path) in kinds {
            let mut fault = Fault { retry_after: 0, ..Fault::new(&format!("/{}{path}", self.name), *kind).every(5) };
            if !path.is_empty() {
                // One list has fewer requests than all of them.
                fault = fault.every(2);
            }
            if *kind == FaultKind::TooMany {
                fault = Fault { retry_after: 1, times: Some(1), ..fault };
            }
            let began = Instant::now();
            let rough =
                affluent_sandbox::start(Config { customers, faults: vec![fault], ..Config::default() }).await.unwrap();
            let found = self.fresh(&rough).await;
            let mut rejected = 0;
            for (stream, expected) in &expected {
                let (found, name) = (&found[stream], format!("{}.{stream} with {kind:?}", self.name));
                rejected += found.rejected;
                if *kind == FaultKind::BadType {
                    // A record that does not fit is kept aside: none is lost.
                    assert!(found.live().iter().all(|(key, hash)| expected.live().get(key) == Some(hash)), "{name}");
                    assert!(found.live().len() + found.rejected >= expected.live().len(), "{name}");
                } else {
                    assert_eq!((found.live(), found.rejected), (expected.live(), 0), "{name}");
                }
            }
            let (name, stats) = (format!("{} with {kind:?}", self.name), stats(&rough).await);
            let count = |what: &str, which: &str| stats[what][which].as_u64().unwrap_or(0);
            assert!(count("faults", &kind.name()) > 0, "{name}: none was served");
            assert_eq!(rejected > 0, *kind == FaultKind::BadType, "{name}: {rejected} rejected");
            assert!(*kind != FaultKind::TooMany || began.elapsed() >= Duration::from_secs(1), "{name}: not waited for");
            if let (FaultKind::ExpiredToken, Some(token)) = (kind, self.token) {
                assert!(
                    count("requests", &format!("/{}{token}", self.name)) > 1,
                    "{name}: no other token was asked for"
                );
            }
            rough.stop().await;
        }
    }
}

/// What the sandbox has counted: requests by path, faults by kind.
async fn stats(sandbox: &Sandbox) -> Value {
    let stats = reqwest::get(format!("{}/_stats", sandbox.base_url())).await.unwrap();
    serde_json::from_slice(&stats.bytes().await.unwrap()).unwrap()
}

/// Every kind of fault that passes by itself, wherever it comes.
pub(crate) const PASSING: [(FaultKind, &str); 7] = [
    (FaultKind::TooMany, ""),
    (FaultKind::TooManySilent, ""),
    (FaultKind::Internal, ""),
    (FaultKind::Unavailable, ""),
    (FaultKind::Cut, ""),
    (FaultKind::ShortPage, ""),
    (FaultKind::BadType, ""),
];
/// An empty page that is not the last, where a list tells its end.
pub(crate) const EMPTY: (FaultKind, &str) = (FaultKind::EmptyPage, "");
/// A token that is refused before its time.
pub(crate) const EXPIRED: (FaultKind, &str) = (FaultKind::ExpiredToken, "");
