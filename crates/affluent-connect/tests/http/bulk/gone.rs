//! Runs that are cut off: they go on with the same job while it is there, and lose nothing when it is gone.

use affluent_connect::{Cursor, Overlap, Source};
use serde_json::json;

use super::{MANIFEST, Server, error};
use crate::world::{Got, minute, read, read_some, read_to_failure, source_of, thing};

const LAST: &str = "GET /v1/jobs/query/750x0/results {\"maxRecords\": \"20000\", \"locator\": \"8\"}";

/// A first read of 27 things that is cut off at the last of nine pages.
async fn cut_off(server: &Server) -> Got {
    server.state().always.push((LAST, error(400, "UNKNOWN_EXCEPTION", "on request")));
    let (got, _) = read_to_failure(&server.source(), "things", None).await;
    server.state().always.clear();
    assert_eq!((got.kept, got.ids()), (24, (1..=24).collect()));
    got
}

#[tokio::test]
async fn a_read_that_was_cut_off_goes_on_with_the_next_page_of_the_same_job() {
    let server = Server::of(27).await;
    let got = cut_off(&server).await;
    let cursor = got.cursor.unwrap();
    assert_eq!(cursor.0["job"]["path"], "/v1/jobs/query/750x0");
    assert_eq!(
        (cursor.0.get("at"), &cursor.0["job"]["locator"], &cursor.0["job"]["given"]),
        (None, &json!("8"), &json!(24))
    );
    // What is new since belongs to the next read.
    server.state().things.push(thing(28, minute(280)));
    server.state().instead.push(("GET /v1/jobs/query/750x0 ", done(27)));
    let last = super::csv(&server.state().things[24..27]);
    server.state().instead.push((LAST, super::page(&last, 3, "null")));
    let rest = read(&server.source(), "things", Some(cursor)).await.unwrap();
    assert_eq!((rest.ids(), server.count("POST"), server.count("DELETE")), (vec![25, 26, 27], 1, 1));
    let next = read(&server.source(), "things", rest.cursor).await.unwrap();
    assert_eq!(next.ids(), [27, 28]);
}

#[tokio::test]
async fn a_read_that_is_killed_between_pages_loses_nothing() {
    for polls in 1..=6 {
        let server = Server::of(40).await;
        let source = server.source();
        let first = read_some(&source, "things", None, polls).await.unwrap();
        let made = server.count("POST");
        let kept = &first.ids()[..first.kept];
        let rest = read(&source, "things", first.cursor.clone()).await.unwrap();
        let mut all: Vec<u64> = kept.iter().copied().chain(rest.ids()).collect();
        if server.count("POST") == 1 {
            assert_eq!(all, (1..=40).collect::<Vec<u64>>(), "{polls}: {:?}", first.cursor);
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!((all, made), ((1..=40).collect(), 1), "{polls}");
    }
}

#[tokio::test]
async fn a_job_that_is_gone_is_made_anew_from_where_it_began() {
    let more = [thing(41, minute(500)), thing(42, minute(510))];
    // Never read before, and read up to a cursor.
    for since in [None, Some(json!({ "at": "2023-11-14T23:13:20Z" }))] {
        let server = Server::of(40).await;
        let source = server.source();
        let from = since.clone().map(Cursor);
        let first: u64 = if since.is_some() { 6 } else { 1 };
        server.state().always.push((
            "GET /v1/jobs/query/750x0/results {\"maxRecords\": \"20000\", \"locator\": \"2\"}",
            error(400, "X", "x"),
        ));
        let (got, _) = read_to_failure(&source, "things", from).await;
        assert_eq!(got.ids(), (first..first + 6).collect::<Vec<u64>>());
        let cursor = got.cursor.unwrap();
        assert_eq!(cursor.0.get("at"), since.as_ref().map(|since| &since["at"]));
        // What bronze holds already is known again.
        let overlap = source.overlap("things", Some(&cursor));
        assert_eq!(matches!(overlap, Overlap::Since { .. }), since.is_some(), "{overlap:?}");
        server.state().always.clear();
        server.state().jobs[0] = None;
        server.state().things.extend(more.clone());
        let again = read(&source, "things", Some(cursor)).await.unwrap();
        assert_eq!((again.ids(), server.count("POST")), ((first..=42).collect(), 2));
        assert_eq!(again.cursor.unwrap().0, json!({ "at": "2023-11-15T06:43:20Z" }));
    }
}

#[tokio::test]
async fn a_job_that_vanishes_on_the_way_ends_the_run_and_not_the_data() {
    let server = Server::of(27).await;
    server.state().instead.push((LAST, error(404, "NOT_FOUND", "The requested resource does not exist")));
    let (got, error) = read_to_failure(&server.source(), "things", None).await;
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert_eq!(got.kept, 24);
}

/// Another field, another condition, another lookback: what the job gives is no longer what is asked for.
#[tokio::test]
async fn a_job_of_another_query_is_not_gone_on_with() {
    for (from, to) in [
        ("properties.name: string }", "properties.name: string, more: string }"),
        ("from: Thing,", "from: Thing, where: id > 0,"),
    ] {
        let server = Server::of(27).await;
        let cursor = cut_off(&server).await.cursor;
        let manifest = MANIFEST.replace(from, to);
        assert_ne!(manifest, MANIFEST);
        let source = source_of(&manifest, &server.http.uri());
        server.state().always.push(("GET /v1/jobs/query/750x1/results", error(400, "X", "asked for anew")));
        let (_, error) = read_to_failure(&source, "things", cursor).await;
        assert!(error.to_string().contains("asked for anew"), "{error}");
        let query = server.state().wanted[1]["query"].as_str().unwrap().to_owned();
        assert!(query.contains("more") || query.contains("id > 0"), "{query}");
    }
}

/// Where there is to be no job any more, the state of one is no obstacle.
#[tokio::test]
async fn a_stored_job_is_left_alone_where_jobs_are_turned_off() {
    let server = Server::of(27).await;
    let cursor = cut_off(&server).await.cursor;
    let source = source_of(&MANIFEST.replace("above: 5", "above: 0"), &server.http.uri());
    let asked = server.count("GET /v1/jobs");
    let got = read(&source, "things", cursor).await.unwrap();
    assert_eq!((got.ids(), server.count("GET /v1/jobs")), ((1..=27).collect(), asked));
    assert!(got.cursor.is_some_and(|cursor| cursor.0.get("job").is_none()));
}

fn done(records: usize) -> wiremock::ResponseTemplate {
    wiremock::ResponseTemplate::new(200)
        .set_body_json(json!({ "state": "JobComplete", "numberRecordsProcessed": records }))
}
