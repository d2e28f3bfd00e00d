//! The Zoho-CRM-style API, version 8: token, records of a module, deleted records of it.

mod records;
mod token;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::vendor::{Spoils, Vendor};
use super::{guard, hold, reply};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/zoho",
    routes: || {
        Router::new()
            .route("/oauth/v2/token", post(token::token))
            .route("/crm/v8/{module}", get(records::records))
            .route("/crm/v8/{module}/deleted", get(records::deleted))
    },
    error: |status, code, message| error(status, code, message, &json!({})),
    // https://www.zoho.com/crm/developer/docs/api/v8/api-limits.html
    too_many: || {
        error(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "You have made too many requests.", &json!({}))
    },
    expired: |shared, headers| {
        if let Some(token) = token_of(headers) {
            hold(&shared.tokens).revoke(token);
        }
        invalid_token()
    },
    unauthorised: |shared, uri, headers| {
        let open = uri.path().ends_with("/oauth/v2/token");
        let known = || token_of(headers).is_some_and(|token| hold(&shared.tokens).knows(token));
        (!open && !known()).then(invalid_token)
    },
    limit: super::vendor::unlimited,
    spoils: Spoils {
        records: &["data"],
        numbers: &["Amount", "Employees", "Actual_Cost"],
        dates: &["Date_of_Birth", "Modified_Time", "Call_Start_Time"],
    },
};

fn token_of(headers: &HeaderMap) -> Option<&str> {
    guard::token(headers, "Zoho-oauthtoken")
}

/// <https://github.com/zoho/crm-oas/blob/main/v8.0/record/mds/examples/getRecords.md>
fn error(status: StatusCode, code: &str, message: &str, details: &Value) -> Response {
    reply::json(status, &json!({ "code": code, "details": details, "message": message, "status": "error" }))
}

fn invalid_token() -> Response {
    error(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", "invalid oauth token", &json!({}))
}
