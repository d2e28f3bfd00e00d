//! The Shopify-style REST Admin API: pages by the `Link` header, changes by `updated_at_min`, a leaky bucket of calls.
//! <https://shopify.dev/docs/api/admin-rest>, <https://shopify.dev/docs/api/admin-rest/usage/pagination>

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::ask::{Asked, Refusal, origin};
use super::guard::Serve;
use super::limits::Bucket;
use super::reply;
use super::vendor::{Spoils, Vendor};
use super::{SHOPIFY_TOKEN, Shared, hold};
use crate::clock;
use crate::world::Entry;

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/shopify",
    routes,
    error,
    too_many,
    expired,
    unauthorised,
    limit,
    spoils: Spoils { records: &["customers", "orders", "products", "events"], numbers: &[], dates: &["created_at"] },
};

fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/admin/api/{version}/shop.json", get(shop)).route("/admin/api/{version}/{list}", get(list))
}

/// <https://shopify.dev/docs/api/usage/response-codes>
fn error(status: StatusCode, _: &str, message: &str) -> Response {
    reply::json(status, &json!({ "errors": message }))
}

/// <https://shopify.dev/docs/api/admin-rest/usage/rate-limits>
fn too_many() -> Response {
    let message = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.";
    error(StatusCode::TOO_MANY_REQUESTS, "", message)
}

fn refused() -> Response {
    error(StatusCode::UNAUTHORIZED, "", "[API] Invalid API key or access token (unrecognized login or wrong password)")
}

fn unauthorised(_: &Shared, _: &Uri, headers: &HeaderMap) -> Option<Response> {
    let token = headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok());
    (token != Some(SHOPIFY_TOKEN)).then(refused)
}

fn expired(_: &Shared, _: &HeaderMap) -> Response {
    refused()
}

/// `X-Shopify-Shop-Api-Call-Limit: used/size`; a request past the size is refused.
fn limit(shared: &Shared, _: &str) -> (HeaderMap, Option<Response>) {
    let size = shared.limits.shopify_bucket;
    let used = match size {
        Some(size) => hold(&shared.windows).shopify.drop_in(size, Instant::now()),
        // Where no limit is enforced, none is told to be near: clients that heed the header would wait for nothing.
        None => Some(1),
    };
    let size = size.unwrap_or(Bucket::SIZE);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&format!("{}/{size}", used.unwrap_or(size))) {
        headers.insert("x-shopify-shop-api-call-limit", value);
    }
    if used.is_none() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2.0"));
    }
    (headers, used.is_none().then(too_many))
}

fn bad(field: &str, message: &str) -> Refusal {
    Refusal::from(reply::json(StatusCode::BAD_REQUEST, &json!({ "errors": { field: message } })))
}

const EVERY_LIST: [&str; 8] = [
    "limit",
    "since_id",
    "fields",
    "created_at_min",
    "created_at_max",
    "updated_at_min",
    "updated_at_max",
    "page_info",
];

/// The further parameters of a list.
fn further(list: &str) -> &'static [&'static str] {
    match list {
        "orders" => &["status", "financial_status", "processed_at_min", "processed_at_max", "ids", "order"],
        "customers" => &["ids"],
        "products" => &["status", "vendor", "title", "ids", "product_type"],
        _ => &["filter", "verb"],
    }
}

/// What a page goes on with: the query of the first page, and the last id given.
struct Place {
    asked: Asked,
    after: u64,
}

