//! Reads by jobs of the server: against a small server that misbehaves on demand, and against the sandbox.

mod gone;
mod pages;
mod refused;
mod sandbox;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use affluent_connect::http::HttpSource;
use indexmap::IndexMap;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::world::{Thing, minute, selected, soql, source_of, stamp, thing};

const MANIFEST: &str = include_str!("things.yaml");

/// A job, and how often it was looked at.
struct Job {
    query: String,
    looks: usize,
}

#[derive(Default)]
struct State {
    things: Vec<Thing>,
    /// By id, `None` where it was deleted.
    jobs: Vec<Option<Job>>,
    /// Method, path and query of the requests served.
    log: Vec<String>,
    /// The bodies of the jobs that were asked for.
    wanted: Vec<Value>,
    /// Records of a page.
    page: usize,
    /// The number of a page (from 0) before which an empty one comes.
    empty_before: Option<usize>,
    /// Answers to requests that begin so, in the place of the usual ones, each once.
    instead: Vec<(&'static str, ResponseTemplate)>,
    /// The same, for as long as they stand here.
    always: Vec<(&'static str, ResponseTemplate)>,
}

struct Server {
    http: MockServer,
    state: Arc<Mutex<State>>,
}

struct Served(Arc<Mutex<State>>);

impl Server {
    /// A server of so many things, three of which are a page of results.
    async fn of(count: u64) -> Self {
        let things = (1..=count).map(|id| thing(id, minute(10 * id as i64))).collect();
        let state = Arc::new(Mutex::new(State { things, page: 3, ..State::default() }));
        let http = MockServer::start().await;
        Mock::given(any()).respond_with(Served(Arc::clone(&state))).mount(&http).await;
        Self { http, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn source(&self) -> HttpSource {
        source_of(MANIFEST, &self.http.uri())
    }

    /// How many requests began so.
    fn count(&self, start: &str) -> usize {
        self.state().log.iter().filter(|request| request.starts_with(start)).count()
    }
}

fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!([{ "errorCode": code, "message": message }]))
}

/// A page of results.
fn page(csv: &str, records: usize, next: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_raw(csv.to_owned(), "text/csv")
        .insert_header("sforce-numberofrecords", records.to_string().as_str())
        .insert_header("sforce-locator", next)
}

/// Things as a job writes them.
fn csv<'a>(things: impl IntoIterator<Item = &'a Thing>) -> String {
    let mut text = "\"id\",\"gone\",\"properties.changed\",\"properties.name\"\n".to_owned();
    for Thing { id, gone, changed, name } in things {
        writeln!(text, "\"{id}\",\"{gone}\",\"{}\",\"{name}\"", stamp(*changed)).unwrap();
    }
    text
}

impl Respond for Served {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let query: IndexMap<String, String> = request.url.query_pairs().into_owned().collect();
        let path = request.url.path();
        let asked = format!("{} {path} {query:?}", request.method);
        state.log.push(asked.clone());
        if let Some(at) = state.instead.iter().position(|(start, _)| asked.starts_with(start)) {
            return state.instead.remove(at).1;
        }
        if let Some((_, answer)) = state.always.iter().find(|(start, _)| asked.starts_with(start)) {
            return answer.clone();
        }
        let method = request.method.as_str();
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["queryAll"]) => soql(&state.things, &query["q"], false),
            ("POST", ["jobs", "query"]) => {
                let wanted: Value = serde_json::from_slice(&request.body).unwrap();
                state.jobs.push(Some(Job { query: wanted["query"].as_str().unwrap().to_owned(), looks: 0 }));
                state.wanted.push(wanted);
                let id = format!("750x{}", state.jobs.len() - 1);
                ResponseTemplate::new(200).set_body_json(json!({ "id": id, "state": "UploadComplete" }))
            }
            (method, ["jobs", "query", id, rest @ ..]) => {
                let number: usize = id.trim_start_matches("750x").parse().unwrap();
                let State { things, jobs, page, empty_before, .. } = &mut *state;
                let Some(job) = jobs.get_mut(number).and_then(Option::as_mut) else {
                    return error(404, "NOT_FOUND", "The requested resource does not exist");
                };
                if method == "DELETE" {
                    jobs[number] = None;
                    return ResponseTemplate::new(204);
                }
                let found = selected(things, &job.query);
                if rest.is_empty() {
                    job.looks += 1;
                    let states = ["UploadComplete", "InProgress", "JobComplete"];
                    return ResponseTemplate::new(200).set_body_json(
                        json!({ "state": states[job.looks.min(3) - 1], "numberRecordsProcessed": found.len() }),
                    );
                }
                results(&found, query.get("locator").map_or("0", String::as_str), *page, *empty_before)
            }
            _ => unreachable!("{asked}"),
        }
    }
}

/// The page of that number, an empty one before it told by an `e`.
fn results(found: &[&Thing], locator: &str, size: usize, empty_before: Option<usize>) -> ResponseTemplate {
    let (number, passed) = match locator.strip_prefix('e') {
        Some(number) => (number.parse().unwrap(), true),
        None => (locator.parse::<usize>().unwrap(), false),
    };
    if empty_before == Some(number) && !passed {
        return page(&csv([]), 0, &format!("e{number}"));
    }
    let records: Vec<&Thing> = found.iter().copied().skip(number * size).take(size).collect();
    let more = (number + 1) * size < found.len();
    page(&csv(records.iter().copied()), records.len(), &if more { (number + 1).to_string() } else { "null".to_owned() })
}
