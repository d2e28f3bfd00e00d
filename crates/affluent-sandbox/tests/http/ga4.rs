//! The Google Analytics side: reports in parts, days that are counted anew, refusals.

use std::collections::BTreeMap;

use affluent_sandbox::{GA4_CLIENT_EMAIL, GA4_PROPERTY, Sandbox};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::{move_to, of, sandbox, send};

/// An assertion whose signature is as long as one, which is what the sandbox looks at.
fn assertion(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims), URL_SAFE_NO_PAD.encode([7; 256]))
}

fn claims() -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": GA4_CLIENT_EMAIL, "scope": "https://www.googleapis.com/auth/analytics.readonly",
        "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3_600,
    })
}

async fn token(sandbox: &Sandbox, client: &Client, claims: &Value) -> (StatusCode, Value) {
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion(claims))];
    send(client.post(format!("{}/ga4/token", sandbox.base_url())).form(&form)).await
}

async fn report(sandbox: &Sandbox, client: &Client, body: &Value) -> (StatusCode, Value) {
    let (_, granted) = token(sandbox, client, &claims()).await;
    let url = format!("{}/ga4/v1beta/properties/{GA4_PROPERTY}:runReport", sandbox.base_url());
    send(client.post(url).bearer_auth(granted["access_token"].as_str().unwrap()).json(body)).await
}

fn asked(offset: usize, limit: usize) -> Value {
    json!({
        "dateRanges": [{ "startDate": "2023-01-01", "endDate": "today" }], "dimensions": [{ "name": "date" }, { "name": "sessionSource" }],
        "metrics": [{ "name": "sessions" }], "orderBys": [{ "dimension": { "dimensionName": "date" } }], "offset": offset, "limit": limit,
    })
}

async fn sessions(sandbox: &Sandbox, client: &Client) -> BTreeMap<(String, String), i64> {
    let mut rows = BTreeMap::new();
    let (mut offset, mut total) = (0, usize::MAX);
    while offset < total {
        let (status, page) = report(sandbox, client, &asked(offset, 2_500)).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        total = page["rowCount"].as_u64().unwrap() as usize;
        for row in page["rows"].as_array().unwrap() {
            let value = |list: &str, at: usize| row[list][at]["value"].as_str().unwrap().to_owned();
            let key = (value("dimensionValues", 0), value("dimensionValues", 1));
            assert!(rows.insert(key, value("metricValues", 0).parse().unwrap()).is_none());
            offset += 1;
        }
    }
    rows
}

#[tokio::test]
async fn a_report_comes_in_parts_and_the_last_days_are_counted_anew() {
    let (sandbox, client) = sandbox(of(900, 0)).await;
    let before = sessions(&sandbox, &client).await;
    move_to(&sandbox, &client, 1).await;
    let after = sessions(&sandbox, &client).await;
    let anew: Vec<&(String, String)> =
        before.iter().filter(|(key, n)| after.get(*key) != Some(*n)).map(|(key, _)| key).collect();
    assert!(before.len() > 5_000 && after.len() > before.len());
    assert!(!anew.is_empty() && anew.iter().all(|(date, _)| date.as_str() >= "20261029"), "{anew:?}");
}

#[tokio::test]
async fn an_empty_report_has_no_rows_at_all() {
    let (sandbox, client) = sandbox(of(50, 0)).await;
    let mut body = asked(0, 10);
    body["dateRanges"][0] = json!({ "startDate": "2020-01-01", "endDate": "2020-01-31" });
    let (status, page) = report(&sandbox, &client, &body).await;
    assert_eq!((status, page.get("rows"), page.get("rowCount")), (StatusCode::OK, None, None));
}

#[tokio::test]
async fn what_the_api_does_not_know_is_refused() {
    let (sandbox, client) = sandbox(of(50, 0)).await;
    for (member, value) in [
        ("metrics", json!([{ "name": "visits" }])),
        ("dimensions", json!([{ "name": "day" }])),
        ("dateRanges", json!([])),
        ("dateRanges", json!([{ "startDate": "01/02/2026", "endDate": "today" }])),
        ("dateRanges", json!([{ "startDate": "today", "endDate": "yesterday" }])),
        ("orderBys", json!([{ "dimension": { "dimensionName": "sessionMedium" } }])),
        ("limit", json!("many")),
        ("since", json!("today")),
    ] {
        let mut body = asked(0, 10);
        body[member] = value;
        let (status, answer) = report(&sandbox, &client, &body).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (StatusCode::BAD_REQUEST, &json!("INVALID_ARGUMENT")),
            "{body}"
        );
    }
    let (_, granted) = token(&sandbox, &client, &claims()).await;
    let token_text = granted["access_token"].as_str().unwrap();
    let other = format!("{}/ga4/v1beta/properties/1/metadata", sandbox.base_url());
    let (status, answer) = send(client.get(&other).bearer_auth(token_text)).await;
    assert_eq!((status, &answer["error"]["status"]), (StatusCode::FORBIDDEN, &json!("PERMISSION_DENIED")));
    let (status, answer) = send(client.get(&other)).await;
    assert_eq!((status, &answer["error"]["status"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")));
    for (claim, value) in
        [("iss", json!("other@example.com")), ("exp", json!(1)), ("scope", json!("email")), ("aud", json!("x"))]
    {
        let mut claims = claims();
        claims[claim] = value;
        let (status, answer) = token(&sandbox, &client, &claims).await;
        assert_eq!((status, answer["error"].is_string()), (StatusCode::BAD_REQUEST, true), "{claim}");
    }
}
