//! One plain request, to see what an API answers before there is a manifest.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};

use super::client::cause;
use crate::SourceError;

/// More than this is no first page.
const LARGEST: usize = 32 << 20;

/// The answer to a GET, with a bearer token where one is given. No redirect is followed: the token goes nowhere else.
pub async fn probe(url: &str, token: Option<SecretString>) -> Result<Bytes, SourceError> {
    let failed = |error: &reqwest::Error| SourceError::failed(url, format!("no answer: {}", cause(error)));
    let client = reqwest::Client::builder()
        .user_agent(concat!("affluent/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(Duration::from_mins(1))
        .build()
        .map_err(|error| failed(&error))?;
    let mut request = client.get(url).header("accept", "application/json");
    if let Some(token) = &token {
        request = request.bearer_auth(token.expose_secret());
    }
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status();
    if !status.is_success() {
        let what = format!("the answer is {status}");
        return Err(match status.as_u16() {
            401 | 403 => SourceError::credentials(url, what).with_hint("give a token by --token env:NAME"),
            _ => SourceError::failed(url, what),
        });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(SourceError::failed(url, "the answer is larger than 32 MiB").with_hint("ask for fewer records"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
