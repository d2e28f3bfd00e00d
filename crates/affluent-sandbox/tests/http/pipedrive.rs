//! The Pipedrive side: lists by cursor, deleted deals, leads by offset, refusals.

use std::collections::BTreeSet;

use affluent_sandbox::{PIPEDRIVE_TOKEN, Sandbox};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::support::{move_to, of, sandbox, send};

async fn get(sandbox: &Sandbox, client: &Client, path: &str) -> (StatusCode, Value) {
    let url = format!("{}/pipedrive/api/{path}", sandbox.base_url());
    send(client.get(url).header("x-api-token", PIPEDRIVE_TOKEN)).await
}

async fn all(sandbox: &Sandbox, client: &Client, path: &str) -> Vec<Value> {
    let mut records = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = get(sandbox, client, &format!("{path}{cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        records.extend(page["data"].as_array().unwrap().iter().cloned());
        let more = &page["additional_data"];
        cursor = match (more["next_cursor"].as_str(), more["pagination"]["next_start"].as_u64()) {
            (Some(next), _) => format!("&cursor={next}"),
            (None, Some(next)) => format!("&start={next}"),
            (None, None) => return records,
        };
    }
}

fn ids(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| record["id"].to_string().trim_matches('"').to_owned()).collect()
}

#[tokio::test]
async fn lists_hold_what_is_there_and_deals_on_request_what_was_deleted() {
    let (sandbox, client) = sandbox(of(1_500, 2)).await;
    let truth = sandbox.world().records("pipedrive");
    for (collection, records) in &truth {
        let version = if collection == "leads" { "v1" } else { "v2" };
        let all_of = all(&sandbox, &client, &format!("{version}/{collection}?limit=100")).await;
        let live: BTreeSet<_> = records.iter().filter(|(_, r)| !r.deleted).map(|(id, _)| id.clone()).collect();
        assert_eq!(ids(&all_of), live, "{collection}");
        assert_eq!(all_of.len(), live.len(), "{collection}: a record twice");
    }
    let every = all(&sandbox, &client, "v2/deals?limit=50&status=open,won,lost,deleted&sort_by=update_time").await;
    assert_eq!(ids(&every), truth["deals"].keys().cloned().collect());
    assert!(every.is_sorted_by_key(|deal| deal["update_time"].as_str().unwrap().to_owned()));
    assert!(every.iter().all(|deal| (deal["status"] == "deleted") == (deal["is_deleted"] == true)));
    assert!(every.iter().any(|deal| deal["status"] == "deleted"));
}

#[tokio::test]
async fn updated_since_tells_what_a_month_changed() {
    let (sandbox, client) = sandbox(of(1_500, 0)).await;
    let before = ids(&all(&sandbox, &client, "v2/persons?limit=500").await);
    move_to(&sandbox, &client, 1).await;
    let since = "v2/persons?limit=500&updated_since=2026-10-31T23:55:00Z";
    let changed = all(&sandbox, &client, since).await;
    assert!(ids(&changed).difference(&before).count() > 5, "new persons are told");
    assert!(changed.len() < before.len() / 5);
    assert!(changed.iter().all(|person| person["update_time"].as_str().unwrap() >= "2026-10-31T23:55:00Z"));
}

#[tokio::test]
async fn refusals_say_that_nothing_succeeded() {
    let (sandbox, client) = sandbox(of(30, 0)).await;
    for path in
        ["v2/persons?limit=501", "v2/persons?updated_since=2026-10-31", "v2/deals?status=gone", "v2/persons?cursor=x"]
    {
        let (status, body) = get(&sandbox, &client, path).await;
        assert_eq!((status, &body["success"]), (StatusCode::BAD_REQUEST, &Value::Bool(false)), "{path}");
    }
    assert_eq!(get(&sandbox, &client, "v2/nonsense").await.0, StatusCode::NOT_FOUND);
    let url = format!("{}/pipedrive/api/v1/users/me", sandbox.base_url());
    assert_eq!(send(client.get(url)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&sandbox, &client, "v1/users/me").await.1["data"]["default_currency"], "EUR");
}
