//! Zendesk's manifest.

use affluent_sandbox::ZENDESK_EMAIL;
use serde_json::json;

use super::{EMPTY, PASSING, Vendor, all};

const ZENDESK: Vendor = Vendor {
    name: "zendesk",
    with: |url| json!({ "domain": url, "email": ZENDESK_EMAIL, "token": { "env": "ZENDESK" }, "exports_per_minute": 0 }),
    named: &[],
    within: all,
    empty: &[],
    untold: &[],
    short: &[],
    whole: &[],
    token: None,
    pages: &[("per_page: 1000", "per_page: 12"), ("\"page[size]\": 100", "\"page[size]\": 40")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    ZENDESK.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    ZENDESK.withstands(200, &[&PASSING[..], &[EMPTY]].concat()).await;
}
