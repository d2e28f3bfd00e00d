//! Stripe's manifest.

use serde_json::json;

use super::{EMPTY, PASSING, Vendor, all};

const STRIPE: Vendor = Vendor {
    name: "stripe",
    with: |url| json!({ "base_url": url, "key": { "env": "STRIPE" }, "requests_per_second": 0 }),
    named: &[],
    within: all,
    empty: &[],
    // Events are listed for 30 days: a full read has only those, what was read before stays.
    untold: &["events"],
    short: &[],
    whole: &["customers", "products", "prices", "events"],
    token: None,
    pages: &[("limit: 100,", "limit: 15,"), ("{ limit: 100 }", "{ limit: 15 }")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    STRIPE.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    STRIPE.withstands(100, &[&PASSING[..], &[EMPTY]].concat()).await;
}
