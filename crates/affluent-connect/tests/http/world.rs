//! A server with things that change: lists, search and SOQL over them, and what a test needs to read them.

use std::sync::{Arc, Mutex, MutexGuard};

use affluent_connect::http::{HttpSource, Patience, ResolvedSettings};
use affluent_connect::{Cursor, Page, Rejected, Source, SourceError, Window};
use affluent_spec::connector::Connector;
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Name, Setting};
use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, SecondsFormat};
use futures::StreamExt;
use indexmap::IndexMap;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The instant `minute` of the tests' calendar, in milliseconds.
pub(crate) fn minute(minute: i64) -> i64 {
    1_700_000_000_000 + minute * 60_000
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thing {
    pub(crate) id: u64,
    pub(crate) changed: i64,
    pub(crate) name: String,
    pub(crate) gone: bool,
}

pub(crate) fn thing(id: u64, changed: i64) -> Thing {
    Thing { id, changed, name: format!("thing {id}"), gone: false }
}

type Hook = Box<dyn FnMut(usize, &mut Vec<Thing>) + Send>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) things: Vec<Thing>,
    /// The requests served: path and query, or path and body.
    pub(crate) log: Vec<String>,
    /// What happens to the things before the request of that number (from 1) is served.
    pub(crate) hook: Option<Hook>,
    /// A list gives an empty page before that id, which is not the last page.
    pub(crate) empty_before: Option<u64>,
    /// Lists name the first page as the next one for ever.
    pub(crate) stuck: bool,
    /// Queries are answered against the order that they ask for.
    pub(crate) bent: bool,
}

