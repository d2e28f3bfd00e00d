//! Query jobs of the Bulk API 2.0: made, looked at, read page by page as CSV, aborted, deleted.
//! <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm>

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::guard::Serve;
use super::super::{Shared, hold, reply};
use super::query::Found;
use super::soql;
use crate::clock;
use crate::world::Kind;

/// Jobs kept; the oldest go first.
const MAX_JOBS: usize = 1_000;
/// Records of a page at most, whatever the client asks for: few, so that a small world has several pages.
const PAGE: usize = 200;

/// Jobs made.
#[derive(Default)]
pub(crate) struct Jobs {
    made: u64,
    kept: VecDeque<Job>,
}

struct Job {
    id: String,
    operation: String,
    object: &'static str,
    version: String,
    created: i64,
    found: Arc<Found>,
    /// How often it was looked at, which is what makes it go on.
    looks: usize,
    /// How it ended before it was done.
    ended: Option<&'static str>,
}

impl Job {
    /// It waits, is at work for two looks, and is done.
    fn state(&self) -> &'static str {
        self.ended.unwrap_or(match self.looks {
            0 | 1 => "UploadComplete",
            2 | 3 => "InProgress",
            _ => "JobComplete",
        })
    }

    fn told(&self) -> Value {
        let state = self.state();
        let created = clock::salesforce(self.created);
        let mut told = json!({
            "id": self.id, "operation": self.operation, "object": self.object, "createdById": "0055e000000001AAAQ",
            "createdDate": created, "systemModstamp": created, "state": state, "concurrencyMode": "Parallel",
            "contentType": "CSV", "apiVersion": self.version.trim_start_matches('v').parse::<f64>().unwrap_or_default(),
            "lineEnding": "LF", "columnDelimiter": "COMMA",
        });
        if self.looks > 0 {
            told["jobType"] = "V2Query".into();
            told["numberRecordsProcessed"] = match (state, self.looks) {
                ("JobComplete", _) => self.found.len(),
                ("InProgress", 3) => self.found.len() / 2,
                _ => 0,
            }
            .into();
            told["retries"] = 0.into();
            told["totalProcessingTime"] = 334.into();
            told["isPkChunkingSupported"] = true.into();
        }
        if state == "Failed" {
            told["errorMessage"] = "Retried more than fifteen times: the query timed out".into();
        }
        told
    }
}

/// What a client asks a job to be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    operation: String,
    query: String,
    content_type: Option<String>,
    column_delimiter: Option<String>,
    line_ending: Option<String>,
}

fn refuse(message: impl AsRef<str>) -> Response {
    reply::salesforce_error(StatusCode::BAD_REQUEST, "API_ERROR", message.as_ref())
}

