//! The Stripe-style API: lists newest first, paged by the last id, filtered by when objects were made.
//! <https://docs.stripe.com/api/pagination>, <https://docs.stripe.com/api/errors>

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::ask::{Asked, Refusal};
use super::guard::{Serve, token};
use super::limits::take;
use super::reply;
use super::vendor::{Spoils, Vendor};
use super::{STRIPE_KEY, Shared, hold};
use crate::clock::SECOND;
use crate::world::{Entry, List};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/stripe",
    routes,
    error,
    too_many,
    expired,
    unauthorised,
    limit,
    spoils: Spoils { records: &["data"], numbers: &["amount", "unit_amount"], dates: &["created"] },
};

fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/v1/balance", get(balance)).route("/v1/{list}", get(list))
}

fn failed(status: StatusCode, kind: &str, code: Option<&str>, message: &str, param: Option<&str>) -> Response {
    let mut error = json!({ "message": message, "type": kind });
    if let Some(code) = code {
        error["code"] = code.into();
        error["doc_url"] = format!("https://docs.stripe.com/error-codes#{}", code.replace('_', "-")).into();
    }
    if let Some(param) = param {
        error["param"] = param.into();
    }
    reply::json(status, &json!({ "error": error }))
}

fn error(status: StatusCode, _: &str, message: &str) -> Response {
    let kind = if status.is_server_error() { "api_error" } else { "invalid_request_error" };
    failed(status, kind, None, message, None)
}

/// <https://docs.stripe.com/rate-limits>
fn too_many() -> Response {
    let message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
    failed(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", Some("rate_limit"), message, None)
}

fn unauthorised(_: &Shared, _: &Uri, headers: &HeaderMap) -> Option<Response> {
    let message = match token(headers, "Bearer") {
        Some(STRIPE_KEY) => return None,
        Some(_) => "Invalid API Key provided: ****",
        None => "You did not provide an API key.",
    };
    Some(failed(StatusCode::UNAUTHORIZED, "invalid_request_error", None, message, None))
}

fn expired(_: &Shared, _: &HeaderMap) -> Response {
    failed(StatusCode::UNAUTHORIZED, "invalid_request_error", Some("api_key_expired"), "Expired API Key provided", None)
}

fn limit(shared: &Shared, _: &str) -> (HeaderMap, Option<Response>) {
    let second = std::time::Duration::from_secs(1);
    let left =
        take(&mut hold(&shared.windows).stripe, shared.limits.stripe_per_second, usize::MAX, second, Instant::now());
    (HeaderMap::new(), left.is_none().then(too_many))
}

fn invalid(code: &str, message: &str, param: &str) -> Refusal {
    let response = failed(StatusCode::BAD_REQUEST, "invalid_request_error", Some(code), message, Some(param));
    Refusal::from(response)
}

/// `created[gte]` and the like, and the parameter that says so.
const BOUNDS: [&str; 5] = ["created", "created[gte]", "created[gt]", "created[lte]", "created[lt]"];
const EVERY_LIST: [&str; 8] = [
    "limit",
    "starting_after",
    "ending_before",
    "created",
    "created[gte]",
    "created[gt]",
    "created[lte]",
    "created[lt]",
];

/// The further parameters of a list: <https://docs.stripe.com/api/charges/list> and its neighbours.
fn further(list: &str) -> &'static [&'static str] {
    match list {
        "customers" => &["email"],
        "charges" => &["customer", "payment_intent"],
        "refunds" => &["charge", "payment_intent"],
        "products" => &["active"],
        "prices" => &["active", "product", "type", "currency"],
        _ => &["type", "types[]"],
    }
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let Some((_, list)) = world.stripe().lists().iter().find(|(known, _)| *known == name) else {
        let message = format!("Unrecognized request URL (GET: /v1/{name}).");
        return Err(Refusal::from(error(StatusCode::NOT_FOUND, "", &message)));
    };
    if let Some(unknown) = asked.unknown(&[&EVERY_LIST[..], further(&name)].concat()) {
        return Err(invalid("parameter_unknown", &format!("Received unknown parameter: {unknown}"), unknown));
    }
    let limit = asked
        .number("limit", 10)
        .map_err(|text| invalid("parameter_invalid_integer", &format!("Invalid integer: {text}"), "limit"))?;
    if !(1..=100).contains(&limit) {
        return Err(invalid("parameter_invalid_integer", "This value must be between 1 and 100 (inclusive).", "limit"));
    }
    let bounds = bounds(&asked)?;
    let end = match asked.get("starting_after") {
        None => list.all().len(),
        Some(id) => list.position(id).ok_or_else(|| {
            invalid("resource_missing", &format!("No such {}: '{id}'", name.trim_end_matches('s')), "starting_after")
        })?,
    };
    let mut found = before(list, end).filter(|entry| bounds.hold(entry.created) && matches(&asked, entry)).peekable();
    let data: Vec<Value> = found.by_ref().take(serve.cut(limit)).map(Entry::body).collect();
    let more = found.peek().is_some();
    Ok(reply::json(
        StatusCode::OK,
        &json!({ "object": "list", "url": format!("/v1/{name}"), "has_more": more, "data": data }),
    ))
}

/// Live records before a position, the newest first.
fn before(list: &List, end: usize) -> impl Iterator<Item = &Entry> {
    list.all()[..end].iter().rev().filter(|entry| entry.deleted.is_none())
}

/// Seconds since 1970 that objects were made in, both ends included.
struct Bounds(i64, i64);

impl Bounds {
    fn hold(&self, created: i64) -> bool {
        (self.0..=self.1).contains(&created.div_euclid(SECOND))
    }
}

fn bounds(asked: &Asked) -> Result<Bounds, Refusal> {
    let mut bounds = Bounds(i64::MIN, i64::MAX);
    for name in BOUNDS {
        let Some(text) = asked.get(name) else { continue };
        let at: i64 = text
            .parse()
            .map_err(|_| invalid("parameter_invalid_integer", &format!("Invalid integer: {text}"), name))?;
        match name {
            "created" => bounds = Bounds(at, at),
            "created[gte]" => bounds.0 = at,
            "created[gt]" => bounds.0 = at + 1,
            "created[lte]" => bounds.1 = at,
            _ => bounds.1 = at - 1,
        }
    }
    Ok(bounds)
}

/// The further parameters that name a member of the object.
fn matches(asked: &Asked, entry: &Entry) -> bool {
    const MEMBERS: [&str; 8] =
        ["email", "customer", "payment_intent", "charge", "active", "product", "currency", "type"];
    let types: Vec<&str> = asked.all("types[]").collect();
    if types.is_empty() && MEMBERS.iter().all(|name| asked.get(name).is_none()) {
        return true;
    }
    let body = entry.body();
    let is = |name: &str, wanted: &str| match &body[name] {
        Value::String(text) => text == wanted,
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        other => wanted.parse::<Value>().is_ok_and(|wanted| wanted == *other),
    };
    MEMBERS.iter().all(|name| asked.get(name).is_none_or(|wanted| is(name, wanted)))
        && (types.is_empty() || types.iter().any(|kind| is("type", kind)))
}

/// <https://docs.stripe.com/api/balance/balance_retrieve>
async fn balance() -> Response {
    reply::json(
        StatusCode::OK,
        &json!({
            "object": "balance", "available": [{ "amount": 0, "currency": "eur", "source_types": { "card": 0 } }],
            "livemode": false, "pending": [{ "amount": 0, "currency": "eur", "source_types": { "card": 0 } }],
        }),
    )
}
