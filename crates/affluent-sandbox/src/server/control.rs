//! Paths of the sandbox itself, which no vendor has: the truth, faults, counters, and the month.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{ActiveFault, Fault};
use super::{GA4_PRIVATE_KEY, Shared, Stats, hold};
use crate::{Edit, Truth};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_truth", get(truth))
        .route("/_truth/{vendor}", get(vendor_truth))
        .route("/_stats", get(stats))
        .route("/_ga4_key", get(ga4_key))
        .route("/_faults", post(set_faults).get(get_faults))
        .route("/_month", post(set_month))
        .route("/_edits", post(edit))
        .route("/_records/{system}/{object}", get(records))
}

async fn truth(State(shared): State<Arc<Shared>>) -> Json<Truth> {
    Json(shared.world().truth())
}

/// The truth of one vendor: counts per stream, or of a vendor with documents record by record.
async fn vendor_truth(State(shared): State<Arc<Shared>>, Path(vendor): Path<String>) -> Json<Value> {
    let world = shared.world();
    Json(world.vendor_truth(&vendor).map_or_else(|| json!(world.records(&vendor)), |truth| json!(truth)))
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<Stats> {
    Json(hold(&shared.stats).clone())
}

/// The key that assertions to the Google Analytics side are signed with.
async fn ga4_key() -> &'static str {
    GA4_PRIVATE_KEY
}

/// Replaces the faults; an empty list ends them.
async fn set_faults(State(shared): State<Arc<Shared>>, Json(faults): Json<Vec<Fault>>) -> Json<Value> {
    let count = faults.len();
    *hold(&shared.faults) = faults.into_iter().map(ActiveFault::from).collect();
    Json(json!({ "faults": count }))
}

async fn get_faults(State(shared): State<Arc<Shared>>) -> Json<Vec<Fault>> {
    Json(hold(&shared.faults).iter().map(|active| active.fault.clone()).collect())
}

#[derive(Deserialize)]
struct Month {
    month: u32,
}

async fn set_month(State(shared): State<Arc<Shared>>, Json(Month { month }): Json<Month>) -> Json<Value> {
    shared.move_to(month);
    Json(json!({ "month": month }))
}

/// Changes records, in the order given.
async fn edit(State(shared): State<Arc<Shared>>, Json(edits): Json<Vec<Edit>>) -> Json<Value> {
    let count = edits.len();
    shared.edit(edits);
    Json(json!({ "edits": count }))
}

/// All records of an object as they stand, deleted ones with the instant of it; none of an unknown object.
async fn records(State(shared): State<Arc<Shared>>, Path((system, object)): Path<(String, String)>) -> Json<Value> {
    let world = shared.world();
    let table = match system.as_str() {
        "hubspot" => world.hubspot(&object),
        "salesforce" => world.salesforce(&object),
        _ => None,
    };
    let Some(table) = table else { return Json(json!([])) };
    let record = |row| {
        let fields = table.object.fields.iter().enumerate();
        let values: serde_json::Map<String, Value> =
            fields.map(|(at, field)| (field.name.to_owned(), table.value(row, at).into())).collect();
        json!({ "id": row.id, "updated": row.updated, "deleted": row.deleted, "values": values })
    };
    Json(table.rows.iter().map(record).collect())
}
