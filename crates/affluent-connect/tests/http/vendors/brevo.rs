//! Brevo's manifest.

use affluent_sandbox::FaultKind;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{PASSING, Vendor};

const BREVO: Vendor = Vendor {
    name: "brevo",
    with: |url| json!({ "base_url": url, "key": { "env": "BREVO" }, "events_from": "2026-05-01" }),
    named: &[],
    within,
    empty: &[],
    untold: &["contacts"],
    short: &[],
    whole: &["email_campaigns"],
    token: None,
    pages: &[
        ("limit: 1000", "limit: 20"),
        ("limit: 100, sort: asc, statistics", "limit: 7, sort: asc, statistics"),
        ("limit: 2500", "limit: 50"),
        ("requests: 10, per: 1s", "requests: 0, per: 1s"),
    ],
};

/// Events are read from a day on.
fn within(stream: &str, key: &str, _: DateTime<Utc>) -> bool {
    stream != "email_events" || key.rsplit(' ').next() >= Some("2026-05-01")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    BREVO.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    BREVO
        .withstands(
            100,
            &[&PASSING[..], &[(FaultKind::EmptyPage, "/v3/contacts"), (FaultKind::EmptyPage, "/v3/emailCampaigns")]]
                .concat(),
        )
        .await;
}
