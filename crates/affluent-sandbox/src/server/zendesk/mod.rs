//! The Zendesk-Support-style API: incremental exports by cursor and by time, and satisfaction ratings.

mod exports;
mod ratings;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::reply;
use super::vendor::{Spoils, Vendor};

/// What `email/token` and the API token make in `Authorization`.
const BASIC: &str = "Basic YW5hQHNhbmRib3guZXhhbXBsZS90b2tlbjpzYW5kYm94LXplbmRlc2s=";

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/zendesk",
    routes: || {
        Router::new()
            .route("/api/v2/users/me.json", get(me))
            .route("/api/v2/incremental/{collection}/cursor.json", get(exports::by_cursor))
            .route("/api/v2/incremental/{collection}", get(exports::by_time))
            .route("/api/v2/satisfaction_ratings.json", get(ratings::ratings))
    },
    error,
    // https://developer.zendesk.com/api-reference/introduction/rate-limits/
    too_many: || {
        let message = "Number of allowed incremental export API requests per minute exceeded";
        error(StatusCode::TOO_MANY_REQUESTS, "APIRateLimitExceeded", message)
    },
    expired: |_, _| unauthorised(),
    unauthorised: |_, _, headers| {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        (given != Some(BASIC)).then(unauthorised)
    },
    limit: |_, _| {
        let told = [("x-rate-limit", "700"), ("x-rate-limit-remaining", "699"), ("ratelimit-reset", "40")];
        let usage: HeaderMap = told
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        (usage, None)
    },
    spoils: Spoils {
        records: &["tickets", "users", "organizations", "ticket_events", "satisfaction_ratings"],
        numbers: &[],
        dates: &["updated_at", "created_at"],
    },
};

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    reply::json(status, &json!({ "error": code, "description": message }))
}

fn unauthorised() -> Response {
    reply::json(StatusCode::UNAUTHORIZED, &json!({ "error": "Couldn't authenticate you" }))
}

/// <https://developer.zendesk.com/api-reference/ticketing/users/users/#show-self>
async fn me() -> Response {
    let user = json!({
        "id": 20_978, "name": "Ana Roche", "email": "ana@sandbox.example", "role": "admin", "time_zone": "Europe/Paris",
        "locale": "fr", "active": true, "verified": true,
    });
    reply::json(StatusCode::OK, &json!({ "user": user }))
}
