//! A server of things with each way of paging, of telling what is new, and of telling what was deleted.

use std::sync::{Arc, Mutex, MutexGuard};

use affluent_connect::http::HttpSource;
use indexmap::IndexMap;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::world::{Thing, minute, record, source_of, thing};

type Hook = Box<dyn FnMut(usize, &mut Shelf) + Send>;

#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) things: Vec<Thing>,
    /// What happened, in its order: things as they became, gone ones too.
    pub(crate) changes: Vec<Thing>,
    /// Path and query of the requests served, then body.
    pub(crate) log: Vec<String>,
    /// What happens before the request of that number (from 1) is served.
    pub(crate) hook: Option<Hook>,
    /// The number of a page (from 0) that is empty, and not the last.
    pub(crate) empty: Option<usize>,
    /// The server knows no paging: its first page is all that it gives.
    pub(crate) stuck: bool,
    /// The number of a request that fails for good.
    pub(crate) broken: Option<usize>,
    /// Tokens given so far are not known any more.
    pub(crate) forgotten: bool,
    pub(crate) shelves: Vec<(String, Vec<u64>)>,
    pub(crate) claimed: Option<usize>,
}

pub(crate) struct Library {
    pub(crate) server: MockServer,
    state: Arc<Mutex<Shelf>>,
}

struct Served(Arc<Mutex<Shelf>>);

pub(crate) fn seven() -> Vec<Thing> {
    (1..=7).map(|id| thing(id, minute(id as i64))).collect()
}

impl Library {
    pub(crate) async fn of(things: Vec<Thing>) -> Self {
        let shelf = Shelf { changes: things.clone(), things, ..Shelf::default() };
        let state = Arc::new(Mutex::new(shelf));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Served(Arc::clone(&state))).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.state.lock().unwrap()
    }

    pub(crate) fn source(&self) -> HttpSource {
        source_of(include_str!("library.yaml"), &self.server.uri())
    }
}

impl Shelf {
    /// A thing changes, comes or goes.
    pub(crate) fn put(&mut self, thing: Thing) {
        self.things.retain(|other| other.id != thing.id);
        self.changes.retain(|other| other.id != thing.id);
        self.changes.push(thing.clone());
        if !thing.gone {
            self.things.push(thing);
        }
    }

    /// The page of that number (from 0) of three things, and whether more follows.
    fn page(&self, things: &[Value], number: usize) -> (Vec<Value>, bool) {
        let number = if self.stuck { 0 } else { number };
        let mut pages: Vec<Vec<Value>> = things.chunks(3).map(<[Value]>::to_vec).collect();
        if let Some(empty) = self.empty.filter(|empty| *empty < pages.len()) {
            pages.insert(empty, Vec::new());
        }
        (pages.get(number).cloned().unwrap_or_default(), self.stuck || number + 1 < pages.len())
    }
}

