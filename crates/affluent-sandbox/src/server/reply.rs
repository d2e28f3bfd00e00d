//! Answers as the vendors shape them: JSON bodies, and each one's form of an error.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::vendor;
use crate::draw::Draw;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    bytes(status, body.to_string().into_bytes())
}

/// A JSON answer of rendered bytes.
pub(crate) fn bytes(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    response
}

/// HubSpot's error body. <https://developers.hubspot.com/docs/api/usage-details>
pub(crate) fn hubspot_error(status: StatusCode, category: &str, message: &str) -> Response {
    let mut draw = Draw::of(u64::from(status.as_u16()), message, &[]);
    let correlation =
        format!("{:08x}-{:04x}-4000-8000-{:012x}", draw.bits() >> 32, draw.bits() >> 48, draw.bits() >> 16);
    json(status, &json!({ "status": "error", "message": message, "correlationId": correlation, "category": category }))
}

/// Salesforce's error body: a list of one.
/// <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm>
pub(crate) fn salesforce_error(status: StatusCode, code: &str, message: &str) -> Response {
    json(status, &json!([{ "message": message, "errorCode": code }]))
}

pub(crate) async fn no_route(uri: Uri) -> Response {
    let path = uri.path();
    let message = format!("no such path: {path}");
    (vendor::of(path).error)(StatusCode::NOT_FOUND, "NOT_FOUND", &message)
}
