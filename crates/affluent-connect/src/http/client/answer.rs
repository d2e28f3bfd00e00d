//! An answer: read whole within its bounds, and what it says in words.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Response, StatusCode};
use url::Url;

use crate::http::budget::Permit;

/// Room made for a body before any of it has come, however much is announced.
const FIRST_ROOM: usize = 8 << 20;
/// What is read of an answer that is an error.
const LARGEST_ERROR: usize = 1 << 20;

/// An answer of the server.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// When it was asked for.
    pub(super) began: Instant,
    /// Held until it is judged: a refusal holds others back before one of them takes the place.
    _permit: Permit,
}

/// Why an answer was not read to its end.
pub(super) enum Unfinished {
    /// It broke off.
    Broken(reqwest::Error),
    /// It is larger than what is taken.
    TooLarge,
}

/// Reads an answer whose body, unpacked, has `largest` bytes at most. What an error says is cut off where it is too long.
pub(super) async fn read(
    mut response: Response,
    began: Instant,
    permit: Permit,
    largest: usize,
) -> Result<Answer, Unfinished> {
    let (status, headers) = (response.status(), response.headers().clone());
    let good = status.is_success();
    let largest = if good { largest } else { largest.min(LARGEST_ERROR) };
    let announced = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if good && announced > largest {
        return Err(Unfinished::TooLarge);
    }
    let mut body = BytesMut::with_capacity(announced.min(largest).min(FIRST_ROOM));
    while let Some(chunk) = response.chunk().await.map_err(Unfinished::Broken)? {
        let room = largest - body.len();
        if chunk.len() > room {
            if good {
                return Err(Unfinished::TooLarge);
            }
            body.extend_from_slice(&chunk[..room]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.freeze(), began, _permit: permit })
}

impl Answer {
    /// Whether its status says that there is no body.
    pub(super) fn has_nothing(&self) -> bool {
        matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }

    /// What it says went wrong, in one short line.
    pub(super) fn told(&self, conceal: impl Fn(&str) -> String) -> String {
        let status = self.status;
        if status.is_redirection()
            && let Some(to) = self.headers.get(LOCATION).and_then(|to| to.to_str().ok())
        {
            let host = Url::parse(to).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
            return format!(
                "HTTP {status}: a redirect to another host `{host}` is not followed, since it would get the token"
            );
        }
        let text = said(&self.body).unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        let line: String = conceal(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(300).collect();
        if short.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {short}") }
    }
}

/// The words for people in the JSON body of an error, where APIs put them.
fn said(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let places = ["/message", "/0/message", "/error/message", "/error_description", "/errors/0/message", "/error"];
    places.iter().find_map(|place| json.pointer(place)?.as_str()).map(str::to_owned)
}

/// What to do about a status where a manifest has no better advice.
pub(super) fn advice(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        429 => Some(
            "the API's limit is shared by all that use it: run again later, or lower the limit in the source's settings",
        ),
        500..=599 => Some("the fault is the server's: run again later, what was committed stays"),
        _ => None,
    }
}

/// The innermost reason of an error, without the URL, whose query may hold what nobody should see.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { String::new() };
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}
