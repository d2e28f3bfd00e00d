//! Lists: pages to the end, places to go on from, tombstones, records that do not fit.

use affluent_connect::{Overlap, Rejected, Source};
use arrow::array::AsArray;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{World, minute, read, read_some, source, thing};

fn seven() -> Vec<crate::world::Thing> {
    (1..=7).map(|id| thing(id, minute(id as i64))).collect()
}

#[tokio::test]
async fn reads_pages_to_the_end_and_closes() {
    let world = World::of(seven()).await;
    let got = read(&world.source(), "whole", None).await.unwrap();
    assert_eq!(got.ids(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(got.requests, 3);
    assert!(got.closed);
    let again = read(&world.source(), "whole", got.cursor.clone()).await.unwrap();
    assert_eq!(again.ids().len(), 7);
    assert_eq!(world.source().overlap("whole", got.cursor.as_ref()), Overlap::All);
}

#[tokio::test]
async fn an_empty_page_is_not_the_last() {
    let world = World::of(seven()).await;
    world.state().empty_before = Some(4);
    assert_eq!(read(&world.source(), "whole", None).await.unwrap().ids(), [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_list_without_end_is_an_error() {
    let world = World::of(seven()).await;
    world.state().stuck = true;
    let error = read(&world.source(), "whole", None).await.unwrap_err();
    assert!(error.to_string().contains("over and over"), "{error}");
}

#[tokio::test]
async fn reads_by_post_and_bare_arrays() {
    let world = World::of(seven()).await;
    assert_eq!(read(&world.source(), "posted", None).await.unwrap().ids(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(read(&world.source(), "bare", None).await.unwrap().ids().len(), 7);
}

#[tokio::test]
async fn asks_for_the_declared_properties() {
    let world = World::of(seven()).await;
    read(&world.source(), "things", None).await.unwrap();
    let log = world.state().log.join("\n");
    assert!(log.contains(r#""properties": "changed,name""#), "{log}");
}

#[tokio::test]
async fn archived_records_are_tombstones() {
    let mut things = seven();
    things[1].gone = true;
    let world = World::of(things.clone()).await;
    let mut got = read(&world.source(), "things", None).await.unwrap();
    got.things.sort_by_key(|thing| thing.id);
    assert_eq!(got.things, things);
}

#[tokio::test]
async fn a_first_load_goes_on_at_the_page_where_it_was_cut_off() {
    let world = World::of((1..=30).map(|id| thing(id, minute(id as i64))).collect()).await;
    let source = world.source();
    let first = read_some(&source, "things", None, 2).await.unwrap();
    let cursor = first.cursor.clone().unwrap();
    assert!(cursor.0["page"].is_string(), "{cursor:?}");
    assert_eq!(source.overlap("things", Some(&cursor)), Overlap::All);
    world.state().log.clear();
    // The task that asked may have one more request under way.
    let rest = read(&source, "things", Some(cursor)).await.unwrap();
    let ids: Vec<u64> = first.ids().into_iter().chain(rest.ids()).collect();
    assert_eq!(ids, (1..=30).collect::<Vec<u64>>());
    assert_eq!(rest.cursor.unwrap().0["at"], "2023-11-14T22:43:20Z");
}

/// A server with one answer to everything.
async fn answering(body: &str) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn what_does_not_fit_is_rejected_with_its_key() {
    let body = r#"{"results":[{"id":"1","properties":{"changed":"2026-01-01T00:00:00Z","count":"7"}},
        {"id":"2","properties":{"changed":"2026-01-01T00:00:00Z","count":"134;137"}}]}"#;
    let server = answering(body).await;
    let got = read(&source(&server.uri(), ""), "numbers", None).await.unwrap();
    assert_eq!(got.ids(), [1]);
    let rejected = &got.rejected[0];
    assert_eq!((rejected.position.as_str(), rejected.column.as_deref()), ("numbers:2", Some("properties_count")));
    assert!(rejected.reason.contains("134;137") && rejected.raw.contains("\"id\":\"2\""), "{rejected:?}");
    // Tried again as it was kept, and mended by hand: each is a row or refused again, and nobody is asked.
    let mended = Rejected { raw: rejected.raw.replace("134;137", "134"), ..rejected.clone() };
    let gone = Rejected { position: "numbers:2 (deleted)".to_owned(), ..mended.clone() };
    let garbled = Rejected { raw: mended.raw.replace("134", "134\u{fffd}"), ..mended.clone() };
    let tried = vec![rejected.clone(), mended, gone, garbled.clone()];
    let page = source(&server.uri(), "").replay("numbers", None, tried).await.unwrap();
    assert_eq!(page.rejected, [rejected.clone(), garbled]);
    let deleted = page.rows.column_by_name("_deleted").unwrap().as_boolean();
    assert_eq!(deleted.iter().collect::<Vec<_>>(), [Some(false), Some(true)]);
}

#[tokio::test]
async fn discovers_and_checks() {
    let world = World::of(seven()).await;
    let source = world.source();
    source.check().await.unwrap();
    let schema = source.discover("things").await.unwrap();
    assert_eq!(schema.key, ["id"]);
    assert_eq!(schema.cursor.as_deref(), Some("properties_changed"));
    assert!(schema.nested);
    let error = source.discover("thingz").await.unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("things")), "{error}");
}

#[tokio::test]
async fn a_record_without_its_key_is_rejected() {
    let body = r#"{"results":[{"id":"1","properties":{"changed":"2026-01-01T00:00:00Z"}},{"properties":{}},{"id":null},{"id":" "}]}"#;
    let server = answering(body).await;
    let got = read(&source(&server.uri(), ""), "numbers", None).await.unwrap();
    assert_eq!(got.ids(), [1]);
    assert!(got.rejected.iter().all(|rejected| rejected.reason == "the key `id` is missing"), "{:?}", got.rejected);
    assert_eq!(got.rejected.len(), 3);
}

#[tokio::test]
async fn an_answer_that_would_end_a_list_early_is_an_error() {
    for (body, said) in [
        (
            r#"{"results":[{"id":"1"}],"paging":{"next":{"after":{"a":1}}}}"#,
            "`paging.next.after` of the answer is neither",
        ),
        ("<html><body>maintenance</body></html>", "begins with `<`"),
    ] {
        let server = answering(body).await;
        let error = read(&source(&server.uri(), ""), "whole", None).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(server.received_requests().await.map(|requests| requests.len()), Some(1), "{said}");
    }
}
