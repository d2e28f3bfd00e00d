//! The journal: every request to a vendor's API with the status it was answered with, for those who judge requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::guard::MAX_BODY;
use super::{Shared, hold};

/// A request as it came, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// From the vendor's prefix on: `/hubspot/crm/v3/objects/contacts`.
    pub path: String,
    /// As it was encoded, without `?`.
    pub query: String,
    /// By their names in small letters; log-in included, which opens nothing but the sandbox.
    pub headers: BTreeMap<String, String>,
    /// As text.
    pub body: String,
    /// Of the answer.
    pub status: u16,
}

/// Outermost, so that it sees refusals too. The sandbox's own paths are no vendor's.
pub(crate) async fn journal(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if !shared.journal || request.uri().path().starts_with("/_") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let mut asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: text(&body),
        status: 0,
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    asked.status = response.status().as_u16();
    hold(&shared.asked).push(asked);
    response
}
