//! The HubSpot-style API: objects by list, search and batch, properties, owners, account, marketing e-mail events.

mod events;
mod lists;
mod search;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::ask::{Asked, Refusal, window};
use super::limits::{HUBSPOT_BURST, TEN_SECONDS};
use super::vendor::{Spoils, Vendor};
use super::{HUBSPOT_TOKEN, Shared, guard, hold, reply};
use crate::clock;
use crate::world::{Drawn, Kind, Row, Table, World};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/hubspot",
    routes,
    error: reply::hubspot_error,
    too_many: || too_many("TEN_SECONDLY_ROLLING"),
    expired: |_, _| {
        reply::hubspot_error(StatusCode::UNAUTHORIZED, "EXPIRED_AUTHENTICATION", "the access token has expired")
    },
    unauthorised: |_, _, headers| {
        (guard::token(headers, "Bearer") != Some(HUBSPOT_TOKEN)).then(|| {
            let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication.";
            reply::hubspot_error(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
        })
    },
    limit,
    spoils: Spoils {
        records: &["results", "events"],
        numbers: &["numberofemployees", "amount", "hs_value"],
        dates: &["date_of_birth", "createdate", "closedate", "created"],
    },
};

/// <https://developers.hubspot.com/docs/api/usage-details>
fn too_many(policy: &str) -> Response {
    let message = format!("You have reached your {} limit.", policy.to_lowercase());
    reply::json(
        StatusCode::TOO_MANY_REQUESTS,
        &json!({
            "status": "error", "message": message, "errorType": "RATE_LIMIT",
            "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24", "policyName": policy,
            "requestId": "3d3e35b7-0dae-4b9f-a6e3-9c230cbcf8dd",
        }),
    )
}

fn limit(shared: &Shared, path: &str) -> (HeaderMap, Option<Response>) {
    let mut usage = HeaderMap::new();
    let mut windows = hold(&shared.windows);
    let search = path.ends_with("/search");
    let left = windows.hubspot(&shared.limits, search, Instant::now());
    // Answers to searches carry no limit headers.
    if !search {
        let max = shared.limits.hubspot_per_10s.unwrap_or(HUBSPOT_BURST);
        for (name, value) in [
            ("x-hubspot-ratelimit-max", max as u64),
            ("x-hubspot-ratelimit-remaining", left.unwrap_or(0) as u64),
            ("x-hubspot-ratelimit-interval-milliseconds", TEN_SECONDS.as_millis() as u64),
            ("x-hubspot-ratelimit-daily", 650_000),
            ("x-hubspot-ratelimit-daily-remaining", 650_000_u64.saturating_sub(windows.hubspot)),
        ] {
            usage.insert(name, HeaderValue::from(value));
        }
    }
    (usage, left.err().map(too_many))
}

fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/crm/v3/objects/{object}", get(lists::list))
        .route("/crm/v3/objects/{object}/search", post(search::search))
        .route("/crm/v3/objects/{object}/batch/read", post(lists::batch_read))
        .route("/crm/v3/properties/{object}", get(properties))
        .route("/crm/v3/owners", get(owners))
        .route("/crm/v3/owners/", get(owners))
        .route("/account-info/v3/details", get(account))
        .route("/email/public/v1/events", get(events::events))
}

fn invalid(message: &str) -> Refusal {
    reply::hubspot_error(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message).into()
}

fn table<'a>(world: &'a World, object: &str) -> Result<&'a Table, Refusal> {
    world.hubspot(object).ok_or_else(|| invalid(&format!("Unable to infer object type from: {object}")))
}

/// The positions of the properties to return, by name: those asked for, always with id and stamps; unknown ones are
/// passed over, as HubSpot does.
fn chosen(table: &Table, asked: &[impl AsRef<str>]) -> Vec<usize> {
    let stamps = || (0..table.object.fields.len()).filter(|i| table.object.fields[*i].kind != Kind::Text).take(3);
    let mut chosen: Vec<usize> = if asked.is_empty() {
        table.object.default.iter().filter_map(|name| table.field(name)).collect()
    } else {
        asked.iter().filter_map(|name| table.field(name.as_ref())).chain(stamps()).collect()
    };
    chosen.sort_by_key(|i| table.object.fields[*i].name);
    chosen.dedup();
    chosen
}