/// The things and their server.
pub(crate) struct World {
    pub(crate) server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Served(Arc<Mutex<State>>);

impl World {
    pub(crate) async fn of(things: Vec<Thing>) -> Self {
        let state = Arc::new(Mutex::new(State { things, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Served(Arc::clone(&state))).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn source(&self) -> HttpSource {
        source(&self.server.uri(), "")
    }
}

/// A source of the test manifest, with `more` lines under `http:`.
pub(crate) fn source(base_url: &str, more: &str) -> HttpSource {
    source_of(&include_str!("things.yaml").replace("  # more\n", more), base_url)
}

/// A source of that manifest, all its streams taken.
pub(crate) fn source_of(manifest: &str, base_url: &str) -> HttpSource {
    let manifest = affluent_spec::read::<Connector>("things.yaml", manifest).unwrap();
    assert_eq!(affluent_spec::connector::faults(&manifest), []);
    let with: IndexMap<String, Setting> = [
        ("base_url".to_owned(), serde_json::from_value(json!(base_url)).unwrap()),
        ("token".to_owned(), serde_json::from_value(json!({ "env": "TOKEN" })).unwrap()),
    ]
    .into();
    let settings = ResolvedSettings::resolve(&manifest.value, &with, &|_| Ok("opensesame".to_owned().into())).unwrap();
    let streams: IndexMap<Name, _> =
        manifest.value.streams.keys().map(|name| (name.clone(), StreamOptions::default())).collect();
    HttpSource::with_patience(&manifest.value, &settings, &streams, quick()).unwrap()
}

/// Retries without long waits.
pub(crate) fn quick() -> Patience {
    Patience {
        tries: 4,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(5),
        obeyed: Duration::from_secs(5),
    }
}

/// What a read gave.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) things: Vec<Thing>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) cursor: Option<Cursor>,
    /// Whether the last page closed a slice.
    pub(crate) closed: bool,
    /// How many of the things lie before the last place to go on from.
    pub(crate) kept: usize,
    pub(crate) requests: u32,
}

impl Got {
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.things.iter().map(|thing| thing.id).collect()
    }

    /// Takes a page in.
    fn take(&mut self, page: Page) {
        let column = |name: &str| page.rows.column_by_name(name).unwrap();
        let ids = column("id").as_string::<i32>();
        let changed = column("properties_changed").as_primitive::<TimestampMicrosecondType>();
        let names = column("properties_name").as_string::<i32>();
        let deleted = column("_deleted").as_boolean();
        for row in 0..page.rows.num_rows() {
            self.things.push(Thing {
                id: ids.value(row).parse().unwrap(),
                changed: changed.value(row) / 1000,
                name: if names.is_null(row) { String::new() } else { names.value(row).to_owned() },
                gone: deleted.value(row),
            });
        }
        self.rejected.extend(page.rejected);
        self.requests += page.requests;
        self.closed = page.cursor.is_some();
        if let Some(cursor) = page.cursor {
            self.cursor = Some(cursor);
            self.kept = self.things.len();
        }
    }
}

/// Reads `stream` from `from` on, at most `pages` pages, then breaks off.
pub(crate) async fn read_some(
    source: &HttpSource,
    stream: &str,
    from: Option<Cursor>,
    pages: usize,
) -> Result<Got, SourceError> {
    let mut got = Got { cursor: from.clone(), ..Got::default() };
    let mut stream = source.read(stream, Window { from });
    for _ in 0..pages {
        let Some(page) = stream.next().await else { break };
        got.take(page?);
    }
    Ok(got)
}

/// Reads until the source fails: what was given before it did, and why.
pub(crate) async fn read_to_failure(source: &HttpSource, stream: &str, from: Option<Cursor>) -> (Got, SourceError) {
    let mut got = Got { cursor: from.clone(), ..Got::default() };
    let mut stream = source.read(stream, Window { from });
    loop {
        match stream.next().await {
            Some(Ok(page)) => got.take(page),
            Some(Err(error)) => return (got, error),
            None => unreachable!("the read did not fail: {got:?}"),
        }
    }
}

pub(crate) async fn read(source: &HttpSource, stream: &str, from: Option<Cursor>) -> Result<Got, SourceError> {
    read_some(source, stream, from, usize::MAX).await
}

pub(crate) fn record(thing: &Thing) -> Value {
    json!({
        "id": thing.id.to_string(),
        "gone": thing.gone,
        "properties": { "changed": stamp(thing.changed), "name": thing.name, "hs_object_id": thing.id.to_string() },
    })
}

pub(crate) fn stamp(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap().to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Respond for Served {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let query: IndexMap<String, String> = request.url.query_pairs().into_owned().collect();
        state.log.push(format!("{} {query:?}{body}", request.url.path()));
        let number = state.log.len();
        if let Some(mut hook) = state.hook.take() {
            hook(number, &mut state.things);
            state.hook = Some(hook);
        }
        match request.url.path() {
            "/things/search" => search(&state, &body),
            "/soql" => soql(&state, &query["q"]),
            "/events" => events(&state, &query),
            "/posted" => posted(&state, &body),
            "/bare" => ResponseTemplate::new(200).set_body_json(state.things.iter().map(record).collect::<Vec<_>>()),
            _ => list(&state, &query),
        }
    }
}

/// Ids in order; the token is the last id given.
fn list(state: &State, query: &IndexMap<String, String>) -> ResponseTemplate {
    let after: u64 = query.get("after").map_or(0, |after| after.trim_start_matches('e').parse().unwrap());
    let was_empty = query.get("after").is_some_and(|after| after.starts_with('e'));
    let archived = query.get("archived").is_some_and(|archived| archived == "true");
    let mut left: Vec<&Thing> = state.things.iter().filter(|t| t.gone == archived && t.id > after).collect();
    left.sort_by_key(|thing| thing.id);
    if !was_empty && !archived && left.first().is_some_and(|first| state.empty_before == Some(first.id)) {
        let next = format!("e{after}");
        return ResponseTemplate::new(200)
            .set_body_json(json!({ "results": [], "paging": { "next": { "after": next } } }));
    }
    let limit: usize = query["limit"].parse().unwrap();
    let page: Vec<Value> = left.iter().take(limit).map(|thing| record(thing)).collect();
    let mut answer = json!({ "results": page });
    if state.stuck {
        answer["paging"] = json!({ "next": { "after": "1" } });
    } else if left.len() > limit {
        answer["paging"] = json!({ "next": { "after": left[limit - 1].id.to_string() } });
    }
    ResponseTemplate::new(200).set_body_json(answer)
}

fn posted(state: &State, body: &str) -> ResponseTemplate {
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["only"], "all");
    let from: usize = body["from"].as_str().map_or(0, |from| from.parse().unwrap());
    let page: Vec<Value> = state.things.iter().skip(from).take(2).map(record).collect();
    let next = (from + 2 < state.things.len()).then(|| from + 2);
    ResponseTemplate::new(200).set_body_json(json!({ "data": { "items": page }, "next": next }))
}

/// Newest first, from `since` on.
fn events(state: &State, query: &IndexMap<String, String>) -> ResponseTemplate {
    let since: i64 = query.get("since").map_or(i64::MIN, |since| since.parse().unwrap());
    let offset: usize = query.get("offset").map_or(0, |offset| offset.parse().unwrap());
    let mut left: Vec<&Thing> = state.things.iter().filter(|thing| thing.changed >= since).collect();
    left.sort_by_key(|thing| std::cmp::Reverse((thing.changed, thing.id)));
    let page: Vec<Value> = left.iter().skip(offset).take(3).map(|thing| record(thing)).collect();
    let end = offset + page.len();
    ResponseTemplate::new(200)
        .set_body_json(json!({ "events": page, "offset": end.to_string(), "hasMore": end < left.len() }))
}

struct Ask {
    conditions: Vec<(String, String, String)>,
    sort: String,
    limit: usize,
    offset: usize,
}

fn matching<'a>(things: &'a [Thing], ask: &Ask) -> Vec<&'a Thing> {
    let mut found: Vec<&Thing> = things
        .iter()
        .filter(|thing| {
            ask.conditions.iter().all(|(field, operator, value)| {
                let have = if field == "changed" { thing.changed } else { thing.id as i64 };
                let wanted: i64 = value.parse().unwrap();
                match operator.as_str() {
                    "GTE" | ">=" => have >= wanted,
                    "GT" | ">" => have > wanted,
                    "EQ" | "=" => have == wanted,
                    other => unreachable!("{other}"),
                }
            })
        })
        .collect();
    // Equal cursors come in no particular order, here against that of ids.
    found.sort_by_key(|thing| if ask.sort == "changed" { (thing.changed, u64::MAX - thing.id) } else { (0, thing.id) });
    found
}

