//! The Dataverse-style Web API of Dynamics 365: token of Entra ID, rows of a table, and what changed of it.

mod rows;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use super::vendor::{Spoils, Vendor};
use super::{Shared, guard, hold, reply};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/dynamics",
    routes: || {
        Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(token::token))
            .route("/api/data/v9.2/WhoAmI", get(who_am_i))
            .route("/api/data/v9.2/{table}", get(rows::rows))
    },
    error,
    // https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
    too_many: || {
        let message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds.";
        error(StatusCode::TOO_MANY_REQUESTS, "0x80072322", message)
    },
    expired: |shared, headers| {
        if let Some(token) = guard::token(headers, "Bearer") {
            hold(&shared.tokens).revoke(token);
        }
        challenge()
    },
    unauthorised: |shared, uri, headers| {
        let open = uri.path().ends_with("/token");
        let known = || guard::token(headers, "Bearer").is_some_and(|token| hold(&shared.tokens).knows(token));
        (!open && !known()).then(challenge)
    },
    limit: |_, _| {
        let told = [
            ("x-ms-ratelimit-burst-remaining-xrm-requests", "5999"),
            ("x-ms-ratelimit-time-remaining-xrm-requests", "1,199.99"),
        ];
        let usage: HeaderMap = told
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        (usage, None)
    },
    spoils: Spoils {
        records: &["value"],
        numbers: &["estimatedvalue_base", "numberofemployees", "totalactualcost_base"],
        dates: &["birthdate", "modifiedon"],
    },
};

/// <https://learn.microsoft.com/power-apps/developer/data-platform/webapi/compose-http-requests-handle-errors>
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    reply::json(status, &json!({ "error": { "code": code, "message": message } }))
}

/// The refusal of a request without a good token: no body.
fn challenge() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// <https://learn.microsoft.com/power-apps/developer/data-platform/webapi/reference/whoami>
async fn who_am_i(State(shared): State<Arc<Shared>>) -> Response {
    let id = |kind: &str| crate::draw::Draw::of(shared.world().seed(), kind, &[]).uuid();
    reply::json(
        StatusCode::OK,
        &json!({ "BusinessUnitId": id("unit"), "UserId": id("user"), "OrganizationId": id("organization") }),
    )
}
