//! Google Analytics' manifest.

use affluent_sandbox::{FaultKind, GA4_CLIENT_EMAIL, GA4_PROPERTY};
use serde_json::json;

use super::{PASSING, Vendor};

const GA4: Vendor = Vendor {
    name: "ga4",
    with: |url| {
        json!({
            "base_url": url, "token_url": format!("{url}/token"), "property": GA4_PROPERTY, "client_email": GA4_CLIENT_EMAIL,
            "private_key": { "env": "GA4" }, "start_date": "2026-06-15",
        })
    },
    // Reads end at this machine's day, whatever the sandbox's is, so that there is no number to compare with.
    truth: &[],
    untold: &[],
    pages: &[("limit: 10000", "limit: 40")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    GA4.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    GA4.withstands(100, &[&PASSING[..], &[FaultKind::ExpiredToken]].concat()).await;
}
