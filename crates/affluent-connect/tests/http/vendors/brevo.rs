//! Brevo's manifest.

use serde_json::json;

use super::{PASSING, Vendor};

const BREVO: Vendor = Vendor {
    name: "brevo",
    with: |url| json!({ "base_url": url, "key": { "env": "BREVO" }, "events_from": "2026-05-01" }),
    truth: &[("contacts", "contacts"), ("email_campaigns", "email_campaigns")],
    untold: &["contacts"],
    pages: &[
        ("limit: 1000", "limit: 100"),
        ("limit: 100, sort: asc, statistics", "limit: 7, sort: asc, statistics"),
        ("limit: 2500", "limit: 50"),
        ("requests: 10, per: 1s", "requests: 0, per: 1s"),
    ],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    BREVO.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    BREVO.withstands(100, &PASSING).await;
}
