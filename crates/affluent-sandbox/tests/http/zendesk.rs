//! The Zendesk side: exports by cursor and by time, ratings, refusals.

use std::collections::{BTreeMap, BTreeSet};

use affluent_sandbox::{Sandbox, ZENDESK_EMAIL, ZENDESK_TOKEN};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::support::{move_to, of, sandbox, send};

async fn get(client: &Client, url: &str) -> (StatusCode, Value) {
    send(client.get(url).basic_auth(format!("{ZENDESK_EMAIL}/token"), Some(ZENDESK_TOKEN))).await
}

/// All records of an export from `url` on, by id, and the URL that goes on.
async fn export(client: &Client, url: &str, records: &str) -> (BTreeMap<u64, Value>, String) {
    let mut found = BTreeMap::new();
    let mut url = url.to_owned();
    loop {
        let (status, page) = get(client, &url).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        found.extend(page[records].as_array().unwrap().iter().map(|r| (r["id"].as_u64().unwrap(), r.clone())));
        page["after_url"].as_str().or(page["next_page"].as_str()).unwrap().clone_into(&mut url);
        if page["end_of_stream"] == true {
            return (found, url);
        }
    }
}

fn known(sandbox: &Sandbox, collection: &str) -> BTreeSet<u64> {
    sandbox.world().records("zendesk")[collection].keys().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn exports_tell_everything_and_then_what_changed() {
    let (sandbox, client) = sandbox(of(1_000, 0)).await;
    let base = format!("{}/zendesk/api/v2/incremental", sandbox.base_url());
    for collection in ["tickets", "users"] {
        move_to(&sandbox, &client, 0).await;
        let url = format!("{base}/{collection}/cursor.json?start_time=0&per_page=100");
        let (mut records, on) = export(&client, &url, collection).await;
        assert_eq!(records.keys().copied().collect::<BTreeSet<_>>(), known(&sandbox, collection));
        move_to(&sandbox, &client, 1).await;
        let (changed, on) = export(&client, &on, collection).await;
        assert!(!changed.is_empty() && changed.len() < records.len() / 3);
        records.extend(changed);
        let (fresh, _) = export(&client, &url, collection).await;
        assert!(records == fresh, "{collection}");
        assert_eq!(export(&client, &on, collection).await.0.len(), 0);
    }
    for collection in ["organizations", "ticket_events"] {
        let url = format!("{base}/{collection}.json?start_time=0&per_page=60");
        let (records, _) = export(&client, &url, collection).await;
        assert_eq!(records.keys().copied().collect::<BTreeSet<_>>(), known(&sandbox, collection));
    }
}

#[tokio::test]
async fn ratings_page_by_cursor() {
    let (sandbox, client) = sandbox(of(1_000, 0)).await;
    let mut url = format!("{}/zendesk/api/v2/satisfaction_ratings.json?page[size]=30", sandbox.base_url());
    let mut ids = BTreeSet::new();
    loop {
        let (_, page) = get(&client, &url).await;
        ids.extend(page["satisfaction_ratings"].as_array().unwrap().iter().map(|r| r["id"].as_u64().unwrap()));
        assert_eq!(page["meta"]["has_more"] == true, page["links"]["next"].is_string());
        match page["links"]["next"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => break,
        }
    }
    assert!(ids.len() > 30);
    assert_eq!(ids, known(&sandbox, "satisfaction_ratings"));
}

#[tokio::test]
async fn the_last_minute_is_not_exported() {
    let (sandbox, client) = sandbox(of(30, 0)).await;
    let base = format!("{}/zendesk/api/v2", sandbox.base_url());
    let now = sandbox.world().now() / 1_000;
    for path in [format!("tickets/cursor.json?start_time={now}"), "organizations.json".to_owned()] {
        let (status, body) = get(&client, &format!("{base}/incremental/{path}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(body["description"].as_str().unwrap().contains("start_time"));
    }
    let (status, _) = send(client.get(format!("{base}/users/me.json"))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&client, &format!("{base}/users/me.json")).await.1["user"]["role"], "admin");
}
