//! What happens around every request: counting, faults, limits, credentials, answers kept in memory, limit headers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::Value;

use super::faults::{Fault, FaultKind, due};
use super::vendor::{self, Spoils, Vendor};
use super::{Shared, hold, reply, salesforce};
use crate::clock;

/// The largest request body read.
pub(crate) const MAX_BODY: usize = 4 << 20;

/// Tells the handler to serve less than it could.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Serve {
    #[default]
    Full,
    Short,
    Empty,
    /// What the server works on by itself ends badly.
    Failed,
}

impl Serve {
    /// How many of `limit` records to put on the page.
    pub(crate) fn cut(self, limit: usize) -> usize {
        match self {
            Self::Full | Self::Failed => limit,
            Self::Short => (limit / 3).max(1),
            Self::Empty => 0,
        }
    }
}

pub(crate) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/_") {
        return next.run(request).await;
    }
    let path = if path.starts_with("/services") { format!("/salesforce{path}") } else { path.to_owned() };
    let vendor = vendor::of(&path);
    *hold(&shared.stats).requests.entry(counted(&path)).or_default() += 1;
    let fault = due(&mut hold(&shared.faults), &path);
    if let Some(fault) = &fault {
        *hold(&shared.stats).faults.entry(fault.kind.name()).or_default() += 1;
        if let Some(answer) = refuse(&shared, vendor, request.headers(), fault) {
            return answer;
        }
        if fault.kind == FaultKind::Slow {
            tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
        }
    }
    let (usage, refused) = (vendor.limit)(&shared, &path);
    hold(&shared.stats).limited += u64::from(refused.is_some());
    let refused = refused.or_else(|| (vendor.unauthorised)(&shared, request.uri(), request.headers()));
    let response = match refused {
        Some(refusal) => refusal,
        None => answer(&shared, vendor, fault.as_ref(), request, next).await,
    };
    let mut response = match fault.map(|f| f.kind) {
        Some(FaultKind::Cut) => cut(response).await,
        Some(FaultKind::BadType) => spoil(response, &vendor.spoils).await,
        _ => response,
    };
    response.headers_mut().extend(usage);
    // The server's clock is that of its world: clients take from it up to when they have read.
    let now = clock::utc(shared.world().now()).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(now) = HeaderValue::from_str(&now) {
        response.headers_mut().insert(header::DATE, now);
    }
    response
}

/// Paths with a cursor or a job in them count as one.
fn counted(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((start, last)) if last.starts_with("01g") => format!("{start}/{{locator}}"),
        _ => match path.split_once("/jobs/query/") {
            Some((start, job)) if job.ends_with("/results") => format!("{start}/jobs/query/{{job}}/results"),
            Some((start, _)) => format!("{start}/jobs/query/{{job}}"),
            None => path.to_owned(),
        },
    }
}

fn refuse(shared: &Shared, vendor: &Vendor, headers: &HeaderMap, fault: &Fault) -> Option<Response> {
    let wait = |mut response: Response| {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(fault.retry_after));
        response
    };
    Some(match fault.kind {
        FaultKind::TooMany => wait((vendor.too_many)()),
        FaultKind::TooManySilent => (vendor.too_many)(),
        FaultKind::RequestLimit => salesforce::request_limit(),
        FaultKind::Internal => (vendor.error)(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN_EXCEPTION", "internal error"),
        FaultKind::Unavailable => {
            wait((vendor.error)(StatusCode::SERVICE_UNAVAILABLE, "SERVER_UNAVAILABLE", "the service is unavailable"))
        }
        FaultKind::ExpiredToken => (vendor.expired)(shared, headers),
        FaultKind::Gone => (vendor.error)(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist"),
        FaultKind::NoBulk => {
            let what = "Entity is not supported by the Bulk API.";
            (vendor.error)(StatusCode::BAD_REQUEST, "INVALIDENTITY", what)
        }
        FaultKind::Cut
        | FaultKind::Slow
        | FaultKind::BadType
        | FaultKind::EmptyPage
        | FaultKind::ShortPage
        | FaultKind::FailedJob => return None,
    })
}

/// The token after that word in the `Authorization` header.
pub(crate) fn token<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix(scheme)?.strip_prefix(' ')
}

