//! The token endpoint, which tells most faults with status 200.
//! <https://www.zoho.com/crm/developer/docs/api/v8/refresh.html>

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::super::ask::{Asked, origin};
use super::super::{Shared, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN, hold, reply};

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Asked>,
    Form(form): Form<Asked>,
) -> Response {
    let given = query.and(form);
    let refuse = |error: &str| reply::json(StatusCode::OK, &json!({ "error": error }));
    if given.get("grant_type") != Some("refresh_token") {
        return refuse("unsupported_grant_type");
    }
    if given.get("client_id") != Some(ZOHO_CLIENT_ID) {
        return refuse("invalid_client");
    }
    if given.get("client_secret") != Some(ZOHO_CLIENT_SECRET) {
        return refuse("invalid_client_secret");
    }
    if given.get("refresh_token") != Some(ZOHO_REFRESH_TOKEN) {
        return refuse("invalid_code");
    }
    let token = hold(&shared.tokens).issue("1000.");
    reply::json(
        StatusCode::OK,
        &json!({
            "access_token": token, "scope": "ZohoCRM.modules.READ", "api_domain": format!("{}/zoho", origin(&headers)),
            "token_type": "Bearer", "expires_in": 3_600,
        }),
    )
}
