//! What there is: API versions, objects, fields, and what is left of the day's calls.
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm>

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::{Shared, hold, reply};
use crate::world::{Field, Kind, Table, World};

const VERSIONS: [(&str, &str); 3] = [("Spring '25", "63.0"), ("Summer '25", "64.0"), ("Winter '26", "65.0")];

pub(super) async fn versions() -> Response {
    let list = VERSIONS.map(
        |(label, version)| json!({ "label": label, "url": format!("/services/data/v{version}"), "version": version }),
    );
    reply::json(StatusCode::OK, &json!(list))
}

pub(super) async fn limits(State(shared): State<Arc<Shared>>) -> Response {
    let max = shared.limits.salesforce_per_day.unwrap_or(15_000);
    let left = max.saturating_sub(hold(&shared.windows).salesforce);
    reply::json(StatusCode::OK, &json!({ "DailyApiRequests": { "Max": max, "Remaining": left } }))
}

fn about(table: &Table, version: &str) -> Value {
    let name = table.object.name;
    let base = format!("/services/data/{version}/sobjects/{name}");
    json!({
        "name": name, "label": name, "keyPrefix": table.object.prefix, "queryable": true, "retrieveable": true,
        "custom": false, "urls": { "sobject": base, "describe": format!("{base}/describe") },
    })
}

pub(super) async fn objects(State(shared): State<Arc<Shared>>, Path(version): Path<String>) -> Response {
    let world = shared.world();
    let objects: Vec<_> =
        World::salesforce_objects().filter_map(|name| world.salesforce(name)).map(|t| about(t, &version)).collect();
    reply::json(StatusCode::OK, &json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }))
}

pub(super) async fn object(
    State(shared): State<Arc<Shared>>,
    Path((version, object)): Path<(String, String)>,
) -> Response {
    let world = shared.world();
    let Some(table) = world.salesforce(&object) else {
        return reply::salesforce_error(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist");
    };
    let mut answer = about(table, &version);
    answer["fields"] = table.object.fields.iter().map(field).collect();
    reply::json(StatusCode::OK, &answer)
}

fn field(field: &Field) -> Value {
    let (kind, soap, length) = match field.kind {
        Kind::Id => ("id", "tns:ID", 18),
        Kind::Reference => ("reference", "tns:ID", 18),
        Kind::Created | Kind::Updated | Kind::Instant => ("datetime", "xsd:dateTime", 0),
        Kind::Date => ("date", "xsd:date", 0),
        Kind::Bool | Kind::Deleted => ("boolean", "xsd:boolean", 0),
        Kind::Number => ("double", "xsd:double", 0),
        Kind::Text | Kind::Drawn(_) => ("string", "xsd:string", 255),
    };
    json!({
        "name": field.name, "label": field.name, "type": kind, "soapType": soap, "length": length,
        "custom": field.name.ends_with("__c"), "filterable": true, "sortable": true, "groupable": length > 0,
        "nillable": !matches!(field.kind, Kind::Id | Kind::Created | Kind::Updated | Kind::Deleted | Kind::Bool),
    })
}
