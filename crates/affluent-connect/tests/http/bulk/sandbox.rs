//! The manifest of Salesforce against the sandbox: what a job gives is what queries give, record by record.

use affluent_connect::http::HttpSource;
use affluent_connect::{Cursor, Source, Window};
use affluent_sandbox::{Config, Edit, Fault, FaultKind, Sandbox};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::sandbox::{Bronze, source_with};
use crate::world::quick;

const STREAMS: [&str; 6] = ["account", "contact", "lead", "lead_history", "opportunity", "campaign"];
const JOBS: &str = "/salesforce/services/data/v64.0/jobs/query";

fn salesforce(sandbox: &Sandbox, bulk_above: u32) -> HttpSource {
    source_with(sandbox, "salesforce", quick(), &json!({ "bulk_above": bulk_above })).0
}

async fn start(faults: Vec<Fault>) -> Sandbox {
    let sandbox = affluent_sandbox::start(Config { customers: 700, faults, ..Config::default() }).await.unwrap();
    let edit = |object: &str, id: &str, set: &[(&str, &str)]| Edit {
        object: object.to_owned(),
        id: id.to_owned(),
        at: 1_790_000_000_000,
        set: set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        delete: false,
    };
    // Values that are not written alike.
    let edits = [
        edit("Opportunity", "0065e0000000001AAA", &[("Name", "large"), ("Amount", "16147805.25"), ("IsWon", "true")]),
        edit(
            "Opportunity",
            "0065e0000000002AAA",
            &[("Name", "round"), ("Amount", "12000000"), ("CloseDate", "2026-01-31")],
        ),
        edit(
            "Account",
            "0015e0000000001AAA",
            &[("Name", "a \"b\", c"), ("BillingStreet", "1, rue X\r\n2e \u{e9}tage")],
        ),
        edit("Account", "0015e0000000002AAA", &[("Name", "0012"), ("NumberOfEmployees", "0")]),
    ];
    post(&sandbox, "_edits", &json!(edits)).await;
    sandbox
}

async fn post(sandbox: &Sandbox, path: &str, body: &Value) {
    let url = format!("{}/{path}", sandbox.base_url());
    reqwest::Client::new().post(url).json(body).send().await.unwrap().error_for_status().unwrap();
}

