//! Shopify's manifest.

use serde_json::json;

use super::{EMPTY, PASSING, Vendor, all};

const SHOPIFY: Vendor = Vendor {
    name: "shopify",
    with: |url| json!({ "shop": url, "token": { "env": "SHOPIFY" }, "requests_per_second": 0 }),
    named: &[],
    within: all,
    empty: &[],
    // Lines and refunds of an order that was destroyed, and variants of a product: events tell only of the whole.
    untold: &["order_lines", "refund_transactions", "product_variants"],
    short: &[],
    whole: &[],
    token: None,
    pages: &[("limit: 250", "limit: 15")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    SHOPIFY.reads_on(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    SHOPIFY.withstands(100, &[&PASSING[..], &[EMPTY]].concat()).await;
}
