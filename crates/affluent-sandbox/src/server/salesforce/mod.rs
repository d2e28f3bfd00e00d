//! The Salesforce-style APIs: token, query and queryAll, describe, limits, query jobs.

mod describe;
mod jobs;
mod query;
mod soql;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::vendor::{Spoils, Vendor};
use super::{SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, Shared, guard, hold, reply};
pub(crate) use jobs::Jobs;
use query::Locator;

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/salesforce",
    routes: || Router::new().nest("/services", routes()),
    error: reply::salesforce_error,
    too_many: || reply::salesforce_error(StatusCode::TOO_MANY_REQUESTS, "REQUEST_LIMIT_EXCEEDED", "too many requests"),
    expired: |shared, headers| {
        if let Some(token) = guard::token(headers, "Bearer") {
            hold(&shared.tokens).revoke(token);
        }
        no_session()
    },
    unauthorised,
    limit,
    spoils: Spoils {
        records: &["records"],
        numbers: &["Amount", "NumberOfEmployees", "ActualCost"],
        dates: &["Birthdate", "CloseDate", "StartDate", "CreatedDate"],
    },
};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/oauth2/token", post(token))
        .route("/data", get(describe::versions))
        .route("/data/", get(describe::versions))
        .route("/data/{version}/limits", get(describe::limits))
        .route("/data/{version}/sobjects", get(describe::objects))
        .route("/data/{version}/sobjects/{object}/describe", get(describe::object))
        .route("/data/{version}/query", get(query::query))
        .route("/data/{version}/queryAll", get(query::query_all))
        // Salesforce's own examples write a slash before the question mark.
        .route("/data/{version}/query/", get(query::query))
        .route("/data/{version}/queryAll/", get(query::query_all))
        .route("/data/{version}/jobs/query", post(jobs::make))
        .route("/data/{version}/jobs/query/{job}", get(jobs::look).patch(jobs::abort).delete(jobs::delete))
        .route("/data/{version}/jobs/query/{job}/results", get(jobs::results))
        .route("/data/{version}/query/{locator}", get(query::more))
        .route("/data/{version}/queryAll/{locator}", get(query::more))
}

/// Query cursors given out.
#[derive(Default)]
pub(crate) struct Locators {
    issued: u64,
    kept: VecDeque<(String, Arc<Locator>)>,
}

/// Cursors kept; the oldest go first.
const MAX_LOCATORS: usize = 10_000;

impl Locators {
    fn keep(&mut self, locator: Arc<Locator>) -> String {
        self.issued += 1;
        let id = format!("01g5e{:013}", self.issued);
        self.kept.push_back((id.clone(), locator));
        if self.kept.len() > MAX_LOCATORS {
            self.kept.pop_front();
        }
        id
    }

    fn locator(&self, id: &str) -> Option<Arc<Locator>> {
        self.kept.iter().rev().find(|(known, _)| known == id).map(|(_, locator)| locator.clone())
    }
}

pub(crate) fn request_limit() -> Response {
    reply::salesforce_error(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
}

fn no_session() -> Response {
    reply::salesforce_error(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
}

fn unauthorised(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let path = uri.path();
    let open = path.ends_with("/oauth2/token") || path.trim_end_matches('/').ends_with("/services/data");
    let known = || guard::token(headers, "Bearer").is_some_and(|token| hold(&shared.tokens).knows(token));
    (!open && !known()).then(no_session)
}

fn limit(shared: &Shared, path: &str) -> (HeaderMap, Option<Response>) {
    let mut usage = HeaderMap::new();
    if path.ends_with("/oauth2/token") {
        return (usage, None);
    }
    let mut windows = hold(&shared.windows);
    let day = shared.limits.salesforce_per_day.unwrap_or(15_000);
    windows.salesforce += 1;
    let over = shared.limits.salesforce_per_day.is_some_and(|limit| windows.salesforce > limit);
    if let Ok(value) = HeaderValue::from_str(&format!("api-usage={}/{day}", windows.salesforce)) {
        usage.insert("sforce-limit-info", value);
    }
    (usage, over.then(request_limit))
}

#[derive(Deserialize)]
struct Grant {
    #[serde(rename = "grant_type")]
    kind: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// OAuth 2.0 client credentials flow.
/// <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm>
async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, Form(grant): Form<Grant>) -> Response {
    let refuse = |error: &str, description: &str| {
        reply::json(StatusCode::BAD_REQUEST, &json!({ "error": error, "error_description": description }))
    };
    if grant.kind.as_deref() != Some("client_credentials") {
        return refuse("unsupported_grant_type", "grant type not supported");
    }
    if grant.client_id.as_deref() != Some(SALESFORCE_CLIENT_ID) {
        return refuse("invalid_client_id", "client identifier invalid");
    }
    if grant.client_secret.as_deref() != Some(SALESFORCE_CLIENT_SECRET) {
        return refuse("invalid_client", "invalid client credentials");
    }
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("127.0.0.1");
    let token = hold(&shared.tokens).issue("00D5e0000000001!AQEAQ");
    reply::json(
        StatusCode::OK,
        &json!({
            "access_token": token,
            "scope": "api",
            "instance_url": format!("http://{host}/salesforce"),
            "id": format!("http://{host}/salesforce/id/00D5e0000000001EAA/0055e000000001AAAQ"),
            "token_type": "Bearer",
            "issued_at": shared.world().now().to_string(),
        }),
    )
}
