//! The Dynamics side: token, pages, delta links, links that have run out, refusals.

use std::collections::{BTreeMap, HashSet};

use affluent_sandbox::{DYNAMICS_CLIENT_ID, DYNAMICS_CLIENT_SECRET, Sandbox};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::{move_to, of, sandbox, send};

async fn token(sandbox: &Sandbox, client: &Client) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", DYNAMICS_CLIENT_ID),
        ("client_secret", DYNAMICS_CLIENT_SECRET),
        ("scope", "https://acme.crm4.dynamics.com/.default"),
    ];
    let url = format!("{}/dynamics/tenant/oauth2/v2.0/token", sandbox.base_url());
    let (status, body) = send(client.post(url).form(&form)).await;
    assert_eq!(status, StatusCode::OK);
    body["access_token"].as_str().unwrap().to_owned()
}

async fn get(sandbox: &Sandbox, client: &Client, url: &str) -> (StatusCode, Value) {
    let token = token(sandbox, client).await;
    let prefer = "odata.track-changes, odata.maxpagesize=150";
    send(client.get(url).bearer_auth(token).header("Prefer", prefer)).await
}

/// All entries from `url` on, and the delta link at the end.
async fn follow(sandbox: &Sandbox, client: &Client, url: &str) -> (Vec<Value>, String) {
    let mut entries = Vec::new();
    let mut url = url.to_owned();
    loop {
        let (status, page) = get(sandbox, client, &url).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        entries.extend(page["value"].as_array().unwrap().iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => return (entries, page["@odata.deltaLink"].as_str().unwrap().to_owned()),
        }
    }
}

#[tokio::test]
async fn a_delta_link_tells_what_changed_and_what_was_deleted() {
    let (sandbox, client) = sandbox(of(1_200, 0)).await;
    let url = format!("{}/dynamics/api/data/v9.2/contacts?$select=lastname,modifiedon", sandbox.base_url());
    let (first, delta) = follow(&sandbox, &client, &url).await;
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    for row in &first {
        assert_eq!(row.as_object().unwrap().len(), 4, "etag, id and what was selected: {row}");
        assert!(known.insert(row["contactid"].as_str().unwrap().to_owned(), true).is_none());
    }
    move_to(&sandbox, &client, 1).await;
    let (changes, next) = follow(&sandbox, &client, &delta).await;
    assert!(changes.len() < first.len() / 5 && changes.len() > 10, "{} changes", changes.len());
    for entry in &changes {
        match entry["reason"].as_str() {
            Some(reason) => {
                assert_eq!(reason, "deleted");
                assert!(entry["@odata.context"].as_str().unwrap().ends_with("#contacts/$deletedEntity"));
                known.insert(entry["id"].as_str().unwrap().to_owned(), false);
            }
            None => drop(known.insert(entry["contactid"].as_str().unwrap().to_owned(), true)),
        }
    }
    let truth = sandbox.world().records("dynamics");
    let live = |id: &String| truth["contacts"].get(id).is_some_and(|record| !record.deleted);
    assert!(known.iter().all(|(id, there)| live(id) == *there));
    let known: HashSet<&String> = known.keys().collect();
    assert!(truth["contacts"].iter().all(|(id, record)| record.deleted || known.contains(id)));
    assert_eq!(follow(&sandbox, &client, &next).await.0, Vec::<Value>::new());

    move_to(&sandbox, &client, 4).await;
    let (status, body) = get(&sandbox, &client, &next).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("0x80044352")));
}

#[tokio::test]
async fn every_table_is_told_whole() {
    let (sandbox, client) = sandbox(of(600, 1)).await;
    for (table, records) in sandbox.world().records("dynamics") {
        let url = format!("{}/dynamics/api/data/v9.2/{table}", sandbox.base_url());
        let live = records.values().filter(|record| !record.deleted).count();
        assert_eq!(follow(&sandbox, &client, &url).await.0.len(), live, "{table}");
    }
}

#[tokio::test]
async fn refusals_carry_dataverses_form() {
    let (sandbox, client) = sandbox(of(30, 0)).await;
    let base = format!("{}/dynamics/api/data/v9.2", sandbox.base_url());
    let cases = [
        ("contacts?$select=nonsense", StatusCode::BAD_REQUEST, "Could not find a property named 'nonsense'"),
        ("contacts?$select=firstname,,lastname", StatusCode::BAD_REQUEST, "is not valid in a $select"),
        ("contacts?$selected=firstname", StatusCode::BAD_REQUEST, "'$selected' is not supported"),
        ("contacts?$filter=statecode eq 0", StatusCode::BAD_REQUEST, "Change Tracking"),
        ("nonsense", StatusCode::NOT_FOUND, "Resource not found for the segment"),
    ];
    for (path, status, text) in cases {
        let (found, body) = get(&sandbox, &client, &format!("{base}/{path}")).await;
        assert_eq!(found, status);
        assert!(body["error"]["message"].as_str().unwrap().contains(text), "{body}");
    }
    let response = client.get(format!("{base}/WhoAmI")).bearer_auth("old").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let form = [("grant_type", "client_credentials"), ("client_id", DYNAMICS_CLIENT_ID), ("client_secret", "wrong")];
    let url = format!("{}/dynamics/tenant/oauth2/v2.0/token", sandbox.base_url());
    let (status, body) = send(client.post(url).form(&form)).await;
    assert_eq!((status, &body["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
}
