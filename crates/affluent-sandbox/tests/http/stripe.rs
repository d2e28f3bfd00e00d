//! The Stripe side: lists to their end, bounds, deletions told by events, refusals.

use std::collections::{BTreeMap, HashSet};

use affluent_sandbox::Sandbox;
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{move_to, of, sandbox};
use crate::vendors::{get, refused};

async fn all(sandbox: &Sandbox, client: &Client, list: &str, query: &str) -> Vec<Value> {
    let (mut records, mut after) = (Vec::<Value>::new(), String::new());
    loop {
        let page = get(sandbox, client, "stripe", &format!("/v1/{list}?limit=100{query}{after}")).await;
        records.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["has_more"] == false {
            return records;
        }
        after = format!("&starting_after={}", records.last().unwrap()["id"].as_str().unwrap());
    }
}

fn ids(records: &[Value]) -> HashSet<&str> {
    records.iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_page_newest_first_to_the_end_of_the_world() {
    let (sandbox, client) = sandbox(of(700, 0)).await;
    let truth = sandbox.world().vendor_truth("stripe").unwrap();
    for (list, counts) in &truth.records {
        let records = all(&sandbox, &client, list, "").await;
        assert_eq!((records.len(), ids(&records).len()), (counts.existing, counts.existing), "{list}");
        assert!(records.is_sorted_by(|a, b| a["created"].as_i64() >= b["created"].as_i64()), "{list}");
        assert!(counts.existing > 0, "{list}");
    }
    assert!(truth.records["charges"].existing > 300 && truth.records["customers"].deleted > 0);
}

#[tokio::test]
async fn refunds_and_charges_agree() {
    let (sandbox, client) = sandbox(of(700, 0)).await;
    let charges = all(&sandbox, &client, "charges", "").await;
    let by_id: BTreeMap<&str, &Value> = charges.iter().map(|c| (c["id"].as_str().unwrap(), c)).collect();
    let refunds = all(&sandbox, &client, "refunds", "").await;
    assert!(refunds.len() > 10);
    for refund in &refunds {
        let charge = by_id[refund["charge"].as_str().unwrap()];
        assert_eq!((&charge["amount_refunded"], &charge["status"]), (&refund["amount"], &json!("succeeded")));
        assert!(refund["created"].as_i64() >= charge["created"].as_i64());
    }
    let given_back = charges.iter().filter(|charge| charge["amount_refunded"] != 0).count();
    assert_eq!(given_back, refunds.len());
    assert!(charges.iter().any(|charge| charge["status"] == "failed" && charge["paid"] == false));
}

#[tokio::test]
async fn a_month_later_the_bound_finds_what_is_new_and_events_what_is_gone() {
    let (sandbox, client) = sandbox(of(2_000, 0)).await;
    let before = all(&sandbox, &client, "customers", "").await;
    let charges = all(&sandbox, &client, "charges", "").await;
    let newest = charges[0]["created"].as_i64().unwrap();
    move_to(&sandbox, &client, 1).await;
    let after = all(&sandbox, &client, "customers", "").await;
    let gone: HashSet<&str> = ids(&before).difference(&ids(&after)).copied().collect();
    let query = format!("&type=customer.deleted&created[gte]={newest}");
    let told = all(&sandbox, &client, "events", &query).await;
    let told: HashSet<&str> = told.iter().map(|event| event["data"]["object"]["id"].as_str().unwrap()).collect();
    assert!(!gone.is_empty() && gone.is_subset(&told), "{gone:?} of {told:?}");
    // Late: made in the last minutes of the month before, and seen only now.
    let found = all(&sandbox, &client, "charges", &format!("&created[gte]={}", newest - 300)).await;
    let fresh = all(&sandbox, &client, "charges", "").await;
    let new: HashSet<&str> = ids(&fresh).difference(&ids(&charges)).copied().collect();
    assert!(new.len() > 20 && new.is_subset(&ids(&found)));
}

#[tokio::test]
async fn what_the_api_does_not_know_is_refused() {
    let (sandbox, client) = sandbox(of(60, 0)).await;
    for (path, code, param) in [
        ("/v1/charges?limit=101", "parameter_invalid_integer", "limit"),
        ("/v1/charges?limit=many", "parameter_invalid_integer", "limit"),
        ("/v1/charges?updated[gte]=1", "parameter_unknown", "updated[gte]"),
        ("/v1/charges?created[gte]=2026-01-01", "parameter_invalid_integer", "created[gte]"),
        ("/v1/charges?starting_after=ch_0", "resource_missing", "starting_after"),
    ] {
        let (status, body) = refused(&sandbox, &client, "stripe", path).await;
        assert_eq!(
            (status, &body["error"]["code"], &body["error"]["param"]),
            (400, &json!(code), &json!(param)),
            "{path}"
        );
    }
    assert_eq!(refused(&sandbox, &client, "stripe", "/v1/nonsense").await.0, 404);
}
