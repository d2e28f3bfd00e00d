//! The Mailchimp side: members of audiences, campaigns, and the reports of what members did.

use std::collections::{BTreeMap, HashSet};

use affluent_sandbox::Sandbox;
use reqwest::Client;
use serde_json::Value;

use crate::support::{move_to, of, sandbox};
use crate::vendors::{get, refused};

async fn all(sandbox: &Sandbox, client: &Client, path: &str, list: &str) -> Vec<Value> {
    let mut records: Vec<Value> = Vec::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page =
            get(sandbox, client, "mailchimp", &format!("/3.0{path}{separator}count=150&offset={}", records.len()))
                .await;
        records.extend(page[list].as_array().unwrap().iter().cloned());
        if records.len() as u64 >= page["total_items"].as_u64().unwrap() {
            return records;
        }
    }
}

async fn of_each(sandbox: &Sandbox, client: &Client, report: &str, list: &str) -> Vec<Value> {
    let mut records = Vec::new();
    for campaign in all(sandbox, client, "/campaigns?status=sent", "campaigns").await {
        let id = campaign["id"].as_str().unwrap();
        records.extend(all(sandbox, client, &format!("/reports/{id}/{report}"), list).await);
    }
    records
}

#[tokio::test]
async fn lists_page_to_the_end_of_the_world() {
    let (sandbox, client) = sandbox(of(600, 0)).await;
    let truth = sandbox.world().vendor_truth("mailchimp").unwrap().records;
    let total = |stream: &str| truth[stream].existing + truth[stream].deleted;
    let mut members = Vec::new();
    for audience in all(&sandbox, &client, "/lists", "lists").await {
        members.extend(
            all(&sandbox, &client, &format!("/lists/{}/members", audience["id"].as_str().unwrap()), "members").await,
        );
    }
    assert_eq!(members.len(), total("members"));
    let statuses: HashSet<&str> = members.iter().map(|member| member["status"].as_str().unwrap()).collect();
    for status in ["subscribed", "unsubscribed", "cleaned", "archived"] {
        assert!(statuses.contains(status), "{status}");
    }
    for (report, list, stream) in [("sent-to", "sent_to", "sent_to"), ("unsubscribed", "unsubscribes", "unsubscribes")]
    {
        assert_eq!(of_each(&sandbox, &client, report, list).await.len(), total(stream), "{stream}");
    }
    let recipients = of_each(&sandbox, &client, "email-activity", "emails").await;
    let acts: Vec<&Vec<Value>> = recipients.iter().map(|one| one["activity"].as_array().unwrap()).collect();
    let activity: usize = acts.iter().map(|acts| acts.len()).sum();
    assert!(activity > 100 && activity == total("email_activity"));
    let twice = |pair: &[Value]| pair[0]["timestamp"] == pair[1]["timestamp"] && pair[0]["url"] != pair[1]["url"];
    assert!(acts.iter().any(|acts| acts.windows(2).any(twice)), "no two links in one second");
}

#[tokio::test]
async fn a_month_later_the_bounds_find_what_changed() {
    let (sandbox, client) = sandbox(of(1_200, 0)).await;
    let path = "/lists/a1b2c3d4e5/members";
    let by_id = |records: Vec<Value>| -> BTreeMap<String, Value> {
        records.into_iter().map(|record| (record["contact_id"].as_str().unwrap().to_owned(), record)).collect()
    };
    let before = by_id(all(&sandbox, &client, path, "members").await);
    move_to(&sandbox, &client, 1).await;
    let after = by_id(all(&sandbox, &client, path, "members").await);
    let since = "2026-10-31T23:55:00%2B00:00";
    let found = by_id(all(&sandbox, &client, &format!("{path}?since_last_changed={since}"), "members").await);
    let changed: Vec<&String> =
        after.iter().filter(|(id, record)| before.get(*id) != Some(record)).map(|(id, _)| id).collect();
    assert!(changed.len() > 10 && changed.iter().all(|id| found.contains_key(*id)) && found.len() < after.len() / 4);
    assert!(changed.iter().any(|id| after[*id]["status"] == "archived"));
    let moved = |id: &&&String| before.get(**id).is_some_and(|member| member["id"] != after[**id]["id"]);
    assert!(changed.iter().any(|id| moved(&id)), "nobody has another address");
    assert_eq!(before.keys().filter(|id| !after.contains_key(*id)).count(), 0);
}

#[tokio::test]
async fn what_the_api_does_not_know_is_refused() {
    let (sandbox, client) = sandbox(of(50, 0)).await;
    for (path, status) in [
        ("/3.0/lists?count=1001", 400),
        ("/3.0/lists?updated=x", 400),
        ("/3.0/campaigns?status=gone", 400),
        ("/3.0/lists/none/members", 404),
        ("/3.0/lists/a1b2c3d4e5/members?since_last_changed=x", 400),
        ("/3.0/reports/none/sent-to", 404),
    ] {
        let (got, body) = refused(&sandbox, &client, "mailchimp", path).await;
        assert_eq!((got, body["status"].as_u64()), (status, Some(u64::from(status))), "{path}");
    }
}