/// Tokens are opaque; these hold the first page's parameters.
fn place(asked: Asked) -> Result<Place, Refusal> {
    let Some(token) = asked.get("page_info") else {
        let after = asked.number("since_id", 0).map_err(|_| bad("since_id", "since_id must be a number"))? as u64;
        return Ok(Place { asked, after });
    };
    if let Some(other) = asked.unknown(&["limit", "page_info", "fields"]) {
        let message = format!("{other} cannot be passed when page_info is present");
        return Err(bad(other, &message));
    }
    let invalid = || bad("page_info", "Invalid value.");
    let kept: Value = hex(token).and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(invalid)?;
    let after = kept["last_id"].as_u64().ok_or_else(invalid)?;
    let first = kept["asked"].as_object().ok_or_else(invalid)?;
    let mut pairs: Vec<_> =
        first.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    if let Some(limit) = asked.get("limit") {
        pairs.retain(|(name, _)| name != "limit");
        pairs.push(("limit".to_owned(), limit.to_owned()));
    }
    Ok(Place { asked: Asked::new(pairs), after })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

fn token(asked: &Map<String, Value>, last: &str) -> String {
    let kept = json!({ "asked": asked, "last_id": last.parse::<u64>().unwrap_or(0) });
    kept.to_string().bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path((version, file)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let name = file.strip_suffix(".json").unwrap_or(&file);
    let Some((_, list)) = world.shopify().lists().iter().find(|(known, _)| *known == name) else {
        return Err(Refusal::from(error(StatusCode::NOT_FOUND, "", "Not Found")));
    };
    let Place { asked, after } = place(asked)?;
    let limit = asked.number("limit", 50).ok().filter(|limit| (1..=250).contains(limit));
    let limit = limit.ok_or_else(|| bad("limit", "limit must be between 1 and 250"))?;
    let known = [&EVERY_LIST[..], further(name)].concat();
    let mut kept: Vec<&Entry> = Vec::new();
    for entry in list.live() {
        if after < entry.id.parse().unwrap_or(0) && shown(name, &asked, entry)? {
            kept.push(entry);
        }
    }
    kept.sort_by_key(|entry| entry.id.parse::<u64>().unwrap_or(0));
    let page = &kept[..serve.cut(limit).min(kept.len())];
    let records: Vec<Value> = page.iter().map(|entry| cut(entry.body(), asked.get("fields"))).collect();
    let mut response = reply::json(StatusCode::OK, &json!({ name: records }));
    if page.len() < kept.len() {
        // Parameters that the list does not know are passed over, as Shopify does.
        let first: Map<String, Value> =
            known.iter().filter_map(|name| Some(((*name).to_owned(), asked.get(name)?.into()))).collect();
        let last = page.last().map_or_else(|| after.to_string(), |entry| entry.id.clone());
        let page_info = token(&first, &last);
        let link = format!(
            "<{}/shopify/admin/api/{version}/{name}.json?limit={limit}&page_info={page_info}>; rel=\"next\"",
            origin(&headers)
        );
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

fn shown(list: &str, asked: &Asked, entry: &Entry) -> Result<bool, Refusal> {
    let bound = |name: &str| -> Result<Option<i64>, Refusal> {
        let Some(text) = asked.get(name) else { return Ok(None) };
        clock::parse(text).map(Some).ok_or_else(|| bad(name, "is not a date"))
    };
    let updated = if list == "events" { entry.created } else { entry.updated };
    let inside = |at: i64, low: Option<i64>, high: Option<i64>| {
        // Whole seconds, as the records show them.
        let at = at.div_euclid(clock::SECOND);
        low.is_none_or(|low| at >= low.div_euclid(clock::SECOND)) && high.is_none_or(|high| at <= high / clock::SECOND)
    };
    if !inside(entry.created, bound("created_at_min")?, bound("created_at_max")?)
        || !inside(updated, bound("updated_at_min")?, bound("updated_at_max")?)
    {
        return Ok(false);
    }
    Ok(match list {
        // Without `status`, only orders that are still open.
        "orders" => match asked.get("status").unwrap_or("open") {
            "any" => true,
            "closed" => !entry.body()["closed_at"].is_null(),
            "cancelled" => !entry.body()["cancelled_at"].is_null(),
            _ => entry.body()["closed_at"].is_null(),
        },
        "events" => {
            let body = entry.body();
            let wanted =
                asked.get("filter").is_none_or(|filter| filter.split(',').any(|one| body["subject_type"] == one));
            wanted && asked.get("verb").is_none_or(|verb| body["verb"] == verb)
        }
        _ => true,
    })
}

/// Only the members asked for.
fn cut(record: Value, fields: Option<&str>) -> Value {
    let (Some(fields), Value::Object(mut members)) = (fields, record.clone()) else { return record };
    members.retain(|name, _| fields.split(',').any(|field| field.trim() == name));
    Value::Object(members)
}

/// <https://shopify.dev/docs/api/admin-rest/latest/resources/shop>
async fn shop() -> Response {
    reply::json(
        StatusCode::OK,
        &json!({ "shop": {
            "id": 548_380_009, "name": "Sandbox", "email": "shop@sandbox.example", "domain": "sandbox.example",
            "myshopify_domain": "sandbox.myshopify.com", "currency": "EUR", "iana_timezone": "Europe/Paris", "country_code": "FR",
        } }),
    )
}
