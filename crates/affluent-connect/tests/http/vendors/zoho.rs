//! Zoho CRM's manifest.

use affluent_sandbox::{FaultKind, ZOHO_CLIENT_ID};
use serde_json::json;

use super::{PASSING, Vendor};

const ZOHO: Vendor = Vendor {
    name: "zoho",
    with: |url| {
        json!({
            "accounts_url": url, "client_id": ZOHO_CLIENT_ID, "client_secret": { "env": "ZOHO" },
            "refresh_token": { "env": "ZOHO_REFRESH" }, "requests_per_minute": 0,
        })
    },
    truth: &[
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
    untold: &[],
    pages: &[("per_page: 200", "per_page: 40")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    ZOHO.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    ZOHO.withstands(200, &[&PASSING[..], &[FaultKind::EmptyPage]].concat()).await;
}
