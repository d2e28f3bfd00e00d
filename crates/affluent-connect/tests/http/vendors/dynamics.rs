//! Dynamics 365's manifest.

use affluent_sandbox::{DYNAMICS_CLIENT_ID, FaultKind};
use serde_json::json;

use super::{EMPTY, EXPIRED, PASSING, Vendor, all};

const DYNAMICS: Vendor = Vendor {
    name: "dynamics",
    with: |url| {
        json!({
            "url": url, "authority": url, "tenant": "tenant", "client_id": DYNAMICS_CLIENT_ID,
            "client_secret": { "env": "DYNAMICS" }, "requests_per_5m": 0,
        })
    },
    named: &[],
    within: all,
    empty: &[],
    untold: &[],
    short: &[],
    whole: &[],
    token: Some("/tenant/oauth2/v2.0/token"),
    pages: &[("odata.maxpagesize=1000", "odata.maxpagesize=12")],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_on_a_month_later() {
    DYNAMICS.reads_on(600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withstands_faults() {
    DYNAMICS.withstands(200, &[&PASSING[..], &[EMPTY, EXPIRED]].concat()).await;
}
