//! The Google-Analytics-style Data API: tokens for signed assertions, and reports over sessions.
//! <https://developers.google.com/analytics/devguides/reporting/data/v1/rest/v1beta/properties/runReport>

mod report;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use super::ask::Refusal;
use super::guard;
use super::reply;
use super::vendor::{Spoils, Vendor, unlimited};
use super::{GA4_PROPERTY, Shared, hold};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/ga4",
    routes,
    error,
    too_many,
    expired,
    unauthorised,
    limit: unlimited,
    spoils: Spoils { records: &["rows"], numbers: &["metricValues"], dates: &[] },
};

fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/token", post(token::token))
        .route("/v1beta/properties/{property}", post(report::run))
        .route("/v1beta/properties/{property}/metadata", get(metadata))
}

/// <https://cloud.google.com/apis/design/errors#http_mapping>
fn failed(status: StatusCode, name: &str, message: &str) -> Response {
    reply::json(status, &json!({ "error": { "code": status.as_u16(), "message": message, "status": name } }))
}

fn error(status: StatusCode, _: &str, message: &str) -> Response {
    let name = match status {
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
        status if status.is_server_error() => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    failed(status, name, message)
}

fn invalid(message: &str) -> Refusal {
    Refusal::from(failed(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message))
}

/// <https://developers.google.com/analytics/devguides/reporting/data/v1/quotas>
fn too_many() -> Response {
    let message = "Exhausted concurrent requests quota. Please reduce the number of requests in parallel.";
    failed(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message)
}

fn no_credentials() -> Response {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
    failed(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}

fn unauthorised(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let known = uri.path().ends_with("/ga4/token")
        || guard::token(headers, "Bearer").is_some_and(|token| hold(&shared.tokens).knows(token));
    (!known).then(no_credentials)
}

fn expired(shared: &Shared, headers: &HeaderMap) -> Response {
    if let Some(token) = guard::token(headers, "Bearer") {
        hold(&shared.tokens).revoke(token);
    }
    no_credentials()
}

/// Only the sandbox's own property may be read.
fn allowed(property: &str) -> Result<(), Refusal> {
    if property == GA4_PROPERTY {
        return Ok(());
    }
    let message = "User does not have sufficient permissions for this property. To learn more about Property ID, see https://developers.google.com/analytics/devguides/reporting/data/v1/property-id.";
    Err(Refusal::from(failed(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message)))
}

/// <https://developers.google.com/analytics/devguides/reporting/data/v1/rest/v1beta/properties/getMetadata>
async fn metadata(State(_): State<Arc<Shared>>, Path(property): Path<String>) -> Result<Response, Refusal> {
    allowed(&property)?;
    let named =
        |names: &[&str]| names.iter().map(|name| json!({ "apiName": name, "uiName": name })).collect::<Vec<_>>();
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "name": format!("properties/{property}/metadata"), "dimensions": named(&report::DIMENSIONS),
            "metrics": named(&report::METRICS),
        }),
    ))
}