fn search(state: &State, body: &str) -> ResponseTemplate {
    let body: Value = serde_json::from_str(body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let filters = body["filterGroups"][0]["filters"].as_array().cloned().unwrap_or_default();
    let ask = Ask {
        conditions: filters
            .iter()
            .map(|f| (text(&f["propertyName"]), text(&f["operator"]), text(&f["value"])))
            .collect(),
        sort: text(&body["sorts"][0]["propertyName"]),
        limit: body["limit"].as_u64().unwrap() as usize,
        offset: body["after"].as_str().map_or(0, |after| after.parse().unwrap()),
    };
    if ask.offset + ask.limit > 10_000 {
        return ResponseTemplate::new(400).set_body_json(json!({ "message": "paging past 10,000 results" }));
    }
    let live: Vec<Thing> = state.things.iter().filter(|thing| !thing.gone).cloned().collect();
    let mut found = matching(&live, &ask);
    if (body["sorts"][0]["direction"] == "DESCENDING") != state.bent {
        found.reverse();
    }
    let page: Vec<Value> = found.iter().skip(ask.offset).take(ask.limit).map(|thing| record(thing)).collect();
    let end = ask.offset + page.len();
    let mut answer = json!({ "total": found.len(), "results": page });
    if end < found.len() {
        answer["paging"] = json!({ "next": { "after": end.to_string() } });
    }
    ResponseTemplate::new(200).set_body_json(answer)
}

/// A SOQL query: its records, or how many there are.
fn soql(state: &State, query: &str) -> ResponseTemplate {
    let mut found = selected(&state.things, query);
    if state.bent {
        found.reverse();
    }
    let records: Vec<Value> = if query.starts_with("SELECT COUNT()") {
        Vec::new()
    } else {
        found.iter().map(|thing| record(thing)).collect()
    };
    ResponseTemplate::new(200).set_body_json(json!({ "totalSize": found.len(), "done": true, "records": records }))
}

/// What a SOQL query selects.
pub(crate) fn selected<'a>(things: &'a [Thing], query: &str) -> Vec<&'a Thing> {
    let (query, limit) =
        query.split_once(" LIMIT ").map_or((query, usize::MAX), |(head, n)| (head, n.parse().unwrap()));
    let (head, order) = query.split_once(" ORDER BY ").unwrap_or((query, ""));
    let conditions = head.split_once(" WHERE ").map(|(_, conditions)| conditions).unwrap_or_default();
    let conditions = conditions.split(" AND ").filter(|condition| !condition.is_empty()).map(|condition| {
        let mut parts = condition.splitn(3, ' ');
        let (field, operator, value) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let value = match DateTime::parse_from_rfc3339(value) {
            Ok(instant) => instant.timestamp_millis().to_string(),
            Err(_) => value.trim_matches('\'').to_owned(),
        };
        (field.trim_start_matches("properties.").to_owned(), operator.to_owned(), value)
    });
    let sort = if order.starts_with("properties.changed ") { "changed" } else { "id" };
    let ask = Ask { conditions: conditions.collect(), sort: sort.to_owned(), limit, offset: 0 };
    matching(things, &ask).into_iter().take(ask.limit).collect()
}
