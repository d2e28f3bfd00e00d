//! The Zoho side: token, pages by token, what changed, what was deleted, refusals.

use std::collections::{BTreeMap, HashSet};

use affluent_sandbox::{Sandbox, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::{move_to, of, sandbox, send};

async fn token(sandbox: &Sandbox, client: &Client) -> String {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", ZOHO_CLIENT_ID),
        ("client_secret", ZOHO_CLIENT_SECRET),
        ("refresh_token", ZOHO_REFRESH_TOKEN),
    ];
    let (status, body) = send(client.post(format!("{}/zoho/oauth/v2/token", sandbox.base_url())).form(&form)).await;
    assert_eq!((status, &body["api_domain"]), (StatusCode::OK, &json!(format!("{}/zoho", sandbox.base_url()))));
    body["access_token"].as_str().unwrap().to_owned()
}

/// A page, or none where there is nothing to tell.
async fn page(sandbox: &Sandbox, client: &Client, path: &str, since: Option<&str>) -> (StatusCode, Option<Value>) {
    let url = format!("{}/zoho/crm/v8/{path}", sandbox.base_url());
    let token = token(sandbox, client).await;
    let mut request = client.get(url).header("Authorization", format!("Zoho-oauthtoken {token}"));
    if let Some(since) = since {
        request = request.header("If-Modified-Since", since);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.bytes().await.unwrap();
    (status, (!body.is_empty()).then(|| serde_json::from_slice(&body).unwrap()))
}

async fn all(sandbox: &Sandbox, client: &Client, path: &str, since: Option<&str>) -> BTreeMap<String, Value> {
    let mut records = BTreeMap::new();
    let mut next = String::new();
    loop {
        let (status, body) = page(sandbox, client, &format!("{path}{next}"), since).await;
        let Some(body) = body else { return records };
        assert_eq!(status, StatusCode::OK, "{body}");
        for record in body["data"].as_array().unwrap() {
            assert!(records.insert(record["id"].as_str().unwrap().to_owned(), record.clone()).is_none());
        }
        if body["info"]["more_records"] == false {
            return records;
        }
        next = format!("&page_token={}", body["info"]["next_page_token"].as_str().unwrap());
    }
}

#[tokio::test]
async fn pages_hold_every_record_that_is_not_deleted() {
    let (sandbox, client) = sandbox(of(1_200, 1)).await;
    let truth = sandbox.world().records("zoho");
    for (module, records) in &truth {
        let live: HashSet<&String> = records.iter().filter(|(_, record)| !record.deleted).map(|(id, _)| id).collect();
        let found = all(&sandbox, &client, &format!("{module}?fields=Modified_Time&converted=both"), None).await;
        assert_eq!(found.keys().collect::<HashSet<_>>(), live, "{module}");
    }
    assert!(truth["Contacts"].len() > 400);
    let converted = all(&sandbox, &client, "Leads?fields=id", None).await;
    assert!(converted.len() < truth["Leads"].len(), "converted leads are told only when asked for");
}

#[tokio::test]
async fn a_month_later_the_list_tells_changes_and_the_other_one_deletes() {
    let (sandbox, client) = sandbox(of(1_200, 0)).await;
    let before = sandbox.world().records("zoho");
    move_to(&sandbox, &client, 1).await;
    let after = sandbox.world().records("zoho");
    let since = Some("2026-10-31T23:55:00Z");
    for module in ["Contacts", "Deals", "Cases"] {
        let changed = all(&sandbox, &client, &format!("{module}?fields=Modified_Time"), since).await;
        let (_, gone) = page(&sandbox, &client, &format!("{module}/deleted?type=all"), since).await;
        let gone: HashSet<String> = gone
            .iter()
            .flat_map(|body| body["data"].as_array().unwrap())
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        for (id, record) in &after[module] {
            if before[module].get(id) == Some(record) {
                continue;
            }
            let told = if record.deleted { gone.contains(id) } else { changed.contains_key(id) };
            assert!(told, "{module} {id}");
        }
    }
    assert!(after["Contacts"].values().any(|record| record.deleted));
}

#[tokio::test]
async fn nothing_to_tell_has_no_body_and_refusals_carry_zohos_codes() {
    let (sandbox, client) = sandbox(of(60, 0)).await;
    let ahead = Some("2030-01-01T00:00:00Z");
    assert_eq!(page(&sandbox, &client, "Contacts?fields=id", ahead).await, (StatusCode::NOT_MODIFIED, None));
    let empty = page(&sandbox, &client, "Contacts/deleted?page=500", None).await;
    assert_eq!(empty, (StatusCode::NO_CONTENT, None));
    let fields: Vec<String> = (0..51).map(|n| format!("F{n}")).collect();
    let cases = [
        ("Contacts".to_owned(), "REQUIRED_PARAM_MISSING"),
        (format!("Contacts?fields={}", fields.join(",")), "LIMIT_EXCEEDED"),
        ("Nonsense?fields=id".to_owned(), "INVALID_MODULE"),
        ("Contacts?fields=id&per_page=201".to_owned(), "INVALID_DATA"),
        ("Contacts?fields=id&page=11".to_owned(), "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
        ("Contacts?fields=id&page_token=1.1.1.1".to_owned(), "TOKEN_BOUND_DATA_MISMATCH"),
    ];
    for (path, code) in cases {
        let (status, body) = page(&sandbox, &client, &path, None).await;
        assert_eq!((status, &body.unwrap()["code"]), (StatusCode::BAD_REQUEST, &json!(code)), "{path}");
    }
    let url = format!("{}/zoho/oauth/v2/token", sandbox.base_url());
    let form = [("grant_type", "refresh_token"), ("client_id", ZOHO_CLIENT_ID)];
    let (status, body) = send(client.post(url).form(&form)).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "error": "invalid_client_secret" })));
}
