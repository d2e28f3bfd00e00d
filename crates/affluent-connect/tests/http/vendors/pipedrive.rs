//! Pipedrive's manifest.

use affluent_sandbox::FaultKind;
use serde_json::json;

use super::{PASSING, Vendor};

const PIPEDRIVE: Vendor = Vendor {
    name: "pipedrive",
    with: |url| json!({ "domain": url, "token": { "env": "PIPEDRIVE" }, "requests_per_2s": 0 }),
    truth: &[
        ("persons", "persons"),
        ("organizations", "organizations"),
        ("deals", "deals"),
        ("leads", "leads"),
        ("activities", "activities"),
        ("products", "products"),
        ("pipelines", "pipelines"),
        ("stages", "stages"),
    ],
    // Lists leave out what was deleted, and tell it of deals alone.
    untold: &["persons", "organizations", "activities"],
    pages: &[("limit: 500", "limit: 50")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    PIPEDRIVE.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    PIPEDRIVE.withstands(200, &[&PASSING[..], &[FaultKind::EmptyPage]].concat()).await;
}
