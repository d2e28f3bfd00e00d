//! What is new, asked for by what the server gave last time.

use affluent_connect::{Overlap, Source};

use crate::library::{Library, seven};
use crate::world::{Thing, minute, read, read_to_failure, thing};

const KINDS: [&str; 3] = ["delta", "delta_url", "export"];

#[tokio::test]
async fn the_token_of_the_last_page_asks_for_what_is_new() {
    for stream in KINDS {
        let library = Library::of(seven()).await;
        let source = library.source();
        let first = read(&source, stream, None).await.unwrap();
        assert_eq!(first.ids(), (1..=7).collect::<Vec<u64>>(), "{stream}");
        let cursor = first.cursor.unwrap();
        assert!(cursor.0["token"].as_str().is_some_and(|token| token.ends_with("t7")), "{stream}: {cursor:?}");
        assert_eq!(source.overlap(stream, Some(&cursor)), Overlap::All);
        // Nothing happened.
        let again = read(&source, stream, Some(cursor.clone())).await.unwrap();
        assert_eq!((again.ids(), again.cursor.as_ref()), (vec![], Some(&cursor)), "{stream}");
        // A change, a deletion, and new ones, with cursors of any age.
        library.shelf().changes.extend([
            thing(1, minute(1)),
            Thing { gone: true, ..thing(2, minute(9)) },
            thing(8, minute(0)),
            thing(9, minute(9)),
            thing(10, minute(9)),
        ]);
        let new = read(&source, stream, Some(cursor)).await.unwrap();
        assert_eq!(new.ids(), [1, 2, 8, 9, 10], "{stream}");
        let gone: Vec<u64> = new.things.iter().filter(|thing| thing.gone).map(|thing| thing.id).collect();
        assert_eq!(gone, [2], "{stream}");
        assert!(new.rejected.is_empty(), "{stream}: {:?}", new.rejected);
    }
}

#[tokio::test]
async fn a_token_is_stored_with_its_data_and_never_before() {
    for (stream, kept) in [("delta", 0), ("delta_url", 0), ("export", 4)] {
        let library = Library::of(seven()).await;
        let source = library.source();
        library.shelf().broken = Some(3);
        let (got, _) = read_to_failure(&source, stream, None).await;
        assert_eq!(got.kept, kept, "{stream}: {:?}", got.cursor);
        let mut ids: Vec<u64> = got.ids()[..kept].to_vec();
        ids.extend(read(&source, stream, got.cursor).await.unwrap().ids());
        assert_eq!(ids, (1..=7).collect::<Vec<u64>>(), "{stream}");
    }
}

#[tokio::test]
async fn a_token_that_has_run_out_means_to_begin_anew() {
    for stream in KINDS {
        let library = Library::of(seven()).await;
        let source = library.source();
        let cursor = read(&source, stream, None).await.unwrap().cursor;
        library.shelf().forgotten = true;
        library.shelf().changes.push(thing(8, minute(8)));
        if stream == "export" {
            // Here the next page is asked for by the same token, which the server does not know either.
            let error = read(&source, stream, cursor).await.unwrap_err();
            assert!(error.to_string().contains("too old") && error.hint() == Some("read it anew"), "{error}");
            continue;
        }
        let anew = read(&source, stream, cursor).await.unwrap();
        assert_eq!(anew.ids(), (1..=8).collect::<Vec<u64>>(), "{stream}");
        assert!(anew.cursor.is_some_and(|cursor| cursor.0["token"].as_str().is_some_and(|t| t.ends_with("t8"))));
    }
}

#[tokio::test]
async fn an_end_that_names_no_token_is_an_error() {
    let server = wiremock::MockServer::start().await;
    let answer = wiremock::ResponseTemplate::new(200).set_body_raw(r#"{"items":[{"id":"1"}]}"#, "application/json");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    let source = crate::world::source_of(include_str!("library.yaml"), &server.uri());
    let error = read(&source, "delta", None).await.unwrap_err();
    assert!(error.to_string().contains("names nothing at `delta`"), "{error}");
}
