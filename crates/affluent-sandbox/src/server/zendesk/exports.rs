//! Incremental exports: by cursor for tickets and users, by time for the rest.
//! <https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/>

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::ask::{Asked, Refusal, origin};
use super::super::changes::{Place, changed};
use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::error;
use crate::clock::{MINUTE, SECOND};
use crate::world::{Document, World};

fn invalid(message: &str) -> Refusal {
    error(StatusCode::UNPROCESSABLE_ENTITY, "InvalidValue", message).into()
}

fn not_found() -> Refusal {
    error(StatusCode::NOT_FOUND, "InvalidEndpoint", "Not found").into()
}

/// The seconds of `start_time`, at least a minute ago.
fn start(query: &Asked, world: &World) -> Result<i64, Refusal> {
    let given = query.get("start_time").and_then(|text| text.parse::<i64>().ok());
    let start = given.ok_or_else(|| invalid("Invalid start_time: a Unix epoch time is required"))?;
    if start * SECOND > world.now() - MINUTE {
        return Err(invalid("Too recent start_time. Use a start_time older than 60 seconds"));
    }
    Ok(start)
}

fn per_page(query: &Asked) -> Result<usize, Refusal> {
    query.size("per_page", 1_000, 1_000).ok_or_else(|| invalid("per_page must be between 1 and 1000"))
}

pub(super) async fn by_cursor(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(collection): Path<String>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if collection != "tickets" && collection != "users" {
        return Err(not_found());
    }
    let bad = || invalid("Invalid cursor");
    let (begin, place) = match query.get("cursor") {
        None => (start(&query, &shared.world())?, Place::after(&shared, None)),
        Some(cursor) => {
            let (begin, place) = cursor.split_once('.').ok_or_else(bad)?;
            (begin.parse().map_err(|_| bad())?, Place::of(place).ok_or_else(bad)?)
        }
    };
    let limit = per_page(&query)?;
    // A cursor that a whole export ended with goes on with what has changed since.
    let place = if place.from == Some(place.at) { Place::after(&shared, place.from) } else { place };
    let world = shared.world_at(place.at);
    let known = place.from.map(|month| shared.world_at(month));
    let mut found = changed(&world, known.as_deref(), "zendesk", &collection).ok_or_else(not_found)?;
    found.retain(|document| document.updated >= begin * SECOND);
    let end = (place.passed + serve.cut(limit)).min(found.len());
    let given = &found[place.passed.min(end)..end];
    let done = end >= found.len();
    let after =
        if done { Place { from: Some(place.at), at: place.at, passed: 0 } } else { Place { passed: end, ..place } };
    let cursor = format!("{}.{}", if done { 0 } else { begin }, after.token());
    let url = format!("{}/zendesk/api/v2/incremental/{collection}/cursor.json?cursor={cursor}", origin(&headers));
    let mut answer = json!({
        "after_url": url, "before_url": null, "after_cursor": cursor, "before_cursor": null, "end_of_stream": done,
    });
    answer[collection] = bodies(given);
    Ok(reply::json(StatusCode::OK, &answer))
}

fn bodies(documents: &[&Document]) -> Value {
    documents.iter().map(|document| document.body.clone()).collect()
}

pub(super) async fn by_time(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(collection): Path<String>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let collection = collection.strip_suffix(".json").unwrap_or(&collection);
    if !["organizations", "ticket_events", "tickets", "users"].contains(&collection) {
        return Err(not_found());
    }
    let world = shared.world();
    let (begin, limit) = (start(&query, &world)?, per_page(&query)?);
    // An empty page would name the time that was asked for again, which no export does.
    let limit = if serve == Serve::Empty { limit } else { serve.cut(limit) };
    let mut found: Vec<&Document> = world
        .documents("zendesk", collection)
        .unwrap_or_default()
        .iter()
        .filter(|document| document.updated >= begin * SECOND)
        .collect();
    found.sort_by_key(|document| (document.updated, document.key));
    // The records of a second are never parted: the next page begins with that second.
    let second = |document: &Document| document.updated / SECOND;
    let last = found.get(limit.saturating_sub(1)).or(found.last()).map(|document| second(document));
    let end = last.map_or(0, |last| found.partition_point(|document| second(document) <= last));
    let done = end >= found.len();
    let end_time = last.map_or(begin, |last| if last == begin && !done { last + 1 } else { last });
    let url = format!("{}/zendesk/api/v2/incremental/{collection}.json?start_time={end_time}", origin(&headers));
    let mut answer = json!({ "count": end, "end_of_stream": done, "end_time": end_time, "next_page": url });
    answer[collection] = bodies(&found[..end]);
    Ok(reply::json(StatusCode::OK, &answer))
}
