//! Ways of paging: each to its end and no further, whatever happens meanwhile.

use affluent_connect::error::Class;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::library::{Library, seven};
use crate::world::{Thing, minute, read, read_to_failure, source_of, thing};

const KINDS: [&str; 5] = ["link", "offset", "page", "bare_page", "last"];

fn sorted(mut ids: Vec<u64>) -> Vec<u64> {
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn each_way_reads_all_pages_and_no_more() {
    for (stream, requests) in [
        ("link", 3),
        ("offset", 3),
        ("bare_offset", 4),
        ("page", 3),
        ("bare_page", 4),
        ("last", 3),
        ("lined", 4),
        ("table", 4),
    ] {
        let library = Library::of(seven()).await;
        let got = read(&library.source(), stream, None).await.unwrap();
        assert_eq!((got.ids(), got.requests, got.closed), ((1..=7).collect(), requests, true), "{stream}");
        assert_eq!(got.things, seven(), "{stream}");
        // Nothing there is nothing, and no error.
        library.shelf().things.clear();
        assert_eq!(read(&library.source(), stream, None).await.unwrap().ids(), Vec::<u64>::new(), "{stream}");
    }
}

#[tokio::test]
async fn an_empty_page_that_is_not_the_last_is_passed() {
    for stream in ["link", "page"] {
        for empty in [0, 1, 2] {
            let library = Library::of(seven()).await;
            library.shelf().empty = Some(empty);
            let got = read(&library.source(), stream, None).await.unwrap();
            assert_eq!(got.ids(), (1..=7).collect::<Vec<u64>>(), "{stream} {empty}");
        }
    }
}

#[tokio::test]
async fn a_server_without_paging_is_told_instead_of_read_for_ever() {
    for stream in ["bare_offset", "bare_page", "link", "page", "last"] {
        let library = Library::of(seven()).await;
        library.shelf().stuck = true;
        let error = read(&library.source(), stream, None).await.unwrap_err();
        assert!(error.to_string().contains("over and over"), "{stream}: {error}");
        assert!(library.shelf().log.len() < 5, "{stream}");
    }
}

/// Equal cursors on both sides of a page's border, a late record, and changes while pages are read.
#[tokio::test]
async fn what_is_new_is_found_whatever_changed_meanwhile() {
    for stream in KINDS {
        let equal: Vec<Thing> = (1..=7).map(|id| thing(id, minute(7))).collect();
        let library = Library::of(equal).await;
        let source = library.source();
        // A record of the first page changes while the second one is read.
        library.shelf().hook = Some(Box::new(|number, shelf| {
            if number == 2 {
                shelf.put(Thing { name: "changed".into(), ..thing(1, minute(9)) });
            }
        }));
        let first = read(&source, stream, None).await.unwrap();
        assert_eq!(sorted(first.ids()), (1..=7).collect::<Vec<u64>>(), "{stream}");
        let cursor = first.cursor.unwrap();
        library.shelf().hook = None;
        // One late by two minutes, one new, one too late to be found.
        library.shelf().things.extend([thing(8, minute(5)), thing(9, minute(20)), thing(10, minute(1))]);
        library.shelf().log.clear();
        let second = read(&source, stream, Some(cursor)).await.unwrap();
        assert_eq!(sorted(second.ids()), (1..=9).collect::<Vec<u64>>(), "{stream}");
        assert!(second.things.iter().any(|thing| thing.name == "changed"), "{stream}");
        assert_eq!(second.cursor.unwrap().0["at"], "2023-11-14T22:33:20Z", "{stream}");
        assert!(library.shelf().log[0].contains(&minute(2).to_string()), "{stream}: {:?}", library.shelf().log);
    }
}

#[tokio::test]
async fn a_read_that_fails_in_the_middle_is_begun_again() {
    for stream in KINDS {
        let library = Library::of(seven()).await;
        let source = library.source();
        library.shelf().broken = Some(2);
        let (got, error) = read_to_failure(&source, stream, None).await;
        assert_eq!((got.kept, got.cursor.as_ref()), (0, None), "{stream}");
        assert_eq!(error.class(), Class::Failed);
        let again = read(&source, stream, got.cursor).await.unwrap();
        assert_eq!(again.ids(), (1..=7).collect::<Vec<u64>>(), "{stream}");
    }
}

/// Records that are deleted while pages are read push none past unseen.
#[tokio::test]
async fn deletions_while_a_list_is_read_lose_no_other_record() {
    for stream in ["offset", "bare_offset"] {
        for (at, gone) in
            [(2, vec![1]), (2, vec![3]), (2, vec![1, 2, 3]), (3, vec![1, 5]), (4, (1..=6).collect::<Vec<u64>>())]
        {
            let library = Library::of((1..=13).map(|id| thing(id, minute(id as i64))).collect()).await;
            let leaving = gone.clone();
            library.shelf().hook = Some(Box::new(move |number, shelf| {
                if number == at {
                    shelf.things.retain(|thing| !leaving.contains(&thing.id));
                }
            }));
            let got = read(&library.source(), stream, None).await.unwrap();
            let lost: Vec<u64> = (1..=13).filter(|id| !gone.contains(id) && !got.ids().contains(id)).collect();
            assert_eq!(lost, [0; 0], "{stream}, {gone:?} before request {at}");
            assert!(library.shelf().log.len() <= 12, "{stream}: {:?}", library.shelf().log);
        }
        // Where there is never any rest, it is told.
        let library = Library::of((1..=500).map(|id| thing(id, minute(id as i64))).collect()).await;
        library.shelf().hook = Some(Box::new(|_, shelf| drop(shelf.things.drain(..9))));
        let error = read(&library.source(), stream, None).await.unwrap_err();
        assert_eq!(error.class(), Class::Temporary, "{stream}: {error}");
        assert!(error.to_string().contains("faster than the list is read"), "{stream}: {error}");
    }
}

const BY_URL: &str = "
connector: named
settings: { token: { type: string, secret: true }, base_url: { type: url } }
http: { base_url: base_url, auth: { bearer: token }, check: { get: /me } }
streams:
  named:
    get: /v1/things
    records: items
    next: { url: next }
    key: [id]
    fields: { id: string, properties.changed: timestamp, properties.name: string }
";

/// What a server names as the next page is a reference from the page that was asked for; the token stays on the server.
#[tokio::test]
async fn the_next_page_lies_where_its_url_says_and_on_the_same_server() {
    let other = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("{}")).mount(&other).await;
    let host = other.address();
    for (next, asked) in [
        ("?page=2".to_owned(), Some("/v1/things?page=2".to_owned())),
        ("things?page=2".to_owned(), Some("/v1/things?page=2".to_owned())),
        ("/v2/things".to_owned(), Some("/v2/things".to_owned())),
        ("/v1/things?back=https://a.example/".to_owned(), Some("/v1/things?back=https://a.example/".to_owned())),
        (format!("@{host}/stolen"), Some(format!("/v1/@{host}/stolen"))),
        (format!("//{host}/stolen"), None),
        (format!("{}/stolen", other.uri()), None),
        ("mailto:somebody@a.example".to_owned(), None),
    ] {
        let server = MockServer::start().await;
        let named = next.clone();
        let page = move |request: &Request| {
            let first = request.url.path() == "/v1/things" && request.url.query().is_none();
            ResponseTemplate::new(200).set_body_json(json!({ "items": [], "next": first.then_some(&named) }))
        };
        Mock::given(any()).respond_with(page).mount(&server).await;
        let got = read(&source_of(BY_URL, &server.uri()), "named", None).await;
        let requests: Vec<String> = server.received_requests().await.unwrap()[1..]
            .iter()
            .map(|request| request.url[url::Position::BeforePath..].to_owned())
            .collect();
        match (got, asked) {
            (Ok(_), Some(asked)) => assert_eq!(requests, [asked], "{next}"),
            (Err(error), None) => assert!(error.to_string().contains("the next page is not on"), "{next}: {error}"),
            (got, _) => unreachable!("{next}: {got:?} {requests:?}"),
        }
    }
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn slices_are_stored_one_by_one() {
    let day = 24 * 60;
    // From 2023-11-14 on, a slice is a year: two things on the border of the second one, the last of them late.
    let things: Vec<Thing> =
        [0, 100, 365, 365, 500, 800].into_iter().zip(1..).map(|(days, id)| thing(id, minute(days * day))).collect();
    let library = Library::of(things).await;
    let source = library.source();
    library.shelf().broken = Some(3);
    let (got, _) = read_to_failure(&source, "slices", None).await;
    assert_eq!((got.ids(), got.kept), ((1..=5).collect::<Vec<u64>>(), 5));
    let cursor = got.cursor.unwrap();
    assert_eq!(cursor.0["at"], "2025-11-13T22:13:20Z", "the end of the second slice");
    library.shelf().broken = None;
    library.shelf().log.clear();
    let rest = read(&source, "slices", Some(cursor)).await.unwrap();
    assert_eq!(rest.ids(), [6]);
    // Slices without records are passed too; the last one ends now, and says nothing of what comes.
    assert!(rest.cursor.unwrap().0["at"].as_str() >= Some("2026-01-22T22:13:20Z"));
    assert!(library.shelf().log.len() >= 2);
}

#[tokio::test]
async fn what_is_younger_than_the_lag_is_left_for_later() {
    let ago = |hours: i64| chrono::Utc::now().timestamp_millis() - hours * 3_600_000;
    let library = Library::of(vec![thing(1, ago(49)), thing(2, ago(47)), thing(3, ago(1))]).await;
    assert_eq!(read(&library.source(), "slices", None).await.unwrap().ids(), [1, 2, 3]);
    let got = read(&library.source(), "lagging", None).await.unwrap();
    assert_eq!(got.ids(), [1]);
    library.shelf().put(thing(2, ago(48) - 60_000));
    assert_eq!(read(&library.source(), "lagging", got.cursor).await.unwrap().ids(), [1, 2]);
}

#[tokio::test]
async fn fewer_records_than_told_are_an_error() {
    let library = Library::of(seven()).await;
    for (claimed, fine) in [(None, true), (Some(7), true), (Some(5), true), (Some(8), false)] {
        library.shelf().claimed = claimed;
        let read = read(&library.source(), "counted", None).await;
        assert_eq!(read.is_ok(), fine, "{claimed:?}");
        if let Err(error) = read {
            assert!(error.to_string().contains("tells of 8 records and gave 7"), "{error}");
        }
    }
}
