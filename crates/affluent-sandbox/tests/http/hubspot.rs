//! The HubSpot side: pages, search and its cap, archived records, what changed in a month, e-mail events.

use std::collections::{BTreeMap, HashSet};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{hubspot, listed, move_to, of, sandbox, search, send};

const ALL: &str = "properties=firstname,lastname,email,phone,mobilephone,address,city,zip,country,gender,date_of_birth,company,jobtitle,lifecyclestage";

fn by_id(records: &[Value]) -> BTreeMap<String, Value> {
    records.iter().map(|r| (r["id"].as_str().unwrap().to_owned(), r.clone())).collect()
}

#[tokio::test]
async fn lists_of_every_object_page_to_the_end_of_the_world() {
    let (sandbox, client) = sandbox(of(700, 1)).await;
    let truth = sandbox.world().truth();
    for object in ["contacts", "companies", "deals", "tickets", "feedback_submissions"] {
        let counts = truth.records[&format!("hubspot.{object}")];
        for (archived, expected) in [(false, counts.existing), (true, counts.deleted)] {
            let path = format!("/crm/v3/objects/{object}?limit=100&archived={archived}");
            let records = listed(&sandbox, &client, &path).await;
            assert_eq!(records.len(), expected, "{object} archived={archived}");
            assert_eq!(by_id(&records).len(), expected);
            assert!(records.iter().all(|r| r["archived"] == archived && r["archivedAt"].is_string() == archived));
        }
        assert!(counts.existing > 0, "{object}");
    }
    assert!(truth.records["hubspot.contacts"].deleted > 0);
}

