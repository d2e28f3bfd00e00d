//! What holds of every vendor: credentials, and the faults in its own form.

use affluent_sandbox::{
    BREVO_KEY, Config, Fault, FaultKind, Limits, MAILCHIMP_KEY, SHOPIFY_TOKEN, STRIPE_KEY, Sandbox,
};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::support::{of, sandbox, send};

/// A vendor's cheap call, without credentials and with them.
pub(crate) fn check(sandbox: &Sandbox, client: &Client, vendor: &str, path: &str) -> (RequestBuilder, RequestBuilder) {
    let ask = || client.get(format!("{}/{vendor}{path}", sandbox.base_url()));
    let with = match vendor {
        "stripe" => ask().bearer_auth(STRIPE_KEY),
        "shopify" => ask().header("X-Shopify-Access-Token", SHOPIFY_TOKEN),
        "brevo" => ask().header("api-key", BREVO_KEY),
        _ => ask().basic_auth("anything", Some(MAILCHIMP_KEY)),
    };
    (ask(), with)
}

/// A GET that must go well.
pub(crate) async fn get(sandbox: &Sandbox, client: &Client, vendor: &str, path: &str) -> Value {
    let (status, body) = send(check(sandbox, client, vendor, path).1).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// A GET that must be refused: its status and body.
pub(crate) async fn refused(sandbox: &Sandbox, client: &Client, vendor: &str, path: &str) -> (u16, Value) {
    let (status, body) = send(check(sandbox, client, vendor, path).1).await;
    assert!(status.is_client_error(), "{path}: {body}");
    (status.as_u16(), body)
}

/// Vendor, cheap call, and where its errors have their text.
const VENDORS: [(&str, &str, &str); 4] = [
    ("stripe", "/v1/balance", "/error/message"),
    ("shopify", "/admin/api/2026-07/shop.json", "/errors"),
    ("brevo", "/v3/account", "/message"),
    ("mailchimp", "/3.0/ping", "/detail"),
];

#[tokio::test]
async fn credentials_are_asked_for() {
    let (sandbox, client) = sandbox(of(10, 0)).await;
    for (vendor, path, message) in VENDORS {
        let (without, with) = check(&sandbox, &client, vendor, path);
        let (status, body) = send(without).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{vendor}");
        assert!(body.pointer(message).is_some_and(Value::is_string), "{vendor}: {body}");
        assert_eq!(send(with).await.0, StatusCode::OK, "{vendor}");
    }
}

#[tokio::test]
async fn faults_come_in_each_vendors_form() {
    let kinds = [
        (FaultKind::TooMany, 429, true),
        (FaultKind::TooManySilent, 429, false),
        (FaultKind::Internal, 500, false),
        (FaultKind::Unavailable, 503, true),
        (FaultKind::ExpiredToken, 401, false),
    ];
    for (kind, status, waits) in kinds {
        let faults =
            ["stripe", "shopify", "brevo", "mailchimp"].map(|vendor| Fault::new(&format!("/{vendor}"), kind).times(1));
        let (sandbox, client) = sandbox(Config { faults: faults.to_vec(), ..of(10, 0) }).await;
        for (vendor, path, message) in VENDORS {
            let answer = check(&sandbox, &client, vendor, path).1.send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.headers().contains_key("retry-after")),
                (status, waits),
                "{vendor}"
            );
            let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            assert!(body.pointer(message).is_some_and(Value::is_string), "{vendor}: {body}");
            // The next one is served: keys do not run out for good.
            get(&sandbox, &client, vendor, path).await;
        }
    }
}

#[tokio::test]
async fn limits_are_kept_and_told() {
    let limits =
        Limits { stripe_per_second: Some(2), shopify_bucket: Some(2), brevo_per_2s: Some(2), ..Limits::default() };
    let (sandbox, client) = sandbox(Config { limits, ..of(10, 0) }).await;
    for (vendor, path, header, told) in [
        ("stripe", "/v1/balance", "", ["", ""]),
        ("shopify", "/admin/api/2026-07/shop.json", "x-shopify-shop-api-call-limit", ["1/2", "2/2"]),
        ("brevo", "/v3/account", "x-sib-ratelimit-remaining", ["1", "0"]),
    ] {
        for told in told {
            let answer = check(&sandbox, &client, vendor, path).1.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{vendor}");
            let value = answer.headers().get(header).map_or("", |value| value.to_str().unwrap());
            assert_eq!(value, told, "{vendor}");
        }
        assert_eq!(refused(&sandbox, &client, vendor, path).await.0, 429, "{vendor}");
    }
}

#[tokio::test]
async fn the_truth_of_a_vendor_can_be_asked_for() {
    let (sandbox, client) = sandbox(of(60, 0)).await;
    for vendor in ["stripe", "shopify", "brevo", "mailchimp", "ga4"] {
        let (_, told) = send(client.get(format!("{}/_truth/{vendor}", sandbox.base_url()))).await;
        let truth = sandbox.world().vendor_truth(vendor).unwrap();
        assert_eq!(told, serde_json::to_value(&truth).unwrap());
        assert!(truth.records.values().any(|counts| counts.existing > 10), "{vendor}");
    }
    assert_eq!(sandbox.world().vendor_truth("nobody"), None);
}
