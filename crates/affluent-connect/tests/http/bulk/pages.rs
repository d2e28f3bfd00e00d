//! Which reads go by a job, and that all pages of one are read.

use affluent_connect::error::Class;
use serde_json::json;

use super::{MANIFEST, Server, csv, error, page};
use crate::world::{minute, read, read_to_failure, source_of, thing};

#[tokio::test]
async fn reads_of_many_records_go_by_a_job() {
    for (count, above, jobs) in [(5, "5", 0), (6, "5", 1), (6, "6", 0), (6, "0", 0), (1, "0", 0)] {
        let server = Server::of(count).await;
        let manifest = MANIFEST.replace("above: 5", &format!("above: {above}"));
        let got = read(&source_of(&manifest, &server.http.uri()), "things", None).await.unwrap();
        let case = format!("{count} above {above}");
        assert_eq!(got.things, server.state().things, "{case}");
        assert_eq!(server.count("POST"), jobs, "{case}");
        assert_eq!(server.count("DELETE"), jobs, "{case}");
        let counted = server.state().log.iter().filter(|request| request.contains("COUNT()")).count();
        assert_eq!(counted, usize::from(above != "0"), "{case}: {:?}", server.state().log);
    }
}

#[tokio::test]
async fn every_page_is_read_and_an_empty_one_is_not_the_last() {
    for (count, empty_before) in [(6, None), (7, None), (9, Some(0)), (9, Some(1)), (9, Some(2)), (8, Some(1))] {
        let server = Server::of(count).await;
        server.state().empty_before = empty_before;
        let got = read(&server.source(), "things", None).await.unwrap();
        assert_eq!(got.things, server.state().things, "{count} {empty_before:?}");
        assert!(got.closed && got.rejected.is_empty());
        assert_eq!(
            got.cursor.unwrap().0,
            json!({ "at": crate::world::stamp(minute(10 * count as i64)).replace(".000", "") })
        );
        let asked = server.count("GET /v1/jobs/query/750x0/results");
        assert_eq!(asked, (count as usize).div_ceil(3) + usize::from(empty_before.is_some()));
        assert_eq!(got.requests as usize, server.state().log.len() - 1, "the deletion comes after the last page");
    }
}

#[tokio::test]
async fn a_job_asks_for_what_is_new_and_for_no_order() {
    let server = Server::of(20).await;
    let source = server.source();
    let cursor = read(&source, "things", None).await.unwrap().cursor;
    server.state().things.extend((21..=40).map(|id| thing(id, minute(10 * id as i64))));
    let got = read(&source, "things", cursor).await.unwrap();
    assert_eq!(got.ids(), (20..=40).collect::<Vec<u64>>(), "the lookback reaches the last one again");
    let wanted = server.state().wanted.clone();
    let fields = "SELECT id, gone, properties.changed, properties.name FROM Thing";
    let all = |query: String| {
        json!({
            "operation": "queryAll", "query": query, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
        })
    };
    assert_eq!(wanted[0], all(fields.to_owned()));
    let since = crate::world::stamp(minute(195));
    assert_eq!(wanted[1], all(format!("{fields} WHERE properties.changed >= {since}")));
    let few = read(&source, "things", got.cursor).await.unwrap();
    assert_eq!((few.ids(), server.count("POST")), (vec![40], 2), "one record is no reason for a job");
}

#[tokio::test]
async fn the_state_after_a_job_is_no_later_than_its_beginning() {
    let server = Server::of(7).await;
    let future = chrono::Utc::now().timestamp_millis() + 3_600_000;
    server.state().things.push(thing(8, future));
    let cursor = read(&server.source(), "things", None).await.unwrap().cursor.unwrap();
    let at: chrono::DateTime<chrono::Utc> = cursor.0["at"].as_str().unwrap().parse().unwrap();
    assert!(at <= chrono::Utc::now(), "{at}");
}

