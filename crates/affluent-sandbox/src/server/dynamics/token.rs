//! The token endpoint of Entra ID: the client credentials flow.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::super::ask::Asked;
use super::super::{DYNAMICS_CLIENT_ID, DYNAMICS_CLIENT_SECRET, Shared, hold, reply};

pub(super) async fn token(State(shared): State<Arc<Shared>>, Form(form): Form<Asked>) -> Response {
    let refuse = |status, error: &str, description: &str| {
        reply::json(status, &json!({ "error": error, "error_description": description }))
    };
    if form.get("grant_type") != Some("client_credentials") {
        let text = "AADSTS70003: The app requested an unsupported grant type.";
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", text);
    }
    if form.get("client_id") != Some(DYNAMICS_CLIENT_ID) {
        let text = "AADSTS700016: Application was not found in the directory.";
        return refuse(StatusCode::BAD_REQUEST, "unauthorized_client", text);
    }
    if form.get("client_secret") != Some(DYNAMICS_CLIENT_SECRET) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    if !form.get("scope").is_some_and(|scope| scope.ends_with("/.default")) {
        let text = "AADSTS1002012: The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.";
        return refuse(StatusCode::BAD_REQUEST, "invalid_scope", text);
    }
    let token = hold(&shared.tokens).issue("eyJ0eXAiOiJKV1Qi.");
    reply::json(
        StatusCode::OK,
        &json!({ "token_type": "Bearer", "expires_in": 3_599, "ext_expires_in": 3_599, "access_token": token }),
    )
}
