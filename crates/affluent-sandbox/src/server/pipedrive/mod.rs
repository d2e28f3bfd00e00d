//! The Pipedrive-style API: lists of version 2 by cursor, leads of version 1 by offset.

mod lists;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::vendor::{Spoils, Vendor};
use super::{PIPEDRIVE_TOKEN, reply};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/pipedrive",
    routes: || {
        Router::new()
            .route("/api/v1/users/me", get(me))
            .route("/api/v1/leads", get(lists::leads))
            .route("/api/v2/deals/archived", get(lists::archived))
            .route("/api/v2/{collection}", get(lists::list))
    },
    error,
    // https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
    too_many: || error(StatusCode::TOO_MANY_REQUESTS, "ERR_RATE_LIMIT", "request over limit"),
    expired: |_, _| unauthorised(),
    unauthorised: |_, _, headers| {
        let given = headers.get("x-api-token").and_then(|value| value.to_str().ok());
        (given != Some(PIPEDRIVE_TOKEN)).then(unauthorised)
    },
    limit: |_, _| {
        let told = [("x-ratelimit-limit", "80"), ("x-ratelimit-remaining", "79"), ("x-ratelimit-reset", "2")];
        let usage: HeaderMap = told
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        (usage, None)
    },
    spoils: Spoils { records: &["data"], numbers: &["value", "employee_count"], dates: &["birthday", "update_time"] },
};

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let info = "Please check developers.pipedrive.com";
    reply::json(status, &json!({ "success": false, "error": message, "error_info": info, "code": code }))
}

fn unauthorised() -> Response {
    error(StatusCode::UNAUTHORIZED, "ERR_UNAUTHORIZED", "unauthorized access")
}

/// <https://developers.pipedrive.com/docs/api/v1/Users#getCurrentUser>
async fn me() -> Response {
    let user = json!({
        "id": 13_000_001, "name": "Ana Roche", "email": "ana@sandbox.example", "default_currency": "EUR", "locale": "fr_FR",
        "timezone_name": "Europe/Paris", "timezone_offset": "+01:00", "active_flag": true, "company_domain": "sandbox",
    });
    reply::json(StatusCode::OK, &json!({ "success": true, "data": user }))
}