#[tokio::test]
async fn deleted_records_and_odd_values_arrive_as_what_they_are() {
    let server = Server::of(6).await;
    {
        let mut state = server.state();
        state.things[1].gone = true;
        state.things[2].name = "a \"\"quoted\"\", one\nof two lines".into();
        state.things[3].name = String::new();
    }
    let got = read(&server.source(), "things", None).await.unwrap();
    assert_eq!(server.count("POST"), 1);
    let mut expected = server.state().things.clone();
    expected[2].name = "a \"quoted\", one\nof two lines".into();
    assert_eq!(got.things, expected);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_refuses_its_record_alone() {
    let server = Server::of(6).await;
    let spoilt = csv(&server.state().things).replace("\"2023-11-14T22:33:20.000Z\"", "\"yesterday\"");
    server.state().instead.push(("GET /v1/jobs/query/750x0/results", page(&spoilt, 6, "null")));
    let got = read(&server.source(), "things", None).await.unwrap();
    assert_eq!(got.ids(), [1, 3, 4, 5, 6]);
    let [refused] = got.rejected.as_slice() else { unreachable!("{:?}", got.rejected) };
    assert_eq!((refused.position.as_str(), refused.column.as_deref()), ("things:2", Some("properties_changed")));
    assert!(refused.raw.contains("yesterday"), "{refused:?}");
}

#[tokio::test]
async fn refusals_that_pass_are_waited_out() {
    for start in [
        "GET /v1/queryAll",
        "POST /v1/jobs/query",
        "GET /v1/jobs/query/750x0 ",
        "GET /v1/jobs/query/750x0/results",
        "DELETE",
    ] {
        for passing in [error(429, "REQUEST_LIMIT_EXCEEDED", "too many"), error(503, "SERVER_UNAVAILABLE", "busy")] {
            let server = Server::of(7).await;
            server.state().instead.push((start, passing));
            let got = read(&server.source(), "things", None).await.unwrap();
            assert_eq!(got.things, server.state().things, "{start}");
            let state = server.state();
            assert!(state.instead.is_empty() && state.jobs[0].is_none(), "{start}");
        }
    }
}

#[tokio::test]
async fn what_is_not_whole_is_an_error() {
    let results = "GET /v1/jobs/query/750x0/results";
    let look = "GET /v1/jobs/query/750x0 ";
    let told = |body: serde_json::Value| wiremock::ResponseTemplate::new(200).set_body_json(body);
    let headless = |name: &str| {
        let answer = wiremock::ResponseTemplate::new(200).set_body_raw(csv([]), "text/csv");
        answer.insert_header("sforce-numberofrecords", name)
    };
    let three = csv(&[1, 2, 3].map(|id| thing(id as u64, minute(id))));
    for (start, answer, expected) in [
        ("GET /v1/queryAll", told(json!({ "records": [] })), "tells no number at `totalSize`"),
        ("POST", told(json!({ "state": "UploadComplete" })), "names no job at `id`"),
        ("POST", told(json!({ "id": "../limits" })), "names no job at `id`"),
        ("POST", error(400, "API_ERROR", "MALFORMED_QUERY: unexpected token"), "MALFORMED_QUERY"),
        (look, told(json!({ "id": "750x0" })), "tells no `state`"),
        (look, told(json!({ "state": "JobComplete" })), "tells no number at `numberRecordsProcessed`"),
        (look, told(json!({ "state": "JobComplete", "numberRecordsProcessed": 8 })), "processed 8 records and gave 7"),
        (results, page(&three, 3, "null"), "processed 7 records and gave 3"),
        (results, page(&three, 2, "1"), "a page of 3 records and tells of 2"),
        (results, headless("0"), "does not say whether another page follows"),
        (results, page("\"id\",\"gone\"\n\"1\",\"false\"\n", 1, "1"), "without the column `properties.changed`"),
        (results, page("\"id\",\"gone\"\n\"1\"\n", 1, "1"), "no CSV"),
    ] {
        let server = Server::of(7).await;
        server.state().instead.push((start, answer));
        let (got, error) = read_to_failure(&server.source(), "things", None).await;
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_eq!(error.class(), Class::Failed, "{error}");
        assert!(got.cursor.is_none_or(|cursor| cursor.0.get("at").is_none()), "{expected}");
    }
    // The same page for ever.
    for (answer, expected) in [
        (page(&three, 3, "1"), "names the same page again"),
        (page(&csv([]), 0, "1"), "gives one empty page after another"),
    ] {
        let server = Server::of(7).await;
        server.state().always.push((results, answer));
        let (_, error) = read_to_failure(&server.source(), "things", None).await;
        assert!(error.to_string().contains(expected), "{error}");
    }
}