/// How often each kind of request to jobs, and each fault, was served.
async fn stats(sandbox: &Sandbox) -> Value {
    let url = format!("{}/_stats", sandbox.base_url());
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

async fn loaded(source: &HttpSource, stream: &str, from: Option<Cursor>) -> Bronze {
    let mut bronze = Bronze { cursor: from, ..Bronze::default() };
    bronze.load(source, stream).await;
    bronze
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_job_gives_and_what_queries_give_are_the_same_versions() {
    let sandbox = start(Vec::new()).await;
    let (jobs, queries) = (salesforce(&sandbox, 1), salesforce(&sandbox, 0));
    for stream in STREAMS {
        let mut by_job = loaded(&jobs, stream, None).await;
        let by_query = loaded(&queries, stream, None).await;
        assert!(by_job.versions.len() > 1 && by_job.rejected == by_query.rejected, "{stream}");
        assert_eq!(by_job.versions, by_query.versions, "{stream}");
        assert_eq!(by_job.cursor, by_query.cursor, "{stream}");
        // The overlap of the next read, page by page, holds nothing new.
        let known = by_job.versions.len();
        let rows = by_job.rows;
        by_job.load(&queries, stream).await;
        assert!(by_job.rows > rows, "{stream}: the lookback reaches the last record again");
        assert_eq!(by_job.versions.len(), known, "{stream}");
    }
    let served = stats(&sandbox).await;
    assert_eq!(served["requests"][JOBS], STREAMS.len(), "{served}");
    assert!(
        served["requests"][format!("{JOBS}/{{job}}/results")]
            .as_u64()
            .is_some_and(|pages| pages > STREAMS.len() as u64),
        "{served}"
    );
    // A month later, by jobs again: what changed, and tombstones.
    post(&sandbox, "_month", &json!({ "month": 1 })).await;
    let mut gone = 0;
    for stream in STREAMS {
        let by_job = loaded(&jobs, stream, None).await;
        let by_query = loaded(&queries, stream, None).await;
        assert_eq!(by_job.versions, by_query.versions, "{stream}");
        gone += by_job.versions.values().filter(|gone| **gone).count();
    }
    assert!(gone > 0, "no tombstone came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_on_the_way_of_a_job_change_nothing() {
    let calm = start(Vec::new()).await;
    let kinds = [
        FaultKind::Cut,
        FaultKind::ExpiredToken,
        FaultKind::TooManySilent,
        FaultKind::TooMany,
        FaultKind::Internal,
        FaultKind::RequestLimit,
        FaultKind::EmptyPage,
        FaultKind::ShortPage,
    ];
    let expected = loaded(&salesforce(&calm, 1), "contact", None).await;
    for kind in kinds {
        let rough = start(vec![Fault::new(JOBS, kind).every(3)]).await;
        let found = loaded(&salesforce(&rough, 1), "contact", None).await;
        assert_eq!(found.versions, expected.versions, "{kind:?}");
        assert!(stats(&rough).await["faults"][kind.name()].as_u64().is_some_and(|served| served > 0), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_a_wrong_value_sends_it_to_quarantine() {
    let calm = start(Vec::new()).await;
    let results = format!("{JOBS}/7505e0000000000001/results");
    let spoilt = start(vec![Fault::new(&results, FaultKind::BadType).times(1)]).await;
    for stream in ["opportunity", "contact"] {
        let expected = loaded(&salesforce(&calm, 1), stream, None).await;
        let found = loaded(&salesforce(&spoilt, 1), stream, None).await;
        let refused = usize::from(stream == "opportunity");
        assert_eq!(found.rejected, expected.rejected + refused, "{stream}");
        assert_eq!(found.versions.len(), expected.versions.len() - refused, "{stream}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_without_jobs_is_read_by_queries() {
    let calm = start(Vec::new()).await;
    let refusing = start(vec![Fault::new(JOBS, FaultKind::NoBulk)]).await;
    let expected = loaded(&salesforce(&calm, 0), "lead", None).await;
    assert_eq!(loaded(&salesforce(&refusing, 1), "lead", None).await.versions, expected.versions);
    assert_eq!(stats(&refusing).await["faults"]["no_bulk"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_and_forgotten_jobs_lose_nothing() {
    let sandbox = start(vec![Fault::new(&format!("{JOBS}/"), FaultKind::FailedJob).times(1)]).await;
    let source = salesforce(&sandbox, 1);
    let expected = loaded(&salesforce(&sandbox, 0), "contact", None).await;
    let (cursor, error) = broken(&source, None).await;
    assert!(error.contains("the job is Failed: Retried more than fifteen times"), "{error}");
    // The next run makes another, which ends in the middle.
    let faults = json!([{ "path": format!("{JOBS}/7505e0000000000002/results"), "kind": "gone", "every": 2 }]);
    post(&sandbox, "_faults", &faults).await;
    let (cursor, error) = broken(&source, cursor).await;
    assert!(error.contains("does not exist"), "{error}");
    let faults = json!([{ "path": format!("{JOBS}/7505e0000000000002"), "kind": "gone" }]);
    post(&sandbox, "_faults", &faults).await;
    let found = loaded(&source, "contact", cursor).await;
    assert_eq!(found.versions, expected.versions);
    assert_eq!(stats(&sandbox).await["requests"][JOBS], 3);
}

/// Reads contacts until that fails: the last place to go on from, and why.
async fn broken(source: &HttpSource, from: Option<Cursor>) -> (Option<Cursor>, String) {
    let mut cursor = from.clone();
    let mut pages = source.read("contact", Window { from });
    loop {
        match pages.next().await {
            Some(Ok(page)) => cursor = page.cursor.or(cursor),
            Some(Err(error)) => return (cursor, error.to_string()),
            None => unreachable!("the read went well: {cursor:?}"),
        }
    }
}
