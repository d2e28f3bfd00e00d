//! The Salesforce side: queries to the end, deleted records, what changed in a month, refusals.

use std::collections::{BTreeMap, HashSet};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{move_to, of, queried, sandbox, send, token};

const OBJECTS: [(&str, &str); 6] = [
    ("Account", "account"),
    ("Contact", "contact"),
    ("Lead", "lead"),
    ("LeadHistory", "lead_history"),
    ("Opportunity", "opportunity"),
    ("Campaign", "campaign"),
];

#[tokio::test]
async fn queries_of_every_object_reach_the_end_of_the_world() {
    let (sandbox, client) = sandbox(of(1_500, 1)).await;
    let truth = sandbox.world().truth();
    for (object, stream) in OBJECTS {
        let counts = truth.records[&format!("salesforce.{stream}")];
        let soql = format!("SELECT Id, IsDeleted, CreatedDate FROM {object}");
        let live = queried(&sandbox, &client, "query", &soql).await;
        let all = queried(&sandbox, &client, "queryAll", &soql).await;
        assert_eq!(live.len(), counts.existing, "{object}");
        assert_eq!(all.len(), counts.existing + counts.deleted, "{object}");
        assert_eq!(all.iter().filter(|r| r["IsDeleted"] == true).count(), counts.deleted);
        assert!(counts.existing > 0 && live.iter().all(|r| r["IsDeleted"] == false));
        let ids: HashSet<_> = all.iter().map(|r| r["Id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), all.len());
        assert!(ids.iter().all(|id| id.len() == 18));
    }
}

#[tokio::test]
async fn a_month_later_the_stamp_with_lookback_finds_exactly_what_changed() {
    let (sandbox, client) = sandbox(of(3_000, 0)).await;
    let fields = "Id, IsDeleted, FirstName, LastName, Email, Phone, MailingStreet, MailingCity, Title, SystemModstamp";
    let soql = format!("SELECT {fields} FROM Contact");
    let by_id = |records: Vec<Value>| -> BTreeMap<String, Value> {
        records.into_iter().map(|r| (r["Id"].as_str().unwrap().to_owned(), r)).collect()
    };
    let before = by_id(queried(&sandbox, &client, "queryAll", &soql).await);
    move_to(&sandbox, &client, 1).await;
    let after = by_id(queried(&sandbox, &client, "queryAll", &soql).await);
    let changed: HashSet<&String> =
        after.iter().filter(|(id, record)| before.get(*id) != Some(record)).map(|(id, _)| id).collect();
    assert!(changed.len() > 30 && changed.len() < after.len() / 10);
    assert!(changed.iter().any(|id| after[*id]["IsDeleted"] == true));
    let soql = format!("{soql} WHERE SystemModstamp >= 2026-10-31T23:54:50.000+0000 ORDER BY SystemModstamp, Id");
    let found = queried(&sandbox, &client, "queryAll", &soql).await;
    let stamps: Vec<_> = found.iter().map(|r| r["SystemModstamp"].as_str().unwrap()).collect();
    assert!(stamps.is_sorted());
    let ids: HashSet<_> = found.iter().map(|r| r["Id"].as_str().unwrap()).collect();
    assert!(changed.iter().all(|id| ids.contains(id.as_str())));
    // Late ones: changed, but stamped before the "now" of the month before.
    assert!(changed.iter().any(|id| after[*id]["SystemModstamp"].as_str().unwrap() < "2026-11-01"));
}

#[tokio::test]
async fn values_have_the_types_describe_tells() {
    let (sandbox, client) = sandbox(of(600, 0)).await;
    let token = token(&sandbox, &client).await;
    for (object, _) in OBJECTS {
        let url = format!("{}/salesforce/services/data/v65.0/sobjects/{object}/describe", sandbox.base_url());
        let (_, described) = send(client.get(url).bearer_auth(&token)).await;
        let fields: Vec<(&str, &str)> = described["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (f["name"].as_str().unwrap(), f["type"].as_str().unwrap()))
            .collect();
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let soql = format!("SELECT {} FROM {object} LIMIT 150", names.join(", "));
        for record in queried(&sandbox, &client, "query", &soql).await {
            for (name, kind) in &fields {
                let value = &record[*name];
                let fits = match *kind {
                    "double" => value.is_f64(),
                    "boolean" => value.is_boolean(),
                    _ => value.is_string(),
                };
                assert!(fits || value.is_null(), "{object}.{name}: {value}");
            }
        }
    }
}

#[tokio::test]
async fn refusals_carry_salesforces_codes() {
    let (sandbox, client) = sandbox(of(60, 0)).await;
    let token = token(&sandbox, &client).await;
    let url = format!("{}/salesforce/services/data/v65.0/query", sandbox.base_url());
    let cases = [
        ("SELECT Id FROM", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact GARBAGE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'x", "MALFORMED_QUERY"),
        ("SELECT Nonsense FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM LeadHistory WHERE SystemModstamp > 2026-01-01T00:00:00Z", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD"),
        ("SELECT Id FROM Nonsense", "INVALID_TYPE"),
    ];
    for (soql, code) in cases {
        let (status, body) = send(client.get(&url).query(&[("q", soql)]).bearer_auth(&token)).await;
        assert_eq!((status, &body[0]["errorCode"]), (StatusCode::BAD_REQUEST, &json!(code)), "{soql}");
    }
    let (status, body) = send(client.get(&url).query(&[("q", "SELECT Id FROM Contact")]).bearer_auth("old")).await;
    assert_eq!((status, &body[0]["errorCode"]), (StatusCode::UNAUTHORIZED, &json!("INVALID_SESSION_ID")));
}

type Condition = fn(&Value) -> bool;

#[tokio::test]
async fn conditions_select_what_they_say() {
    let (sandbox, client) = sandbox(of(800, 0)).await;
    let all =
        queried(&sandbox, &client, "query", "SELECT Id, StageName, Amount, IsWon, ContactId FROM Opportunity").await;
    let cases: [(&str, Condition); 6] = [
        ("IsWon = true", |r| r["IsWon"] == true),
        ("Amount >= 5000 AND IsWon = false", |r| r["Amount"].as_f64().unwrap() >= 5_000.0 && r["IsWon"] == false),
        ("StageName IN ('closed won', 'Closed Lost')", |r| r["StageName"].as_str().unwrap().starts_with("Closed")),
        ("(Amount < 1000 OR Amount > 9000)", |r| !(1_000.0..=9_000.0).contains(&r["Amount"].as_f64().unwrap())),
        ("NOT StageName = 'Closed Won'", |r| r["StageName"] != "Closed Won"),
        ("ContactId != null", |_| true),
    ];
    for (condition, expected) in cases {
        let soql = format!("SELECT Id, StageName, Amount, IsWon, ContactId FROM Opportunity WHERE {condition}");
        let found = queried(&sandbox, &client, "query", &soql).await;
        let wanted: Vec<_> = all.iter().filter(|r| expected(r)).cloned().collect();
        assert_eq!(found, wanted, "{condition}");
        assert!(!found.is_empty(), "{condition}");
    }
    let top = "SELECT Amount FROM Opportunity ORDER BY Amount DESC NULLS LAST LIMIT 3";
    let top: Vec<f64> =
        queried(&sandbox, &client, "query", top).await.iter().map(|r| r["Amount"].as_f64().unwrap()).collect();
    let mut amounts: Vec<f64> = all.iter().map(|r| r["Amount"].as_f64().unwrap()).collect();
    amounts.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(top, amounts[..3]);
}
