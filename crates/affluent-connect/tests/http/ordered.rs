//! Lists in the order of their cursor: past a cap on their depth, whatever changes meanwhile, from wherever a read was cut off.

use std::sync::{Arc, Mutex, MutexGuard};

use affluent_connect::http::HttpSource;
use affluent_connect::{Overlap, Source};
use indexmap::IndexMap;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::world::{Thing, minute, read, read_some, record, source_of, thing};

/// Records of a page, and those that the pages of one list reach.
const PAGE: usize = 3;
const REACH: usize = 9;

#[derive(Default)]
struct Shelf {
    things: Vec<Thing>,
    asked: usize,
    /// Another thing after the request of that number (from 1).
    put: Option<(usize, Thing)>,
    /// The server knows no `since`.
    deaf: bool,
    /// It gives the newest first.
    backwards: bool,
}

struct Listed(Arc<Mutex<Shelf>>);

impl Respond for Listed {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut shelf = self.0.lock().unwrap();
        let query: IndexMap<String, String> = request.url.query_pairs().into_owned().collect();
        let since = query.get("since").map_or(i64::MIN, |since| since.parse().unwrap());
        let passed: usize = query.get("page").map_or(0, |page| page.parse().unwrap());
        // What was changed behind that second, as servers take it that read the word strictly.
        let mut left: Vec<&Thing> = shelf.things.iter().filter(|t| shelf.deaf || t.changed / 1000 > since).collect();
        left.sort_by_key(|thing| (thing.changed, std::cmp::Reverse(thing.id)));
        if shelf.backwards {
            left.reverse();
        }
        let page: Vec<_> = left.iter().skip(passed).take(PAGE).map(|thing| record(thing)).collect();
        let end = passed + page.len();
        let answer = json!({ "items": page, "next": (end < left.len()).then(|| end.to_string()) });
        shelf.asked += 1;
        if let Some((_, thing)) = shelf.put.clone().filter(|(number, _)| *number == shelf.asked) {
            shelf.things.retain(|other| other.id != thing.id);
            shelf.things.push(thing);
        }
        if end > REACH {
            return ResponseTemplate::new(400).set_body_string("too deep");
        }
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

struct Server {
    server: MockServer,
    shelf: Arc<Mutex<Shelf>>,
}

impl Server {
    async fn of(things: Vec<Thing>) -> Self {
        let shelf = Arc::new(Mutex::new(Shelf { things, ..Shelf::default() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Listed(Arc::clone(&shelf))).mount(&server).await;
        Self { server, shelf }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    fn source(&self) -> HttpSource {
        source_of(include_str!("ordered.yaml"), &self.server.uri())
    }
}

/// Things at most two of which were changed in one second, but for five in the middle.
fn twenty() -> Vec<Thing> {
    let second = |id: u64| if (9..14).contains(&id) { 9 } else { id / 2 * 3 };
    let mut things: Vec<Thing> =
        (1..=20).map(|id| thing(id, minute(0) + second(id) as i64 * 1000 + id as i64)).collect();
    things.sort_by_key(|thing| thing.changed);
    things
}

fn sorted(mut things: Vec<Thing>) -> Vec<Thing> {
    things.sort_by_key(|thing| (thing.changed, thing.id));
    things
}

#[tokio::test]
async fn the_reach_of_a_list_is_not_met() {
    let server = Server::of(twenty()).await;
    let got = read(&server.source(), "things", None).await.unwrap();
    assert_eq!(sorted(got.things), twenty());
    assert_eq!((got.closed, got.kept), (true, 20));
    let cursor = got.cursor.unwrap();
    assert_eq!(cursor.0["at"], "2023-11-14T22:13:50.020Z");
    let Overlap::Since { since, .. } = server.source().overlap("things", Some(&cursor)) else { unreachable!() };
    assert_eq!(since.timestamp_millis(), minute(-5) + 30_020);
}

#[tokio::test]
async fn a_record_that_changes_meanwhile_is_met_again_and_none_is_lost() {
    for request in 1..10 {
        let server = Server::of(twenty()).await;
        let changed = Thing { name: "changed".into(), ..thing(1, minute(1)) };
        server.shelf().put = Some((request, changed.clone()));
        let got = sorted(read(&server.source(), "things", None).await.unwrap().things);
        let expected: Vec<Thing> = twenty().into_iter().chain([changed]).collect();
        assert_eq!(got, expected, "after request {request}");
    }
}

#[tokio::test]
async fn a_read_goes_on_where_it_was_cut_off() {
    let server = Server::of(twenty()).await;
    let source = server.source();
    for pages in 1..8 {
        let first = read_some(&source, "things", None, pages).await.unwrap();
        assert_eq!(first.kept, first.things.len(), "each page is a place to go on from");
        let rest = read(&source, "things", first.cursor).await.unwrap();
        let mut ids: Vec<u64> = first.things.iter().chain(&rest.things).map(|thing| thing.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, (1..=20).collect::<Vec<u64>>(), "{pages}");
    }
}

#[tokio::test]
async fn a_server_that_knows_no_since_is_read_by_its_pages_and_another_order_is_refused() {
    let server = Server::of(twenty()[..8].to_vec()).await;
    server.shelf().deaf = true;
    let mut ids = read(&server.source(), "things", None).await.unwrap().ids();
    ids.sort_unstable();
    ids.dedup();
    let mut expected: Vec<u64> = twenty()[..8].iter().map(|thing| thing.id).collect();
    expected.sort_unstable();
    assert_eq!((ids, server.shelf().asked), (expected, 4));
    server.shelf().backwards = true;
    let error = read(&server.source(), "things", None).await.unwrap_err();
    assert!(error.to_string().contains("another order"), "{error}");
}
