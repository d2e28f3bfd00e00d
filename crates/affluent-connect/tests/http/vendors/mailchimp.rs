//! Mailchimp's manifest.

use serde_json::json;

use super::{EMPTY, PASSING, Vendor, all};

const MAILCHIMP: Vendor = Vendor {
    name: "mailchimp",
    with: |url| json!({ "base_url": url, "key": { "env": "MAILCHIMP" } }),
    named: &[],
    within: all,
    empty: &[],
    untold: &[],
    // Few unsubscribe from one campaign.
    short: &["audiences", "unsubscribes"],
    whole: &["audiences", "campaigns", "sent_to", "unsubscribes"],
    token: None,
    pages: &[("count: 1000, status: sent", "count: 8, status: sent"), ("count: 1000", "count: 25")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    MAILCHIMP.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    MAILCHIMP.withstands(100, &[&PASSING[..], &[EMPTY]].concat()).await;
}
