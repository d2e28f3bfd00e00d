//! Google Analytics' manifest.

use affluent_sandbox::{GA4_CLIENT_EMAIL, GA4_PROPERTY};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{EMPTY, EXPIRED, PASSING, Vendor};

const GA4: Vendor = Vendor {
    name: "ga4",
    with: |url| {
        json!({
            "base_url": url, "token_url": format!("{url}/token"), "property": GA4_PROPERTY, "client_email": GA4_CLIENT_EMAIL,
            "private_key": { "env": "GA4" }, "start_date": "2026-06-15",
        })
    },
    named: &[],
    within,
    empty: &[],
    untold: &[],
    short: &[],
    whole: &[],
    token: Some("/token"),
    pages: &[("limit: 10000", "limit: 40")],
};

/// From the first day asked for to the last that is counted to its end.
fn within(_: &str, key: &str, now: DateTime<Utc>) -> bool {
    let last = (now - TimeDelta::hours(84)).format("%Y-%m-%d").to_string();
    ("2026-06-15"..=last.as_str()).contains(&&key[..10])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    GA4.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    GA4.withstands(100, &[&PASSING[..], &[EMPTY, EXPIRED]].concat()).await;
}
