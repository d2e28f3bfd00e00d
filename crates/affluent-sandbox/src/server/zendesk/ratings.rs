//! Satisfaction ratings, in pages by cursor.
//! <https://developer.zendesk.com/api-reference/ticketing/ticket-management/satisfaction_ratings/>

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::ask::{Asked, Refusal, origin};
use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::error;
use crate::clock::SECOND;
use crate::world::Document;

pub(super) async fn ratings(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let invalid = |message| Refusal::from(error(StatusCode::BAD_REQUEST, "InvalidPaginationParameter", message));
    let limit = query.size("page[size]", 100, 100).ok_or_else(|| invalid("page[size] must be between 1 and 100"))?;
    let number = |name: &str| match query.get(name) {
        None => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| invalid("a parameter is not a number")),
    };
    let (start, end, after) = (number("start_time")?, number("end_time")?, number("page[after]")?);
    let world = shared.world();
    let shown = |document: &&Document| {
        let score = document.body.get("score").and_then(Value::as_str).unwrap_or_default();
        start.is_none_or(|start| document.updated >= start * SECOND)
            && end.is_none_or(|end| document.updated <= end * SECOND)
            && query.get("score").is_none_or(|wanted| match wanted {
                "received" => score == "good" || score == "bad",
                wanted => score == wanted,
            })
    };
    let rows: Vec<&Document> =
        world.documents("zendesk", "satisfaction_ratings").unwrap_or_default().iter().filter(shown).collect();
    let from = after.map_or(0, |after| rows.partition_point(|document| document.key as i64 <= after));
    let rest = &rows[from..];
    let given = &rest[..serve.cut(limit).min(rest.len())];
    let more = given.len() < rest.len();
    let last = given.last().map(|document| document.key as i64).or(after).unwrap_or(0);
    let others: String = query.without(&["page[after]"]).map(|(name, value)| format!("&{name}={value}")).collect();
    let next = format!("{}/zendesk/api/v2/satisfaction_ratings.json?page[after]={last}{others}", origin(&headers));
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "satisfaction_ratings": given.iter().map(|document| &document.body).collect::<Vec<_>>(),
            "meta": { "has_more": more, "after_cursor": last.to_string(), "before_cursor": null },
            "links": { "next": more.then_some(next), "prev": null },
        }),
    ))
}