/// The handler's answer, or the one kept from an equal request.
async fn answer(shared: &Shared, vendor: &Vendor, fault: Option<&Fault>, request: Request, next: Next) -> Response {
    let serve = match fault.map(|f| f.kind) {
        Some(FaultKind::EmptyPage) => Serve::Empty,
        Some(FaultKind::ShortPage) => Serve::Short,
        Some(FaultKind::FailedJob) => Serve::Failed,
        _ => Serve::Full,
    };
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(serve);
    // What a job answers changes by itself.
    let changing = parts.uri.path().ends_with("/token") || parts.uri.path().contains("/jobs/");
    if !shared.prerender || serve != Serve::Full || changing {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return (vendor.error)(StatusCode::BAD_REQUEST, "BAD_REQUEST", "the body is too large");
    };
    let options = parts.headers.get("sforce-query-options").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let key = format!("{} {} {options}\n{}", parts.method, parts.uri, String::from_utf8_lossy(&body));
    let kept = hold(&shared.pages).get(&key).cloned();
    if let Some((status, page)) = kept {
        return reply::bytes(status, page);
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let status = response.status();
    let page = read(response).await;
    if status == StatusCode::OK {
        hold(&shared.pages).insert(key, (status, page.clone()));
    }
    reply::bytes(status, page)
}

async fn read(response: Response) -> Bytes {
    to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default()
}

/// Half of the body, then the connection's end.
async fn cut(response: Response) -> Response {
    let status = response.status();
    let body = read(response).await;
    let half = body.slice(..body.len() / 2);
    let broken = stream::once(async {
        // The first half must be on its way before the connection ends, or the client would see no answer at all.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "cut on request"))
    });
    reply::bytes(status, Body::from_stream(stream::once(async { Ok(half) }).chain(broken)))
}

/// Puts a value of the wrong type into the first record.
async fn spoil(response: Response, spoils: &Spoils) -> Response {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let table = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv"));
    let spoilt = if table { spoilt_table(&body, spoils) } else { spoilt_json(&body, spoils) };
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(spoilt.map_or(body, Bytes::from)))
}

/// The same in a table all of whose cells are quoted.
fn spoilt_table(body: &[u8], spoils: &Spoils) -> Option<String> {
    let (header, rows) = std::str::from_utf8(body).ok()?.split_once('\n')?;
    let names: Vec<&str> = header.trim_matches('"').split("\",\"").collect();
    let named = |wanted: &[&str]| names.iter().position(|name| wanted.contains(name));
    let number = named(spoils.numbers).map(|column| (column, "134;137"));
    let (column, value) = number.or_else(|| Some((named(spoils.dates)?, "31/02/2024")))?;
    let mut cells: Vec<&str> = rows.splitn(column + 2, "\",\"").collect();
    *cells.get_mut(column)? = value;
    Some(format!("{header}\n{}", cells.join("\",\"")))
}

fn spoilt_json(body: &[u8], spoils: &Spoils) -> Option<String> {
    let mut page: Value = serde_json::from_slice(body).ok()?;
    let records = spoils.records.iter().find(|key| page.get(key).is_some());
    if let Some(record) = records.and_then(|key| page.get_mut(key)?.get_mut(0)) {
        let fields = if record.get("properties").is_some() { &mut record["properties"] } else { record };
        let named = |names: &[&'static str]| names.iter().copied().find(|name| fields.get(name).is_some());
        if let Some(name) = named(spoils.numbers) {
            // A report's numbers are lists of values.
            let number = if fields[name].is_array() { &mut fields[name][0]["value"] } else { &mut fields[name] };
            *number = "134;137".into();
        } else if let Some(name) = named(spoils.dates) {
            fields[name] = "31/02/2024".into();
        }
    }
    Some(page.to_string())
}
