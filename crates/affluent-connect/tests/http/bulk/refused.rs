//! Jobs that come to nothing: refused ones are read page by page, failed ones are errors.

use affluent_connect::error::Class;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{Server, error};
use crate::world::{read, read_to_failure};

const LOOK: &str = "GET /v1/jobs/query/750x0 ";

fn told(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn what_the_server_has_no_jobs_for_is_read_page_by_page() {
    for (start, answer) in [
        ("POST", error(400, "INVALIDENTITY", "Entity 'Thing' is not supported by the Bulk API.")),
        ("POST", error(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")),
        ("POST", error(400, "FEATURENOTENABLED", "query operation requires the org permission BulkApiQuery")),
        ("POST", error(403, "API_DISABLED_FOR_ORG", "The API is not enabled for this Organization")),
        (LOOK, told(json!({ "state": "Failed", "errorMessage": "Thing is not supported by the Bulk API" }))),
    ] {
        let server = Server::of(10).await;
        server.state().instead.push((start, answer));
        let got = read(&server.source(), "things", None).await.unwrap();
        assert_eq!(got.things, server.state().things, "{start}");
        assert!(got.cursor.is_some_and(|cursor| cursor.0.get("job").is_none()), "{start}");
        assert_eq!((server.count("POST"), server.count("GET /v1/jobs/query/750x0/results")), (1, 0), "{start}");
        assert!(server.count("GET /v1/queryAll") > 2, "{start}");
    }
}

#[tokio::test]
async fn a_job_that_fails_is_an_error_and_the_next_run_makes_another() {
    for (state, told_error) in [("Failed", Some("Retried more than fifteen times")), ("Aborted", None)] {
        let server = Server::of(10).await;
        let source = server.source();
        let failed = told(json!({ "state": state, "errorMessage": told_error }));
        server.state().instead.push((LOOK, failed.clone()));
        let (got, error) = read_to_failure(&source, "things", None).await;
        let expected = format!("the job is {state}: {}", told_error.unwrap_or("no reason is given"));
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!((error.class(), got.ids().len()), (Class::Failed, 0));
        assert!(error.hint().is_some_and(|hint| hint.contains("page by page")), "{error:?}");
        // The stored state names the job, which has failed for good.
        server.state().always.push((LOOK, failed));
        let again = read(&source, "things", got.cursor).await.unwrap();
        assert_eq!((again.ids(), server.count("POST")), ((1..=10).collect(), 2), "{state}");
    }
}

#[tokio::test]
async fn a_job_that_takes_too_long_goes_on_without_the_run() {
    let server = Server::of(10).await;
    let source = server.source();
    server.state().always.push((LOOK, told(json!({ "state": "InProgress", "numberRecordsProcessed": 0 }))));
    let (got, error) = read_to_failure(&source, "things", None).await;
    assert_eq!(error.class(), Class::Temporary, "{error}");
    assert!(error.to_string().contains("not done yet"), "{error}");
    server.state().always.clear();
    let rest = read(&source, "things", got.cursor).await.unwrap();
    assert_eq!((rest.ids(), server.count("POST")), ((1..=10).collect(), 1));
}
