//! Query jobs of Salesforce: what they go through, their pages, and what is refused.

use std::collections::BTreeMap;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use affluent_sandbox::Sandbox;

use crate::support::{of, queried, sandbox, token};

const JOBS: &str = "/services/data/v64.0/jobs/query";

struct Api {
    sandbox: Sandbox,
    client: Client,
    token: String,
}

impl Api {
    async fn start() -> Self {
        let (sandbox, client) = sandbox(of(700, 0)).await;
        let token = token(&sandbox, &client).await;
        Self { sandbox, client, token }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}/salesforce{path}", self.sandbox.base_url());
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn told(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let answer = self.ask(method, path, body).await;
        (answer.status(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    /// Makes a job: its path.
    async fn job(&self, operation: &str, query: &str) -> String {
        let body = json!({ "operation": operation, "query": query, "contentType": "CSV" });
        let (status, job) = self.told(Method::POST, JOBS, Some(body)).await;
        assert_eq!(
            (status, &job["state"], &job["operation"]),
            (StatusCode::OK, &json!("UploadComplete"), &json!(operation))
        );
        assert_eq!((&job["object"], &job["apiVersion"]), (&json!("Contact"), &json!(64.0)));
        format!("{JOBS}/{}", job["id"].as_str().unwrap())
    }

    /// Looks at a job until it is in that state: the states on the way.
    async fn until(&self, job: &str, state: &str) -> Vec<Value> {
        let mut states = Vec::new();
        while states.last().is_none_or(|last: &Value| last["state"] != state) {
            states.push(self.told(Method::GET, job, None).await.1);
            assert!(states.len() < 10, "{states:?}");
        }
        states
    }
}

#[tokio::test]
async fn a_job_gives_what_the_query_gives() {
    let api = Api::start().await;
    let soql = "SELECT Id, FirstName, Birthdate, IsDeleted, SystemModstamp FROM Contact";
    for operation in ["query", "queryAll"] {
        let job = api.job(operation, soql).await;
        let states = api.until(&job, "JobComplete").await;
        let names: Vec<&str> = states.iter().map(|told| told["state"].as_str().unwrap()).collect();
        assert_eq!(names, ["UploadComplete", "InProgress", "InProgress", "JobComplete"]);
        let expected: BTreeMap<String, Value> = queried(&api.sandbox, &api.client, operation, soql)
            .await
            .into_iter()
            .map(|record| (record["Id"].as_str().unwrap().to_owned(), record))
            .collect();
        assert_eq!(states[3]["numberRecordsProcessed"], expected.len());
        let (mut locator, mut met, mut pages) = (String::new(), 0, 0);
        while locator != "null" {
            let query = if pages == 0 { String::new() } else { format!("&locator={locator}") };
            let page = api.ask(Method::GET, &format!("{job}/results?maxRecords=150{query}"), None).await;
            let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), "text/csv");
            let number: usize = header("sforce-numberofrecords").parse().unwrap();
            locator = header("sforce-locator");
            let text = page.text().await.unwrap();
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some(r#""Id","FirstName","Birthdate","IsDeleted","SystemModstamp""#));
            for line in lines {
                let cells: Vec<&str> = line.trim_matches('"').split("\",\"").collect();
                let record = &expected[cells[0]];
                let text = |name: &str| record[name].as_str().unwrap_or_default();
                assert_eq!(cells[1..3], [text("FirstName"), text("Birthdate")]);
                assert_eq!(cells[3], record["IsDeleted"].to_string());
                assert_eq!(cells[4], text("SystemModstamp").replace("+0000", "Z"));
                met += 1;
            }
            pages += 1;
            assert!(number <= 150 && (locator == "null" || number == 150));
        }
        assert_eq!((met, pages), (expected.len(), expected.len().div_ceil(150)));
        let (status, _) = api.told(Method::DELETE, &job, None).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        for (method, path) in
            [(Method::GET, job.clone()), (Method::GET, format!("{job}/results")), (Method::DELETE, job)]
        {
            let (status, body) = api.told(method, &path, None).await;
            assert_eq!((status, &body[0]["errorCode"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")), "{path}");
        }
    }
}

#[tokio::test]
async fn what_a_job_does_not_do_is_refused() {
    let api = Api::start().await;
    for body in [
        json!({ "operation": "insert", "query": "SELECT Id FROM Contact" }),
        json!({ "operation": "query", "query": "SELECT Id FROM" }),
        json!({ "operation": "query", "query": "SELECT Nonsense FROM Contact" }),
        json!({ "operation": "query", "query": "SELECT COUNT() FROM Contact" }),
        json!({ "operation": "query", "query": "SELECT Id FROM Contact OFFSET 5" }),
        json!({ "operation": "query", "query": "SELECT Id FROM Contact", "columnDelimiter": "TAB" }),
    ] {
        let (status, told) = api.told(Method::POST, JOBS, Some(body.clone())).await;
        assert_eq!((status, &told[0]["errorCode"]), (StatusCode::BAD_REQUEST, &json!("API_ERROR")), "{body}");
    }
    let job = api.job("query", "SELECT Id FROM Contact").await;
    let (status, told) = api.told(Method::GET, &format!("{job}/results"), None).await;
    assert_eq!((status, &told[0]["errorCode"]), (StatusCode::PRECONDITION_FAILED, &json!("JOB_NOT_COMPLETE")));
    let (status, told) = api.told(Method::DELETE, &job, None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(told[0]["message"].as_str().unwrap().contains("not terminated"), "{told}");
    let aborted = json!({ "state": "Aborted" });
    let (status, told) = api.told(Method::PATCH, &job, Some(aborted.clone())).await;
    assert_eq!((status, &told["state"]), (StatusCode::OK, &json!("Aborted")));
    assert_eq!(api.told(Method::GET, &job, None).await.1["state"], "Aborted");
    assert_eq!(api.told(Method::PATCH, &job, Some(aborted)).await.0, StatusCode::BAD_REQUEST);
    let job = api.job("query", "SELECT Id FROM Contact").await;
    api.until(&job, "JobComplete").await;
    let other = format!("{}/results", job.replace("v64.0", "v65.0"));
    assert_eq!(api.told(Method::GET, &other, None).await.0, StatusCode::CONFLICT);
    assert_eq!(api.told(Method::GET, &format!("{job}/results?locator=zzz"), None).await.0, StatusCode::BAD_REQUEST);
    let unsigned = api.client.get(format!("{}/salesforce{job}", api.sandbox.base_url())).send().await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
}