impl Respond for Served {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut shelf = self.0.lock().unwrap();
        let query: IndexMap<String, String> = request.url.query_pairs().into_owned().collect();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        shelf.log.push(format!("{} {query:?}{body}", request.url.path()));
        let number = shelf.log.len();
        if let Some(mut hook) = shelf.hook.take() {
            hook(number, &mut shelf);
            shelf.hook = Some(hook);
        }
        if shelf.broken == Some(number) {
            return ResponseTemplate::new(400).set_body_string("broken");
        }
        let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let text = |name: &str| query.get(name).cloned();
        let at = |name: &str| text(name).map_or(0, |number| number.parse::<usize>().unwrap());
        let since = |given: Option<String>| given.map_or(i64::MIN, |since| since.parse().unwrap());
        let from = since(text("since"));
        let mut things: Vec<Thing> = shelf.things.iter().filter(|thing| thing.changed >= from).cloned().collect();
        things.sort_by_key(|thing| thing.id);
        let all: Vec<Value> = things.iter().map(record).collect();
        let answer = match request.url.path() {
            "/link" => {
                let (page, more) = shelf.page(&all, at("page"));
                let answer = ResponseTemplate::new(200).set_body_json(page);
                let since = text("since").map_or_else(String::new, |since| format!("&since={since}"));
                let next = format!("</link>; rel=first, <?page={}{since}>; rel=\"next\"", at("page") + 1);
                return if more { answer.insert_header("link", next.as_str()) } else { answer };
            }
            "/offset" => {
                let offset = if shelf.stuck { 0 } else { at("offset") };
                let page: Vec<&Value> = all.iter().skip(offset).take(3).collect();
                json!({ "items": page, "total": all.len(), "claimed": shelf.claimed })
            }
            "/page" if !body.is_empty() => {
                let asked: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(asked["filter"]["kind"], "all {");
                let from = asked["filter"]["since"].as_i64().unwrap_or(i64::MIN);
                let new: Vec<Value> = things.iter().filter(|thing| thing.changed >= from).map(record).collect();
                let (page, _) = shelf.page(&new, asked["page"].as_u64().unwrap() as usize);
                json!({ "items": page })
            }
            "/page" => {
                let (from, to) = (since(header("x-from")), header("x-to").map_or(i64::MAX, |to| to.parse().unwrap()));
                let in_time = things.iter().filter(|thing| thing.changed >= from && thing.changed < to);
                let (page, more) = shelf.page(&in_time.map(record).collect::<Vec<_>>(), at("page"));
                json!({ "items": page, "more": more })
            }
            "/last" => {
                let after = if shelf.stuck { 0 } else { at("after") as u64 };
                let left: Vec<Value> = things.iter().filter(|thing| thing.id > after).map(record).collect();
                json!({ "items": left.iter().take(3).collect::<Vec<_>>(), "more": left.len() > 3 })
            }
            "/delta" | "/delta_url" | "/export" => return changed(&shelf, request.url.path(), &query),
            "/deleted" => {
                let gone = shelf.changes.iter().filter(|thing| thing.gone && thing.changed >= from);
                let told = gone
                    .map(|thing| json!({ "what": { "id": thing.id }, "when": record(thing)["properties"]["changed"] }));
                let (page, _) = shelf.page(&told.collect::<Vec<_>>(), at("page") - 1);
                json!({ "gone": page })
            }
            "/shelves" => {
                let shelves = shelf.shelves.iter().map(|(name, _)| json!({ "id": name, "closed": name == "closed" }));
                let (page, more) = shelf.page(&shelves.collect::<Vec<_>>(), at("page") - 1);
                json!({ "shelves": page, "more": more })
            }
            "/orders" => {
                let order = |things: &[Thing]| {
                    let line = |thing: &Thing| json!({ "id": thing.id, "properties": { "name": thing.name } });
                    let lines: Vec<Value> = things.iter().map(line).collect();
                    json!({ "id": "o", "updated": record(&things[0])["properties"]["changed"], "lines": { "all": lines } })
                };
                let mut orders: Vec<Value> = things.chunks(2).map(order).collect();
                orders.insert(1, json!({ "id": "none", "lines": { "all": null } }));
                orders.insert(1, json!({ "id": "none" }));
                orders.push(json!({ "id": "odd", "updated": null, "lines": { "all": ["no line"] } }));
                json!({ "orders": orders })
            }
            "/ndjson" => {
                let (page, _) = shelf.page(&all, at("page"));
                let lines: String = page.iter().map(|thing| format!("{thing}\n")).collect();
                return ResponseTemplate::new(200).set_body_raw(lines, "application/x-ndjson");
            }
            "/csv" => {
                let (page, _) = shelf.page(&all, at("page"));
                let line = |thing: &Value| {
                    let properties = &thing["properties"];
                    format!("{},{},{}\n", thing["id"], properties["changed"], properties["name"])
                };
                let lines: String = page.iter().map(line).collect();
                let text = format!("id,properties.changed,properties.name\n{lines}");
                return ResponseTemplate::new(200).set_body_raw(text, "text/csv");
            }
            "/wide" => {
                let names = text("names").unwrap();
                let asked: Vec<&str> = names.split(';').collect();
                assert!(asked.len() <= 2 && asked[0] == "changed", "{names}");
                let narrow = |(index, thing): (usize, &Thing)| {
                    let mut properties = serde_json::Map::new();
                    for name in &asked {
                        let value = match *name {
                            "a" => serde_json::from_str(&format!("{index}.5")).unwrap(),
                            "b" => json!(format!("b{index}")),
                            name => record(thing)["properties"][name].clone(),
                        };
                        properties.insert((*name).to_owned(), value);
                    }
                    json!({ "id": thing.id.to_string(), "properties": properties })
                };
                let (page, more) = shelf.page(&things.iter().enumerate().map(narrow).collect::<Vec<_>>(), at("page"));
                json!({ "items": page, "more": more })
            }
            path => {
                let name = path.strip_prefix("/shelves/").and_then(|path| path.strip_suffix("/things"));
                let label = text("label").unwrap();
                let shelved = shelf.shelves.iter().find(|(name, _)| label == format!("on {name}"));
                let (shelf_name, ids) = shelved.unwrap_or_else(|| unreachable!("{path}"));
                assert_eq!(name, Some(shelf_name.replace(' ', "%20").replace('/', "%2F").as_str()));
                let own = things.iter().filter(|thing| ids.contains(&thing.id));
                let (page, more) = shelf.page(&own.map(record).collect::<Vec<_>>(), at("page"));
                json!({ "items": page, "more": more })
            }
        };
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

/// What changed since a token, which is the number of changes passed; a page has two of them.
fn changed(shelf: &Shelf, path: &str, query: &IndexMap<String, String>) -> ResponseTemplate {
    let number = |name: &str| query.get(name).map(|token| token.trim_start_matches('t').parse::<usize>().unwrap());
    let (token, page) = match path {
        "/export" => (number("cursor"), None),
        _ => (number("token"), number("page")),
    };
    assert!(token.is_some() != query.contains_key("from") || path != "/delta", "{query:?}");
    assert!(token.is_some() != query.contains_key("start") || path != "/export", "{query:?}");
    if shelf.forgotten && token.is_some() {
        return ResponseTemplate::new(410).set_body_json(json!({ "message": "the token is too old" }));
    }
    let begin = page.or(token).unwrap_or_default();
    let told = shelf.changes.iter().skip(begin).take(2).map(|thing| match (thing.gone, path) {
        (false, _) => record(thing),
        (true, "/export") => {
            let mut gone = record(thing);
            gone["status"] = "gone".into();
            gone
        }
        (true, _) => json!({ "reason": "deleted", "was": { "id": thing.id.to_string() } }),
    });
    let told: Vec<Value> = told.collect();
    let end = begin + told.len();
    let done = end >= shelf.changes.len();
    let link = |name: &str| match path {
        "/delta" => json!(format!("t{end}")),
        _ => json!(format!("/delta_url?{name}=t{end}")),
    };
    let mut answer = json!({ "items": told });
    match path {
        "/export" => answer["after"] = json!(format!("t{end}")),
        _ if done => answer["delta"] = link("token"),
        _ => answer["next"] = link("page"),
    }
    answer["done"] = done.into();
    ResponseTemplate::new(200).set_body_json(answer)
}