fn unknown() -> Response {
    reply::salesforce_error(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
}

/// <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_create_job.htm>
pub(super) async fn make(
    State(shared): State<Arc<Shared>>,
    Path(version): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Response {
    let deleted = match wanted.operation.as_str() {
        "query" => false,
        "queryAll" => true,
        other => return refuse(format!("Invalid operation: {other}")),
    };
    let plain = [(wanted.content_type, "CSV"), (wanted.column_delimiter, "COMMA"), (wanted.line_ending, "LF")];
    if let Some((Some(other), only)) = plain.into_iter().find(|(given, only)| given.as_deref().unwrap_or(only) != *only)
    {
        return refuse(format!("the sandbox gives {only} only, not {other}"));
    }
    let world = shared.world();
    let select = match soql::parse(&wanted.query, &world) {
        Ok(select) => select,
        Err(error) => return refuse(format!("{}: {}", error.code, error.message)),
    };
    if select.count || select.offset > 0 {
        return refuse("Aggregate functions and OFFSET are not supported in Bulk Query");
    }
    let found = match Found::by(&world, &select, deleted) {
        Ok(found) => Arc::new(found),
        Err(error) => return refuse(format!("{}: {}", error.code, error.message)),
    };
    let mut jobs = hold(&shared.jobs);
    jobs.made += 1;
    let job = Job {
        id: format!("7505e{:013}", jobs.made),
        operation: wanted.operation,
        object: select.object,
        version,
        created: world.now(),
        found,
        looks: 0,
        ended: None,
    };
    let told = job.told();
    jobs.kept.push_back(job);
    if jobs.kept.len() > MAX_JOBS {
        jobs.kept.pop_front();
    }
    reply::json(StatusCode::OK, &told)
}

/// <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_one_job.htm>
pub(super) async fn look(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    let mut jobs = hold(&shared.jobs);
    let Some(job) = jobs.kept.iter_mut().find(|job| job.id == id) else { return unknown() };
    job.looks += 1;
    if serve == Serve::Failed && job.state() != "Aborted" {
        job.ended = Some("Failed");
    }
    reply::json(StatusCode::OK, &job.told())
}

/// What a client changes of a job.
#[derive(Deserialize)]
pub(super) struct Change {
    state: String,
}

/// <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_abort_job.htm>
pub(super) async fn abort(
    State(shared): State<Arc<Shared>>,
    Path((_, id)): Path<(String, String)>,
    Json(change): Json<Change>,
) -> Response {
    let mut jobs = hold(&shared.jobs);
    let Some(job) = jobs.kept.iter_mut().find(|job| job.id == id) else { return unknown() };
    if change.state != "Aborted" || !matches!(job.state(), "UploadComplete" | "InProgress") {
        return refuse(format!("a job that is {} cannot become {}", job.state(), change.state));
    }
    job.ended = Some("Aborted");
    reply::json(StatusCode::OK, &job.told())
}

/// <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_delete_job.htm>
pub(super) async fn delete(State(shared): State<Arc<Shared>>, Path((_, id)): Path<(String, String)>) -> Response {
    let mut jobs = hold(&shared.jobs);
    let Some(at) = jobs.kept.iter().position(|job| job.id == id) else { return unknown() };
    if matches!(jobs.kept[at].state(), "UploadComplete" | "InProgress") {
        return refuse("Error encountered when deleting the job because the job is not terminated");
    }
    jobs.kept.remove(at);
    StatusCode::NO_CONTENT.into_response()
}

/// Which page of results is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    locator: Option<String>,
    max_records: Option<usize>,
}

/// <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm>
pub(super) async fn results(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path((version, id)): Path<(String, String)>,
    Query(asked): Query<Page>,
) -> Response {
    let (found, state, made_by) = {
        let jobs = hold(&shared.jobs);
        let Some(job) = jobs.kept.iter().find(|job| job.id == id) else { return unknown() };
        (job.found.clone(), job.state(), job.version.clone())
    };
    if made_by != version {
        let what = format!("the job was made with the API {made_by}");
        return reply::salesforce_error(StatusCode::CONFLICT, "API_ERROR", &what);
    }
    if state != "JobComplete" {
        let what =
            format!("can only download query results of successfully completed bulk job. Current status: {state}");
        return reply::salesforce_error(StatusCode::PRECONDITION_FAILED, "JOB_NOT_COMPLETE", &what);
    }
    let start = match asked.locator.as_deref().map(start_of) {
        None => 0,
        Some(Some(start)) if start <= found.len() => start,
        Some(_) => return refuse("Invalid locator"),
    };
    let end = (start + serve.cut(asked.max_records.unwrap_or(PAGE).clamp(1, PAGE))).min(found.len());
    let mut response = Response::new(Body::from(table(&found, start, end, &version)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv"));
    headers.insert("sforce-numberofrecords", HeaderValue::from(end - start));
    let next = if end < found.len() { STANDARD_NO_PAD.encode(end.to_string()) } else { "null".to_owned() };
    if let Ok(next) = HeaderValue::from_str(&next) {
        headers.insert("sforce-locator", next);
    }
    response
}

fn start_of(locator: &str) -> Option<usize> {
    String::from_utf8(STANDARD_NO_PAD.decode(locator).ok()?).ok()?.parse().ok()
}

/// Rows as CSV, every cell in quotes.
fn table(found: &Found, start: usize, end: usize, version: &str) -> String {
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        text.push_str(&quoted.join(","));
        text.push('\n');
    };
    line(found.fields.iter().map(|field| field.name.to_owned()).collect());
    for record in found.records(start..end, version) {
        line(found.fields.iter().map(|field| cell(field.kind, &record[field.name])).collect());
    }
    text
}

/// A value as a job writes it, which is not how REST does.
fn cell(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Null) => String::new(),
        (Kind::Created | Kind::Updated | Kind::Instant, Value::String(text)) => text.replace("+0000", "Z"),
        (_, Value::String(text)) => text.clone(),
        (Kind::Number, Value::Number(number)) => {
            let number = number.as_f64().unwrap_or_default();
            // From ten millions on there is an exponent.
            if number.abs() >= 1e7 { format!("{number:E}") } else { format!("{number:?}") }
        }
        (_, other) => other.to_string(),
    }
}
