//! Zoho CRM's manifest.

use affluent_sandbox::{Config, Limits, ZOHO_CLIENT_ID};
use serde_json::json;

use super::{EMPTY, EXPIRED, PASSING, Vendor, all};

const ZOHO: Vendor = Vendor {
    name: "zoho",
    with: |url| {
        json!({
            "accounts_url": url, "client_id": ZOHO_CLIENT_ID, "client_secret": { "env": "ZOHO" },
            "refresh_token": { "env": "ZOHO_REFRESH" }, "requests_per_minute": 0,
        })
    },
    named: &[
        ("accounts", "Accounts"),
        ("contacts", "Contacts"),
        ("leads", "Leads"),
        ("deals", "Deals"),
        ("campaigns", "Campaigns"),
        ("cases", "Cases"),
        ("calls", "Calls"),
        ("meetings", "Events"),
        ("tasks", "Tasks"),
    ],
    within: all,
    empty: &[],
    untold: &[],
    short: &[],
    whole: &[],
    token: Some("/oauth/v2/token"),
    pages: &[("per_page: 200", "per_page: 5")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    ZOHO.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    ZOHO.withstands(200, &[&PASSING[..], &[EMPTY, EXPIRED]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_longer_than_the_reach_of_page_tokens_are_read() {
    let limits = Limits { zoho_reach: Some(120), ..Limits::default() };
    ZOHO.reads(Config { customers: 600, limits, ..Config::default() }).await;
}
