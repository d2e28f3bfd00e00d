//! Pipedrive's manifest.

use serde_json::json;

use super::{EMPTY, PASSING, Vendor, all};

const PIPEDRIVE: Vendor = Vendor {
    name: "pipedrive",
    with: |url| json!({ "domain": url, "token": { "env": "PIPEDRIVE" }, "requests_per_2s": 0 }),
    named: &[],
    within: all,
    empty: &["archived_deals"],
    // Lists leave out what was deleted, and tell it of deals alone.
    untold: &["persons", "organizations", "activities"],
    short: &["archived_deals", "products", "pipelines", "stages"],
    whole: &["products", "pipelines", "stages"],
    token: None,
    pages: &[("limit: 500", "limit: 15")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    PIPEDRIVE.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    PIPEDRIVE.withstands(200, &[&PASSING[..], &[EMPTY]].concat()).await;
}