#[tokio::test]
async fn only_asked_properties_come_back() {
    let (sandbox, client) = sandbox(of(50, 0)).await;
    let names = |page: &Value| -> Vec<String> {
        page["results"][0]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let asked = hubspot(&sandbox, &client, "/crm/v3/objects/contacts?properties=email,city&properties=nonsense").await;
    assert_eq!(names(&asked), ["city", "createdate", "email", "hs_object_id", "lastmodifieddate"]);
    let default = hubspot(&sandbox, &client, "/crm/v3/objects/contacts").await;
    assert_eq!(names(&default), ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"]);
    assert_eq!(default["results"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn activities_name_their_contact_in_associations_and_properties() {
    let (sandbox, client) = sandbox(of(300, 0)).await;
    let contacts = by_id(&listed(&sandbox, &client, "/crm/v3/objects/contacts?limit=100").await);
    let archived = by_id(&listed(&sandbox, &client, "/crm/v3/objects/contacts?limit=100&archived=true").await);
    let tickets =
        listed(&sandbox, &client, "/crm/v3/objects/tickets?limit=100&associations=contacts&properties=contact_id")
            .await;
    assert!(!tickets.is_empty());
    for ticket in tickets {
        let contact = ticket["associations"]["contacts"]["results"][0]["id"].as_str().unwrap();
        assert_eq!(ticket["properties"]["contact_id"], contact);
        assert!(contacts.contains_key(contact) || archived.contains_key(contact));
    }
}

#[tokio::test]
async fn a_month_later_a_search_with_lookback_finds_exactly_what_changed() {
    let (sandbox, client) = sandbox(of(2_000, 0)).await;
    let path = format!("/crm/v3/objects/contacts?limit=100&{ALL}");
    let before = by_id(&listed(&sandbox, &client, &path).await);
    let cursor = before.values().map(|r| r["updatedAt"].as_str().unwrap().to_owned()).max().unwrap();
    move_to(&sandbox, &client, 1).await;
    let after = by_id(&listed(&sandbox, &client, &path).await);
    let changed: HashSet<&String> =
        after.iter().filter(|(id, record)| before.get(*id) != Some(record)).map(|(id, _)| id).collect();
    let unchanged = after.len() - changed.len();
    assert!(unchanged > after.len() * 9 / 10 && changed.len() > 40, "{} changed", changed.len());
    assert!(before.keys().any(|id| !after.contains_key(id)), "nothing was archived");

    // What a client that remembers the newest stamp asks, with and without five minutes of lookback.
    let mut found = Vec::new();
    for lookback in [0, 5 * 60] {
        let from = chrono::DateTime::parse_from_rfc3339(&cursor).unwrap() - chrono::TimeDelta::seconds(lookback);
        let mut ids = HashSet::new();
        let mut next = json!("0");
        while !next.is_null() {
            let body = json!({ "limit": 200, "after": next, "filterGroups": [{ "filters": [{
                "propertyName": "lastmodifieddate", "operator": "GTE", "value": from.timestamp_millis().to_string() }] }],
                "sorts": [{ "propertyName": "lastmodifieddate", "direction": "ASCENDING" }] });
            let (status, page) = search(&sandbox, &client, "contacts", &body).await;
            assert_eq!(status, StatusCode::OK);
            ids.extend(page["results"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()));
            next = page["paging"]["next"]["after"].clone();
        }
        found.push(ids);
    }
    let late = changed.iter().filter(|id| !found[0].contains(**id)).count();
    assert!(late > 0, "no record is late");
    assert!(changed.iter().all(|id| found[1].contains(*id)), "lookback of five minutes must suffice");
}

#[tokio::test]
async fn search_caps_at_ten_thousand_and_splits_on_stamp_and_id() {
    let (sandbox, client) = sandbox(of(13_000, 0)).await;
    let total = sandbox.world().truth().records["hubspot.contacts"].existing;
    assert!(total > 10_000);
    let ask = |after: usize, filters: Value| {
        json!({ "limit": 200, "after": after.to_string(), "filterGroups": [{ "filters": filters }],
            "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }] })
    };
    let (status, page) = search(&sandbox, &client, "contacts", &ask(9_800, json!([]))).await;
    assert_eq!((status, page["total"].as_u64()), (StatusCode::OK, Some(total as u64)));
    assert_eq!(page["paging"]["next"]["after"], "10000");
    let last = page["results"][199]["id"].clone();
    let (status, error) = search(&sandbox, &client, "contacts", &ask(10_000, json!([]))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!((&error["status"], &error["category"]), (&json!("error"), &json!("VALIDATION_ERROR")));
    let rest = json!([{ "propertyName": "hs_object_id", "operator": "GT", "value": last }]);
    let (_, page) = search(&sandbox, &client, "contacts", &ask(0, rest)).await;
    assert_eq!(page["total"].as_u64(), Some(total as u64 - 10_000));
}

#[tokio::test]
async fn search_refuses_what_hubspot_refuses() {
    let (sandbox, client) = sandbox(of(20, 0)).await;
    let filter = |name: &str, operator: &str| json!({ "filterGroups": [{ "filters": [{ "propertyName": name, "operator": operator }] }] });
    let cases = [
        json!({ "limit": 201 }),
        json!({ "sorts": ["email", "city"] }),
        json!({ "sorts": [{ "propertyName": "email", "direction": "UP" }] }),
        filter("nonsense", "HAS_PROPERTY"),
        filter("email", "LIKE"),
        filter("email", "EQ"),
        json!({ "filterGroups": vec![json!({ "filters": [] }); 6] }),
        json!({ "query": "x".repeat(3_000) }),
    ];
    for body in cases {
        assert_eq!(search(&sandbox, &client, "contacts", &body).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(search(&sandbox, &client, "contacts", &filter("email", "HAS_PROPERTY")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn batch_read_returns_found_and_names_missing() {
    let (sandbox, client) = sandbox(of(50, 0)).await;
    let known = hubspot(&sandbox, &client, "/crm/v3/objects/contacts?limit=1").await["results"][0].clone();
    let url = format!("{}/hubspot/crm/v3/objects/contacts/batch/read", sandbox.base_url());
    let ask = |ids: Value| client.post(&url).bearer_auth("sandbox-hubspot").json(&json!({ "inputs": ids }));
    let (status, body) = send(ask(json!([{ "id": known["id"] }]))).await;
    assert_eq!((status, &body["results"][0]), (StatusCode::OK, &known));
    let (status, body) = send(ask(json!([{ "id": "1" }]))).await;
    assert_eq!((status, &body["errors"][0]["context"]["ids"]), (StatusCode::MULTI_STATUS, &json!(["1"])));
}

#[tokio::test]
async fn email_events_page_newest_first_without_loss() {
    let (sandbox, client) = sandbox(of(400, 0)).await;
    let whole = hubspot(&sandbox, &client, "/email/public/v1/events?limit=1000").await;
    let mut events: Vec<Value> = Vec::new();
    let mut offset = String::new();
    loop {
        let page = hubspot(&sandbox, &client, &format!("/email/public/v1/events?limit=300&offset={offset}")).await;
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        offset = page["offset"].as_str().unwrap().to_owned();
        if page["hasMore"] == false {
            break;
        }
    }
    assert!(events.len() > 1_000);
    assert_eq!(events[..1_000], whole["events"].as_array().unwrap()[..]);
    let at = |e: &Value| e["created"].as_i64().unwrap();
    assert!(events.is_sorted_by(|a, b| at(a) >= at(b)));
    let ids: HashSet<_> = events.iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
    let kinds: HashSet<_> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    for kind in ["SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE"] {
        assert!(kinds.contains(kind), "{kind}");
    }
    let (from, to) = (at(&events[900]), at(&events[100]));
    let path = format!("/email/public/v1/events?limit=1000&startTimestamp={from}&endTimestamp={to}");
    let part = hubspot(&sandbox, &client, &path).await;
    let inside = events.iter().filter(|e| (from..=to).contains(&at(e))).count();
    assert_eq!(part["events"].as_array().unwrap().len(), inside);
}

#[tokio::test]
async fn credentials_and_the_check_call() {
    let (sandbox, client) = sandbox(of(10, 0)).await;
    assert_eq!(hubspot(&sandbox, &client, "/account-info/v3/details").await["timeZone"], "Europe/Paris");
    assert_eq!(hubspot(&sandbox, &client, "/crm/v3/owners").await["results"].as_array().unwrap().len(), 5);
    let url = format!("{}/hubspot/account-info/v3/details", sandbox.base_url());
    let (status, body) = send(client.get(url).bearer_auth("wrong")).await;
    assert_eq!((status, &body["category"]), (StatusCode::UNAUTHORIZED, &json!("INVALID_AUTHENTICATION")));
}
