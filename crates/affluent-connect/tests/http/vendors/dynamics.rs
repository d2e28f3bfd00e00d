//! Dynamics 365's manifest.

use affluent_sandbox::{DYNAMICS_CLIENT_ID, FaultKind};
use serde_json::json;

use super::{PASSING, Vendor};

const DYNAMICS: Vendor = Vendor {
    name: "dynamics",
    with: |url| {
        json!({
            "url": url, "authority": url, "tenant": "tenant", "client_id": DYNAMICS_CLIENT_ID,
            "client_secret": { "env": "DYNAMICS" }, "requests_per_5m": 0,
        })
    },
    truth: &[
        ("accounts", "accounts"),
        ("contacts", "contacts"),
        ("leads", "leads"),
        ("opportunities", "opportunities"),
        ("incidents", "incidents"),
        ("campaigns", "campaigns"),
        ("activitypointers", "activitypointers"),
    ],
    untold: &[],
    pages: &[("odata.maxpagesize=1000", "odata.maxpagesize=60")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    DYNAMICS.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    DYNAMICS.withstands(200, &[&PASSING[..], &[FaultKind::EmptyPage]].concat()).await;
}
