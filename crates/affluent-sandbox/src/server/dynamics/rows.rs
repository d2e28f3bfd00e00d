//! Rows of a table in pages, and with change tracking what changed since a delta link was given.
//! <https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/page-results>
//! <https://learn.microsoft.com/power-apps/developer/data-platform/use-change-tracking-synchronize-data-external-systems>

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::ask::{Asked, Refusal, origin};
use super::super::changes::{Place, changed};
use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::error;
use crate::world::{Document, dynamics_key};

/// Months that a delta link stays good: the organisation has set `ExpireChangeTrackingInDays` so.
const KEPT: u32 = 2;

/// The preferences of a request.
struct Preferences {
    page: usize,
    track: bool,
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let given: Vec<&str> = given.flat_map(|value| value.split(',')).map(str::trim).collect();
        let page = given.iter().find_map(|preference| preference.strip_prefix("odata.maxpagesize=")?.parse().ok());
        Self { page: page.unwrap_or(5_000_usize).clamp(1, 5_000), track: given.contains(&"odata.track-changes") }
    }
}

fn refusal(code: &str, message: &str) -> Refusal {
    error(StatusCode::BAD_REQUEST, code, message).into()
}

/// The columns asked for, each of which must exist.
fn selected<'a>(query: &'a Asked, sample: Option<&Document>, table: &str) -> Result<Vec<&'a str>, Refusal> {
    let columns = query.words("$select");
    if query.get("$select").is_some_and(|list| list.split(',').count() != columns.len()) {
        return Err(refusal("0x80060888", "Term '$select' is not valid in a $select or $expand expression."));
    }
    let body = sample.and_then(|document| document.body.as_object());
    match columns.iter().find(|column| body.is_some_and(|body| !body.contains_key(**column))) {
        None => Ok(columns),
        Some(column) => {
            let message =
                format!("Could not find a property named '{column}' on type 'Microsoft.Dynamics.CRM.{table}'.");
            Err(refusal("0x80060888", &message))
        }
    }
}

/// A row as it is answered: an etag, the columns, always the one that identifies it.
fn row(document: &Document, columns: &[&str], table: &str) -> Value {
    let mut row = Map::new();
    row.insert("@odata.etag".to_owned(), format!("W/\"{}\"", document.updated / 1_000).into());
    if let Some(body) = document.body.as_object() {
        let key = dynamics_key(table);
        let wanted = |name: &str| columns.is_empty() || name == key || columns.contains(&name);
        row.extend(body.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())));
    }
    row.into()
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(table): Path<String>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let wanted = Preferences::of(&headers);
    let (delta, skip) = (query.get("$deltatoken"), query.get("$skiptoken"));
    let unfit = ["$filter", "$orderby", "$expand", "$top"].into_iter().find(|option| query.get(option).is_some());
    if let Some(option) = unfit {
        let name = option.trim_start_matches('$');
        let message = format!("The \"{name}\" query parameter isn't supported when Change Tracking is enabled.");
        return Err(refusal("0x80060888", &message));
    }
    // Parameters without `$` are an application's own; what begins with it is OData's.
    let known = ["$select", "$skiptoken", "$deltatoken"];
    if let Some((name, _)) = query.iter().find(|(name, _)| name.starts_with('$') && !known.contains(&name.as_str())) {
        return Err(refusal("0x80060888", &format!("The query parameter '{name}' is not supported.")));
    }
    let place = match (skip, delta) {
        (None, None) => Place::after(&shared, None),
        (None, Some(month)) => {
            let known = month.parse().map_err(|_| refusal("0x80048d19", "The delta token is not valid."))?;
            let place = Place::after(&shared, Some(known));
            if place.at.saturating_sub(known) > KEPT {
                let message = "Version stamp associated with the client has expired. Please perform a full sync.";
                return Err(refusal("0x80044352", message));
            }
            place
        }
        (Some(token), _) => {
            let (start, _) = token.split_once('!').unwrap_or((token, ""));
            Place::of(start).ok_or_else(|| refusal("0x80060888", "Malformed XML in the Paging Cookie"))?
        }
    };
    let tracked = wanted.track || delta.is_some() || skip.is_some_and(|token| token.ends_with("!tracked"));
    let world = shared.world_at(place.at);
    let known = place.from.map(|month| shared.world_at(month));
    let mut found = changed(&world, known.as_deref(), "dynamics", &table).ok_or_else(|| {
        let message = format!("Resource not found for the segment '{table}'.");
        Refusal::from(error(StatusCode::NOT_FOUND, "0x80060888", &message))
    })?;
    let columns = selected(&query, found.first().copied(), &table)?;
    // New and changed rows first, then deleted ones, which a first read does not tell.
    found.retain(|document| known.is_some() || document.deleted.is_none());
    found.sort_by_key(|document| document.deleted.is_some());

    let end = (place.passed + serve.cut(wanted.page)).min(found.len());
    let base = format!("{}/dynamics/api/data/v9.2", origin(&headers));
    let value: Vec<Value> = found[place.passed.min(end)..end]
        .iter()
        .map(|document| match document.deleted {
            None => row(document, &columns, &table),
            Some(_) => json!({
                "@odata.context": format!("{base}/$metadata#{table}/$deletedEntity"),
                "id": document.id,
                "reason": "deleted",
            }),
        })
        .collect();
    let select = query.get("$select").map(|columns| format!("$select={columns}&")).unwrap_or_default();
    let mut answer = json!({ "@odata.context": format!("{base}/$metadata#{table}") });
    if end < found.len() {
        let token = Place { passed: end, ..place }.token();
        let mark = if tracked { "tracked" } else { "plain" };
        answer["@odata.nextLink"] = format!("{base}/{table}?{select}$skiptoken={token}!{mark}").into();
    } else if tracked {
        answer["@odata.deltaLink"] = format!("{base}/{table}?{select}$deltatoken={}", place.at).into();
    }
    answer["value"] = value.into();
    let mut response = reply::json(StatusCode::OK, &answer);
    response.headers_mut().insert("odata-version", HeaderValue::from_static("4.0"));
    if wanted.track {
        response.headers_mut().insert("preference-applied", HeaderValue::from_static("odata.track-changes"));
    }
    Ok(response)
}
