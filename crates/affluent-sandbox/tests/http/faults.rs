//! Each fault, its counters, and the limits when enforced.

use std::time::{Duration, Instant};

use affluent_sandbox::{Config, Limits};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{control, hubspot, listed, of, sandbox, send, token};

const CONTACTS: &str = "/hubspot/crm/v3/objects/contacts";

#[tokio::test]
async fn refusals_come_as_asked_and_then_end() {
    let (sandbox, client) = sandbox(of(40, 0)).await;
    let url = format!("{}{CONTACTS}", sandbox.base_url());
    let cases = [
        ("429", 429, true, "RATE_LIMIT"),
        ("429_no_retry_after", 429, false, "RATE_LIMIT"),
        ("500", 500, false, "UNKNOWN_EXCEPTION"),
        ("503", 503, true, "SERVER_UNAVAILABLE"),
        ("expired_token", 401, false, "EXPIRED_AUTHENTICATION"),
    ];
    for (kind, status, retry_after, category) in cases {
        control(
            &sandbox,
            &client,
            "/_faults",
            &json!([{ "path": CONTACTS, "kind": kind, "times": 1, "retry_after": 3 }]),
        )
        .await;
        let response = client.get(&url).bearer_auth("sandbox-hubspot").send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().get("retry-after").map(|v| v.to_str().unwrap()), retry_after.then_some("3"));
        let body: Value = response.json().await.unwrap();
        let named = if status == 429 { "errorType" } else { "category" };
        assert_eq!((&body["status"], &body[named]), (&json!("error"), &json!(category)));
        assert_eq!(send(client.get(&url).bearer_auth("sandbox-hubspot")).await.0, StatusCode::OK);
    }
    let (_, stats) = send(client.get(format!("{}/_stats", sandbox.base_url()))).await;
    assert_eq!(stats["requests"][CONTACTS], 10);
    assert_eq!(stats["faults"], json!({ "429": 1, "429_no_retry_after": 1, "500": 1, "503": 1, "expired_token": 1 }));
}

#[tokio::test]
async fn an_expired_salesforce_token_stays_expired() {
    let (sandbox, client) = sandbox(of(40, 0)).await;
    let old = token(&sandbox, &client).await;
    let url = format!("{}/salesforce/services/data/v65.0/limits", sandbox.base_url());
    assert_eq!(send(client.get(&url).bearer_auth(&old)).await.0, StatusCode::OK);
    let faults = json!([{ "path": "/salesforce/services/data", "kind": "expired_token", "times": 1 }]);
    control(&sandbox, &client, "/_faults", &faults).await;
    for _ in 0..2 {
        assert_eq!(send(client.get(&url).bearer_auth(&old)).await.0, StatusCode::UNAUTHORIZED);
    }
    let new = token(&sandbox, &client).await;
    assert_eq!(send(client.get(&url).bearer_auth(&new)).await.0, StatusCode::OK);
    control(&sandbox, &client, "/_faults", &json!([{ "path": "/salesforce", "kind": "request_limit" }])).await;
    let (status, body) = send(client.get(&url).bearer_auth(&new)).await;
    assert_eq!((status, &body[0]["errorCode"]), (StatusCode::FORBIDDEN, &json!("REQUEST_LIMIT_EXCEEDED")));
}

#[tokio::test]
async fn a_cut_connection_is_an_error_of_the_body() {
    let (sandbox, client) = sandbox(of(40, 0)).await;
    control(&sandbox, &client, "/_faults", &json!([{ "path": CONTACTS, "kind": "cut" }])).await;
    let url = format!("{}{CONTACTS}", sandbox.base_url());
    let response = client.get(url).bearer_auth("sandbox-hubspot").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn empty_and_short_pages_are_not_the_end() {
    let (sandbox, client) = sandbox(of(400, 0)).await;
    let path = "/crm/v3/objects/contacts?limit=100";
    let plain = listed(&sandbox, &client, path).await;
    for kind in ["empty_page", "short_page"] {
        control(&sandbox, &client, "/_faults", &json!([{ "path": CONTACTS, "kind": kind, "every": 2 }])).await;
        assert_eq!(listed(&sandbox, &client, path).await, plain, "{kind}");
    }
    control(&sandbox, &client, "/_faults", &json!([{ "path": CONTACTS, "kind": "empty_page", "times": 1 }])).await;
    let page = hubspot(&sandbox, &client, path).await;
    assert_eq!(page["results"], json!([]));
    assert!(page["paging"]["next"]["after"].is_string());
}

#[tokio::test]
async fn slow_and_bad_types() {
    let (sandbox, client) = sandbox(of(400, 0)).await;
    let companies = "/crm/v3/objects/companies?properties=numberofemployees";
    let faults = json!([{ "path": "/hubspot/crm/v3/objects/companies", "kind": "bad_type" },
        { "path": "/hubspot/account-info", "kind": "slow", "delay_ms": 150 }]);
    control(&sandbox, &client, "/_faults", &faults).await;
    let page = hubspot(&sandbox, &client, companies).await;
    assert_eq!(page["results"][0]["properties"]["numberofemployees"], "134;137");
    let start = Instant::now();
    hubspot(&sandbox, &client, "/account-info/v3/details").await;
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn limits_are_told_and_enforced_where_set() {
    let limits = Limits { hubspot_per_10s: Some(3), salesforce_per_day: Some(2), ..Limits::default() };
    let (sandbox, client) = sandbox(Config { limits, ..of(40, 0) }).await;
    let url = format!("{}{CONTACTS}", sandbox.base_url());
    for left in ["2", "1", "0"] {
        let response = client.get(&url).bearer_auth("sandbox-hubspot").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-hubspot-ratelimit-remaining"], left);
        assert_eq!(response.headers()["x-hubspot-ratelimit-max"], "3");
    }
    let (status, body) = send(client.get(&url).bearer_auth("sandbox-hubspot")).await;
    assert_eq!((status, &body["policyName"]), (StatusCode::TOO_MANY_REQUESTS, &json!("TEN_SECONDLY_ROLLING")));

    let token = token(&sandbox, &client).await;
    let url = format!("{}/salesforce/services/data/v65.0/limits", sandbox.base_url());
    for usage in ["api-usage=1/2", "api-usage=2/2"] {
        let response = client.get(&url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(response.headers()["sforce-limit-info"], usage);
    }
    assert_eq!(send(client.get(&url).bearer_auth(&token)).await.0, StatusCode::FORBIDDEN);
}
