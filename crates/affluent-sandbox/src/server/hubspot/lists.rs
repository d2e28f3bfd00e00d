//! Listing an object page by page, and reading records by id.
//! <https://developers.hubspot.com/docs/api/crm/contacts>

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask::{Asked, origin};
use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::{Refusal, chosen, invalid, record, table};
use crate::clock;
use crate::world::{Row, Table, World};

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(object): Path<String>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let table = table(&world, &object)?;
    let limit = query.get("limit").unwrap_or("10").parse::<usize>().ok().filter(|n| (1..=100).contains(n));
    let limit = limit.ok_or_else(|| invalid("limit must be between 1 and 100"))?;
    let asked_after = query.get("after").unwrap_or("0");
    let after: u64 =
        asked_after.parse().map_err(|_| invalid("Invalid after: expected a number from paging.next.after"))?;
    let archived = query.get("archived") == Some("true");
    let associations = query.words("associations");
    let with_history = query.words("propertiesWithHistory");
    if !with_history.is_empty() && limit > 50 {
        return Err(invalid("The maximum page size is 50 when requesting properties with history"));
    }
    let properties = chosen(table, &query.words("properties"));

    let start = table.rows.partition_point(|row| row.key <= after);
    let mut rows = table.rows[start..].iter().filter(|row| row.deleted.is_some() == archived).peekable();
    let mut last = after;
    let mut results = Vec::with_capacity(limit);
    for _ in 0..serve.cut(limit) {
        let Some(row) = rows.next() else { break };
        last = row.key;
        let mut shown = record(table, row, &properties, associations.first().copied());
        if !with_history.is_empty() {
            shown["propertiesWithHistory"] = history(&world, table, row, &with_history);
        }
        results.push(shown);
    }
    let mut page = json!({ "results": results });
    if rows.peek().is_some() {
        let link = format!(
            "{}/hubspot/crm/v3/objects/{object}?limit={limit}&after={last}&archived={archived}",
            origin(&headers)
        );
        page["paging"] = json!({ "next": { "after": last.to_string(), "link": link } });
    }
    Ok(reply::json(StatusCode::OK, &page))
}

/// The values that properties had, the newest first: all of a contact's life cycle stage, of others only the present one.
fn history(world: &World, table: &Table, row: &Row, names: &[&str]) -> Value {
    let version = |value: &str, at: i64| json!({ "value": value, "timestamp": clock::iso(at), "sourceType": "CRM_UI" });
    let of = |name: &&str| {
        let field = table.field(name)?;
        let versions: Vec<Value> = if table.object.name == "contacts" && *name == "lifecyclestage" {
            world.hubspot_stages(row).into_iter().map(|(at, stage)| version(stage, at)).collect()
        } else {
            table.value(row, field).map(|value| version(&value, row.updated)).into_iter().collect()
        };
        Some(((*name).to_owned(), versions.into()))
    };
    Value::Object(names.iter().filter_map(of).collect())
}

#[derive(Deserialize)]
pub(super) struct Batch {
    inputs: Vec<Input>,
    #[serde(default)]
    properties: Vec<String>,
}

#[derive(Deserialize)]
struct Input {
    id: String,
}

pub(super) async fn batch_read(
    State(shared): State<Arc<Shared>>,
    Path(object): Path<String>,
    Query(query): Query<Asked>,
    axum::Json(batch): axum::Json<Batch>,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let table = table(&world, &object)?;
    if batch.inputs.len() > 100 {
        return Err(invalid("The maximum number of inputs per batch is 100"));
    }
    let archived = query.get("archived") == Some("true");
    let properties = chosen(table, &batch.properties);
    let mut missing = Vec::new();
    let mut results = Vec::with_capacity(batch.inputs.len());
    for Input { id } in &batch.inputs {
        match table.find(id).filter(|row| row.deleted.is_some() == archived) {
            Some(row) => results.push(record(table, row, &properties, None)),
            None => missing.push(id),
        }
    }
    let now = clock::iso(world.now());
    let mut page = json!({ "status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now });
    if missing.is_empty() {
        return Ok(reply::json(StatusCode::OK, &page));
    }
    page["numErrors"] = 1.into();
    page["errors"] = json!([{
        "status": "error", "category": "OBJECT_NOT_FOUND", "context": { "ids": missing },
        "message": format!("Could not get some {object} objects, they may be deleted or not exist. Check that ids are valid."),
    }]);
    Ok(reply::json(StatusCode::MULTI_STATUS, &page))
}
