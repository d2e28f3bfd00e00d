//! Query and queryAll: a SOQL query's records in batches, followed by a cursor.
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm>

use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::guard::Serve;
use super::super::{Shared, hold, reply};
use super::soql::{self, Select, SoqlError};
use crate::clock;
use crate::world::{Field, Kind, Row, Table, World};

/// The rows a query found, in its order, in the world as it was then.
pub(super) struct Found {
    world: Arc<World>,
    object: &'static str,
    pub(super) fields: Vec<&'static Field>,
    places: Vec<usize>,
    rows: Vec<u32>,
}

impl Found {
    /// What a query finds, deleted rows among it or not.
    pub(super) fn by(world: &Arc<World>, select: &Select, deleted: bool) -> Result<Self, SoqlError> {
        let table = world
            .salesforce(select.object)
            .ok_or_else(|| SoqlError { code: "INVALID_TYPE", message: "the object is not supported".to_owned() })?;
        Ok(Self {
            world: world.clone(),
            object: select.object,
            fields: select.fields.iter().map(|field| &table.object.fields[*field]).collect(),
            places: select.fields.clone(),
            rows: found(table, select, deleted),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The records of those rows, as REST gives them.
    pub(super) fn records(&self, rows: Range<usize>, version: &str) -> Vec<Value> {
        let Some(table) = self.world.salesforce(self.object) else { return Vec::new() };
        let rows = self.rows.get(rows).unwrap_or_default();
        rows.iter().map(|row| record(table, &table.rows[*row as usize], &self.places, version)).collect()
    }
}

/// A query whose records are given in batches.
pub(super) struct Locator {
    found: Found,
    batch: usize,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    q: Option<String>,
}

pub(super) async fn query(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(version): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    run(&shared, serve, &version, asked, &headers, false)
}

pub(super) async fn query_all(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(version): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    run(&shared, serve, &version, asked, &headers, true)
}

fn refusal(error: &SoqlError) -> Response {
    reply::salesforce_error(StatusCode::BAD_REQUEST, error.code, &error.message)
}

/// The batch size of `Sforce-Query-Options`, held within 200 to 2,000.
/// <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_queryoptions.htm>
fn batch_size(headers: &HeaderMap) -> usize {
    let option = headers.get("sforce-query-options").and_then(|value| value.to_str().ok());
    let size = option.and_then(|o| o.split(',').find_map(|part| part.trim().strip_prefix("batchSize=")));
    size.and_then(|n| n.trim().parse().ok()).unwrap_or(2_000_usize).clamp(200, 2_000)
}

fn run(shared: &Shared, serve: Serve, version: &str, asked: Asked, headers: &HeaderMap, deleted: bool) -> Response {
    let text = asked.q.unwrap_or_default();
    let world = shared.world();
    let select = match soql::parse(&text, &world) {
        Ok(select) => select,
        Err(error) => return refusal(&error),
    };
    let found = match Found::by(&world, &select, deleted) {
        Ok(found) => found,
        Err(error) => return refusal(&error),
    };
    if select.count {
        return reply::json(StatusCode::OK, &json!({ "totalSize": found.len(), "done": true, "records": [] }));
    }
    let locator = Arc::new(Locator { found, batch: batch_size(headers) });
    page(shared, serve, version, &locator, None, 0)
}

fn found(table: &Table, select: &Select, deleted: bool) -> Vec<u32> {
    let wanted = |row: &Row| {
        (deleted || row.deleted.is_none()) && select.filter.as_ref().is_none_or(|filter| filter.passes(table, row))
    };
    let mut rows: Vec<u32> = (0..table.rows.len() as u32).filter(|i| wanted(&table.rows[*i as usize])).collect();
    if !select.order.is_empty() {
        rows.sort_by(|a, b| select.compare(table, &table.rows[*a as usize], &table.rows[*b as usize]));
    }
    let start = select.offset.min(rows.len());
    let end = select.limit.map_or(rows.len(), |limit| (start + limit).min(rows.len()));
    rows.drain(end..);
    rows.drain(..start);
    rows
}

fn page(
    shared: &Shared,
    serve: Serve,
    version: &str,
    locator: &Arc<Locator>,
    id: Option<&str>,
    start: usize,
) -> Response {
    let total = locator.found.len();
    let end = (start + serve.cut(locator.batch)).min(total);
    let records = locator.found.records(start.min(end)..end, version);
    let done = end >= total;
    let mut answer = json!({ "totalSize": total, "done": done });
    if !done {
        let id = id.map_or_else(|| hold(&shared.locators).keep(locator.clone()), str::to_owned);
        answer["nextRecordsUrl"] = format!("/services/data/{version}/query/{id}-{end}").into();
    }
    answer["records"] = records.into();
    reply::json(StatusCode::OK, &answer)
}

fn record(table: &Table, row: &Row, fields: &[usize], version: &str) -> Value {
    let name = table.object.name;
    let mut record = Map::with_capacity(fields.len() + 1);
    let url = format!("/services/data/{version}/sobjects/{name}/{}", row.id);
    record.insert("attributes".to_owned(), json!({ "type": name, "url": url }));
    for field in fields {
        let about = &table.object.fields[*field];
        let value = match about.kind {
            Kind::Created => clock::salesforce(row.created).into(),
            Kind::Updated => clock::salesforce(row.updated).into(),
            Kind::Deleted => row.deleted.is_some().into(),
            kind => match (table.value(row, *field), kind) {
                (None, _) => Value::Null,
                (Some(text), Kind::Bool) => (text == "true").into(),
                (Some(text), Kind::Number) => {
                    // Salesforce writes numbers with a fraction: 1200.0.
                    text.parse::<f64>().map_or(Value::Null, Value::from)
                }
                (Some(text), _) => text.into(),
            },
        };
        record.insert(about.name.to_owned(), value);
    }
    record.into()
}

/// Further batches of a query.
/// <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_more_results.htm>
pub(super) async fn more(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path((version, cursor)): Path<(String, String)>,
) -> Response {
    let parsed = cursor.rsplit_once('-').and_then(|(id, start)| Some((id, start.parse::<usize>().ok()?)));
    let known = parsed.and_then(|(id, start)| Some((id, start, hold(&shared.locators).locator(id)?)));
    match known {
        Some((id, start, locator)) => page(&shared, serve, &version, &locator, Some(id), start),
        None => reply::salesforce_error(StatusCode::BAD_REQUEST, "INVALID_QUERY_LOCATOR", "invalid query locator"),
    }
}
