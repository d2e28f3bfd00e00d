//! Stripe's manifest.

use affluent_sandbox::FaultKind;
use serde_json::json;

use super::{PASSING, Vendor};

const STRIPE: Vendor = Vendor {
    name: "stripe",
    with: |url| json!({ "base_url": url, "key": { "env": "STRIPE" }, "requests_per_second": 0 }),
    truth: &[
        ("customers", "customers"),
        ("refunds", "refunds"),
        ("products", "products"),
        ("prices", "prices"),
        ("events", "events"),
    ],
    // Events are listed for 30 days: a full read has only those, what was read before stays.
    untold: &["events"],
    pages: &[("limit: 100,", "limit: 15,"), ("{ limit: 100 }", "{ limit: 15 }")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    STRIPE.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    STRIPE.withstands(100, &[&PASSING[..], &[FaultKind::EmptyPage]].concat()).await;
}
