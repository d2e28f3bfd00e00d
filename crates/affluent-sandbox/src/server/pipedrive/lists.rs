//! Lists: sorted, from a moment on, in pages that an opaque cursor joins.
//! <https://pipedrive.readme.io/docs/core-api-concepts-pagination>

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::ask::{Asked, Refusal};
use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::error;
use crate::clock;
use crate::world::Document;

/// Collections of version 2.
const COLLECTIONS: [&str; 7] = ["persons", "organizations", "deals", "activities", "products", "pipelines", "stages"];

fn invalid(message: &str) -> Refusal {
    error(StatusCode::BAD_REQUEST, "ERR_SCHEMA_VALIDATION_FAILED", message).into()
}

/// The instant of `updated_since`, in RFC 3339.
fn since(query: &Asked) -> Result<Option<i64>, Refusal> {
    let Some(text) = query.get("updated_since") else { return Ok(None) };
    let instant = Some(text).filter(|text| text.contains('T')).and_then(clock::parse);
    instant.map(Some).ok_or_else(|| invalid("Parameter 'updated_since' must be an RFC3339 date-time"))
}

/// What a list of version 2 is ordered by.
fn place(document: &Document, order: &str) -> (i64, u64) {
    match order {
        "update_time" => (document.updated, document.key),
        "add_time" => (document.created, document.key),
        _ => (0, document.key),
    }
}

/// Whether the list shows the record: deals of the statuses asked for, otherwise what is not deleted.
fn shown(document: &Document, statuses: &[&str]) -> bool {
    match document.body.get("status").and_then(Value::as_str) {
        Some(status) if !statuses.is_empty() => statuses.contains(&status),
        _ => document.deleted.is_none(),
    }
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(collection): Path<String>,
    Query(query): Query<Asked>,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let known = COLLECTIONS.contains(&collection.as_str());
    let documents = known.then(|| world.documents("pipedrive", &collection)).flatten();
    let documents =
        documents.ok_or_else(|| Refusal::from(error(StatusCode::NOT_FOUND, "ERR_NOT_FOUND", "Unknown method .")))?;
    let limit = query.size("limit", 100, 500).ok_or_else(|| invalid("Parameter 'limit' must be between 1 and 500"))?;
    let order = query.get("sort_by").unwrap_or("id");
    let statuses = query.words("status");
    let unknown = statuses.iter().find(|status| !["open", "won", "lost", "deleted"].contains(status));
    if !["id", "update_time", "add_time"].contains(&order) || unknown.is_some() {
        return Err(invalid("Parameters 'sort_by' and 'status' must have allowed values"));
    }
    let since = since(&query)?;
    let mut rows: Vec<&Document> = documents
        .iter()
        .filter(|document| shown(document, &statuses) && since.is_none_or(|since| document.updated >= since))
        .collect();
    rows.sort_by_key(|document| place(document, order));
    let descending = query.get("sort_direction") == Some("desc");
    if descending {
        rows.reverse();
    }
    let start = match query.get("cursor") {
        None => 0,
        Some(text) => {
            let number = |hex: &str| i64::from_str_radix(hex, 16).ok();
            let after = text.split_once('.').and_then(|(at, key)| Some((number(at)?, number(key)? as u64)));
            let after = after.ok_or_else(|| invalid("Parameter 'cursor' is not valid"))?;
            rows.partition_point(|document| {
                if descending { place(document, order) >= after } else { place(document, order) <= after }
            })
        }
    };
    let rest = &rows[start..];
    let given = &rest[..serve.cut(limit).min(rest.len())];
    let last = given.last().or(rows[..start].last()).map(|document| place(document, order));
    let first = if descending { (i64::MAX, i64::MAX as u64) } else { (0, 0) };
    let (at, key) = last.unwrap_or(first);
    let cursor = (given.len() < rest.len()).then(|| format!("{at:x}.{key:x}"));
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "success": true,
            "data": given.iter().map(|document| &document.body).collect::<Vec<_>>(),
            "additional_data": { "next_cursor": cursor },
        }),
    ))
}

/// No deal of this account is archived.
pub(super) async fn archived() -> Response {
    reply::json(StatusCode::OK, &json!({ "success": true, "data": [], "additional_data": { "next_cursor": null } }))
}

/// <https://developers.pipedrive.com/docs/api/v1/Leads#getLeads>
pub(super) async fn leads(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(query): Query<Asked>,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let documents = world.documents("pipedrive", "leads").unwrap_or_default();
    let limit = query.size("limit", 100, 500).ok_or_else(|| invalid("Parameter 'limit' must be between 1 and 500"))?;
    let start: usize =
        query.get("start").unwrap_or("0").parse().map_err(|_| invalid("Parameter 'start' must be a number"))?;
    let since = since(&query)?;
    let rows: Vec<&Document> =
        documents.iter().filter(|document| since.is_none_or(|since| document.updated >= since)).collect();
    let end = (start + serve.cut(limit)).min(rows.len());
    let given = rows.get(start..end).unwrap_or_default();
    let more = end < rows.len();
    let mut pagination = json!({ "start": start, "limit": limit, "more_items_in_collection": more });
    if more {
        pagination["next_start"] = end.into();
    }
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "success": true,
            "data": given.iter().map(|document| &document.body).collect::<Vec<_>>(),
            "additional_data": { "pagination": pagination },
        }),
    ))
}
