//! Zendesk's manifest.

use affluent_sandbox::{FaultKind, ZENDESK_EMAIL};
use serde_json::json;

use super::{PASSING, Vendor};

const ZENDESK: Vendor = Vendor {
    name: "zendesk",
    with: |url| json!({ "domain": url, "email": ZENDESK_EMAIL, "token": { "env": "ZENDESK" }, "exports_per_minute": 0 }),
    truth: &[
        ("tickets", "tickets"),
        ("users", "users"),
        ("ticket_events", "ticket_events"),
        ("satisfaction_ratings", "satisfaction_ratings"),
    ],
    untold: &[],
    pages: &[("per_page: 1000", "per_page: 90"), ("\"page[size]\": 100", "\"page[size]\": 40")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    ZENDESK.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    ZENDESK.withstands(200, &[&PASSING[..], &[FaultKind::EmptyPage]].concat()).await;
}