/// A record as HubSpot writes it: every property is text or null.
fn record(table: &Table, row: &Row, properties: &[usize], associations: Option<&str>) -> Value {
    let values: Map<String, Value> = properties
        .iter()
        .map(|i| (table.object.fields[*i].name.to_owned(), table.value(row, *i).map_or(Value::Null, Value::from)))
        .collect();
    let mut record = json!({
        "id": row.id,
        "properties": values,
        "createdAt": clock::iso(row.created),
        "updatedAt": clock::iso(row.updated),
        "archived": row.deleted.is_some(),
    });
    if let Some(at) = row.deleted {
        record["archivedAt"] = clock::iso(at).into();
    }
    if let (Some(to), Some(parent)) = (associations, &row.parent)
        && to == parents(table.object.name)
    {
        let kind = format!("{}_to_{}", singular(table.object.name), singular(to));
        record["associations"] = json!({ to: { "results": [{ "id": parent, "type": kind }] } });
    }
    record
}

/// The object that records of `object` belong to; other associations than these are not simulated.
fn parents(object: &str) -> &'static str {
    match object {
        "contacts" => "companies",
        "line_items" => "deals",
        _ => "contacts",
    }
}

fn singular(object: &str) -> String {
    match object.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => object.trim_end_matches('s').to_owned(),
    }
}

/// <https://developers.hubspot.com/docs/api-reference/legacy/crm/properties/guide>
async fn properties(State(shared): State<Arc<Shared>>, Path(object): Path<String>) -> Result<Response, Refusal> {
    let world = shared.world();
    let fields = table(&world, &object)?.object.fields.iter().map(|field| {
        let (kind, widget) = match field.kind {
            Kind::Number | Kind::Drawn(Drawn::Count) => ("number", "number"),
            Kind::Created | Kind::Updated | Kind::Instant | Kind::Drawn(Drawn::Instant) => ("datetime", "date"),
            Kind::Date => ("date", "date"),
            _ => ("string", "text"),
        };
        json!({ "name": field.name, "label": field.name, "type": kind, "fieldType": widget, "archived": false })
    });
    Ok(reply::json(StatusCode::OK, &json!({ "results": fields.collect::<Vec<_>>() })))
}

/// <https://developers.hubspot.com/docs/api-reference/crm-crm-owners-v3/guide>
async fn owners(Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let owner = |(i, (first, last)): (usize, &(&str, &str))| {
        json!({
            "id": (41_629_779 + i).to_string(), "email": format!("{}@sandbox.example", first.to_lowercase()), "type": "PERSON",
            "firstName": first, "lastName": last, "userId": 9_586_504 + i, "createdAt": "2022-01-03T09:00:00.000Z",
            "updatedAt": "2025-06-02T08:30:00.000Z", "archived": false,
        })
    };
    let people = [("Ana", "Roche"), ("Bruno", "Keller"), ("Clara", "Ndiaye"), ("David", "Petit"), ("Eva", "Colin")];
    let limit = asked.number("limit", 100).ok().filter(|limit| (1..=500).contains(limit));
    let limit = limit.ok_or_else(|| invalid("limit must be between 1 and 500"))?;
    let after = asked.number("after", 0).map_err(|_| invalid("Invalid after"))?;
    let all: Vec<_> =
        if asked.get("archived") == Some("true") { Vec::new() } else { people.iter().enumerate().map(owner).collect() };
    let shown = window(&all, after, limit);
    let mut page = json!({ "results": shown });
    if after + shown.len() < all.len() {
        page["paging"] = json!({ "next": { "after": (after + shown.len()).to_string() } });
    }
    Ok(reply::json(StatusCode::OK, &page))
}

/// <https://developers.hubspot.com/docs/api-reference/account-account-info-v3/details/get-account-info-v3-details>
async fn account() -> Response {
    reply::json(
        StatusCode::OK,
        &json!({
            "portalId": events::PORTAL, "accountType": "SANDBOX", "timeZone": "Europe/Paris", "companyCurrency": "EUR",
            "additionalCurrencies": ["USD", "GBP"], "utcOffset": "+01:00", "utcOffsetMilliseconds": 3_600_000,
            "uiDomain": "app-eu1.hubspot.com", "dataHostingLocation": "eu1",
        }),
    )
}
