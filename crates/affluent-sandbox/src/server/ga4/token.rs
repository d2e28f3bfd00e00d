//! Access tokens for service accounts: a signed assertion is exchanged for a token (RFC 7523).
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>
//!
//! The claims are checked as Google checks them; the signature is not: the key is public anyway.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{GA4_CLIENT_EMAIL, Shared, hold, reply};

#[derive(Deserialize)]
pub(super) struct Grant {
    #[serde(rename = "grant_type")]
    kind: Option<String>,
    assertion: Option<String>,
}

pub(super) async fn token(State(shared): State<Arc<Shared>>, Form(grant): Form<Grant>) -> Response {
    let refuse = |error: &str, description: &str| {
        reply::json(StatusCode::BAD_REQUEST, &json!({ "error": error, "error_description": description }))
    };
    if grant.kind.as_deref() != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return refuse("unsupported_grant_type", "Invalid grant_type");
    }
    let Some((header, claims)) = grant.assertion.as_deref().and_then(parts) else {
        return refuse("invalid_grant", "Invalid JWT: Failed to parse");
    };
    if let Err(fault) = good(&header, &claims) {
        return refuse("invalid_grant", fault);
    }
    let token = hold(&shared.tokens).issue("ya29.c.");
    reply::json(StatusCode::OK, &json!({ "access_token": token, "expires_in": 3_599, "token_type": "Bearer" }))
}

fn parts(assertion: &str) -> Option<(Value, Value)> {
    let mut parts = assertion.split('.');
    let mut json = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
    let (header, claims) = (json()?, json()?);
    let signature = parts.next().filter(|signature| signature.len() > 300)?;
    URL_SAFE_NO_PAD.decode(signature).ok()?;
    parts.next().is_none().then_some((header, claims))
}

fn good(header: &Value, claims: &Value) -> Result<(), &'static str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let at = |name: &str| claims[name].as_i64().unwrap_or(0);
    let reads = |scope: &str| scope.split(' ').any(|one| one == "https://www.googleapis.com/auth/analytics.readonly");
    if header["alg"] != "RS256" {
        Err("Invalid JWT Signature.")
    } else if claims["iss"] != GA4_CLIENT_EMAIL {
        Err("Invalid grant: account not found")
    } else if !claims["aud"].as_str().is_some_and(|audience| audience.ends_with("/token")) {
        Err("Invalid JWT: Failed audience check.")
    } else if at("exp") <= now || at("iat") > now + 60 || at("exp") - at("iat") > 3_600 {
        Err(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        )
    } else if !claims["scope"].as_str().is_some_and(reads) {
        Err("Invalid OAuth scope or ID token audience provided.")
    } else {
        Ok(())
    }
}
