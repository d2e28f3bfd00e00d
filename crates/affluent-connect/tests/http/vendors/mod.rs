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

use std::collections::BTreeMap;

use affluent_connect::Source;
use affluent_connect::http::{HttpSource, ResolvedSettings};
use affluent_sandbox::{
    BREVO_KEY, Config, DYNAMICS_CLIENT_SECRET, Fault, FaultKind, GA4_PRIVATE_KEY, MAILCHIMP_KEY, PIPEDRIVE_TOKEN,
    SHOPIFY_TOKEN, STRIPE_KEY, Sandbox, ZENDESK_TOKEN, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN,
};
use affluent_spec::connector::Connector;
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Secret, Setting};
use indexmap::IndexMap;
use serde_json::Value;

use self::bronze::Bronze;
use crate::world::quick;

/// A vendor, and what is expected of reading it.
pub(crate) struct Vendor {
    pub(crate) name: &'static str,
    /// The settings, for an address of the sandbox.
    pub(crate) with: fn(&str) -> Value,
    /// Streams with the list of the sandbox's truth that they hold.
    pub(crate) truth: &'static [(&'static str, &'static str)],
    /// Streams whose deletions the API does not tell.
    pub(crate) untold: &'static [&'static str],
    /// Pages made smaller, so that every stream has several: what the manifest says, and what stands there instead.
    pub(crate) pages: &'static [(&'static str, &'static str)],
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

    /// The sandbox has as many live records as were read of each list that it tells the truth of.
    fn compare(&self, sandbox: &Sandbox, lake: &BTreeMap<String, Bronze>) {
        let world = sandbox.world();
        let counted = world.vendor_truth(self.name);
        let records = world.records(self.name);
        for (stream, list) in self.truth {
            let existing = counted.as_ref().map_or_else(
                || records[*list].values().filter(|record| !record.deleted).count(),
                |truth| truth.records[*list].existing,
            );
            assert_eq!(lake[*stream].live().len(), existing, "{}.{stream}", self.name);
            assert_eq!(lake[*stream].rejected, 0, "{}.{stream}", self.name);
        }
    }

    /// A full read is the truth; a month later what is read on top of it leaves the newest versions of what an undisturbed
    /// full read finds, and much less is read than the first time.
    pub(crate) async fn reads_on(&self, customers: u32) {
        let sandbox = affluent_sandbox::start(Config { customers, ..Config::default() }).await.unwrap();
        let mut lake = self.fresh(&sandbox).await;
        self.compare(&sandbox, &lake);
        for (stream, bronze) in &lake {
            let empty = bronze.live().is_empty() && stream != "archived_deals";
            assert!(!empty, "{}.{stream} is empty", self.name);
        }
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
        }
    }

    /// What passes is waited out, whatever it is, and what was read is the same as without.
    pub(crate) async fn withstands(&self, customers: u32, kinds: &[FaultKind]) {
        let calm = affluent_sandbox::start(Config { customers, ..Config::default() }).await.unwrap();
        let expected = self.fresh(&calm).await;
        for kind in kinds {
            let fault = Fault { retry_after: 0, ..Fault::new(&format!("/{}", self.name), *kind).every(5) };
            let rough =
                affluent_sandbox::start(Config { customers, faults: vec![fault], ..Config::default() }).await.unwrap();
            let found = self.fresh(&rough).await;
            for (stream, expected) in &expected {
                let (found, name) = (&found[stream], format!("{}.{stream} with {kind:?}", self.name));
                if *kind == FaultKind::BadType {
                    // A record that does not fit is kept aside: none is lost.
                    assert!(found.live().iter().all(|(key, hash)| expected.live().get(key) == Some(hash)), "{name}");
                    assert!(found.live().len() + found.rejected >= expected.live().len(), "{name}");
                } else {
                    assert_eq!((found.live(), found.rejected), (expected.live(), expected.rejected), "{name}");
                }
            }
            rough.stop().await;
        }
    }
}

/// Every kind of fault that passes by itself.
pub(crate) const PASSING: [FaultKind; 7] = [
    FaultKind::TooMany,
    FaultKind::TooManySilent,
    FaultKind::Internal,
    FaultKind::Unavailable,
    FaultKind::Cut,
    FaultKind::ShortPage,
    FaultKind::BadType,
];
