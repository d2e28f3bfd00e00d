//! The Brevo side: offsets, counts, changes by `modifiedSince`, events by day.

use std::collections::{BTreeMap, HashSet};

use affluent_sandbox::Sandbox;
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{move_to, of, sandbox};
use crate::vendors::{get, refused};

async fn all(sandbox: &Sandbox, client: &Client, path: &str, list: &str, limit: usize) -> Vec<Value> {
    let mut records: Vec<Value> = Vec::new();
    loop {
        let page = get(sandbox, client, "brevo", &format!("{path}&limit={limit}&offset={}", records.len())).await;
        let Some(more) = page[list].as_array().filter(|more| !more.is_empty()) else {
            if let Some(count) = page["count"].as_u64() {
                assert_eq!(count as usize, records.len());
            }
            return records;
        };
        records.extend(more.iter().cloned());
    }
}

#[tokio::test]
async fn contacts_page_by_offset_and_are_found_by_change() {
    let (sandbox, client) = sandbox(of(900, 0)).await;
    let by_id = |records: Vec<Value>| -> BTreeMap<u64, Value> {
        records.into_iter().map(|record| (record["id"].as_u64().unwrap(), record)).collect()
    };
    let before = by_id(all(&sandbox, &client, "/v3/contacts?sort=asc", "contacts", 200).await);
    assert_eq!(before.len(), sandbox.world().vendor_truth("brevo").unwrap().records["contacts"].existing);
    move_to(&sandbox, &client, 1).await;
    let after = by_id(all(&sandbox, &client, "/v3/contacts?sort=asc", "contacts", 1_000).await);
    let since = "/v3/contacts?modifiedSince=2026-10-31T23:55:00.000Z";
    let found = by_id(all(&sandbox, &client, since, "contacts", 200).await);
    let changed: HashSet<_> =
        after.iter().filter(|(id, record)| before.get(id) != Some(record)).map(|(id, _)| id).collect();
    assert!(changed.len() > 10 && changed.iter().all(|id| found.contains_key(id)) && found.len() < after.len() / 4);
    assert!(before.keys().any(|id| !after.contains_key(id)), "a contact is deleted, which no list tells");
}

#[tokio::test]
async fn events_are_of_days_and_a_message_has_each_once() {
    let (sandbox, client) = sandbox(of(600, 0)).await;
    let path = "/v3/smtp/statistics/events?sort=asc&startDate=2026-08-10&endDate=2026-10-31";
    let events = all(&sandbox, &client, path, "events", 300).await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let keys: HashSet<_> = events.iter().map(|e| (text(e, "messageId"), text(e, "event"), text(e, "date"))).collect();
    assert!(events.len() > 200 && keys.len() == events.len());
    assert!(events.is_sorted_by(|a, b| text(a, "date") <= text(b, "date")));
    assert!(events.iter().all(|event| text(event, "date").as_str() >= "2026-08-10"));
    let kinds: HashSet<_> = events.iter().map(|event| text(event, "event")).collect();
    for kind in ["requests", "delivered", "opened", "clicks", "hardBounces", "loadedByProxy"] {
        assert!(kinds.contains(kind), "{kind}");
    }
    let none =
        get(&sandbox, &client, "brevo", "/v3/smtp/statistics/events?startDate=2020-01-01&endDate=2020-01-02").await;
    assert_eq!(none, json!({}));
}

#[tokio::test]
async fn campaigns_have_figures_when_asked() {
    let (sandbox, client) = sandbox(of(400, 0)).await;
    let with = all(&sandbox, &client, "/v3/emailCampaigns?statistics=globalStats", "campaigns", 5).await;
    let sent = |campaign: &Value| campaign["statistics"]["globalStats"]["sent"].as_u64().unwrap_or(0);
    assert!(with.len() > 10 && with.iter().map(sent).sum::<u64>() > 100);
    let without = all(&sandbox, &client, "/v3/emailCampaigns?status=sent", "campaigns", 100).await;
    assert!(without.len() == with.len() && without.iter().all(|campaign| sent(campaign) == 0));
}

#[tokio::test]
async fn what_the_api_does_not_take_is_refused() {
    let (sandbox, client) = sandbox(of(50, 0)).await;
    for path in [
        "/v3/contacts?limit=1001",
        "/v3/contacts?modified=x",
        "/v3/contacts?modifiedSince=yesterday",
        "/v3/contacts?sort=up",
        "/v3/emailCampaigns?limit=101",
        "/v3/smtp/statistics/events?startDate=2026-01-01",
        "/v3/smtp/statistics/events?startDate=2026-01-01&endDate=2026-10-01",
        "/v3/smtp/statistics/events?startDate=2026-10-02&endDate=2026-10-01",
    ] {
        let (status, body) = refused(&sandbox, &client, "brevo", path).await;
        assert!(status == 400 && body["code"].is_string(), "{path}: {body}");
    }
}
