//! Faults of servers: what passes is waited out, what does not is told, and the token goes nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use affluent_connect::Source;
use affluent_connect::error::Class;
use affluent_connect::http::{HttpSource, ResolvedSettings};
use affluent_spec::connector::Connector;
use indexmap::IndexMap;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{any, header, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::world::{quick, read, source};

const PAGE: &str = r#"{"results":[{"id":"1","properties":{"changed":"2026-01-01T00:00:00Z","name":"a"}}]}"#;

fn page() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(PAGE, "application/json")
}

/// A server that gives `fault` to the first `times` requests and the page from then on.
async fn faulty(fault: ResponseTemplate, times: usize) -> (MockServer, Arc<AtomicUsize>) {
    let server = MockServer::start().await;
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    Mock::given(any())
        .respond_with(
            move |_: &Request| if count.fetch_add(1, Ordering::SeqCst) < times { fault.clone() } else { page() },
        )
        .mount(&server)
        .await;
    (server, served)
}

#[tokio::test]
async fn what_passes_is_waited_out() {
    for (fault, least) in [
        (ResponseTemplate::new(429).insert_header("retry-after", "1"), Duration::from_secs(1)),
        (ResponseTemplate::new(429), Duration::ZERO),
        (ResponseTemplate::new(500), Duration::ZERO),
        (ResponseTemplate::new(503).set_body_string("<html>"), Duration::ZERO),
        (ResponseTemplate::new(200).set_body_string(r#"{"results":[{"id":"#), Duration::ZERO),
        // An answer whose body was lost on the way is no empty list.
        (ResponseTemplate::new(200), Duration::ZERO),
        (ResponseTemplate::new(200).set_body_string(" \r\n"), Duration::ZERO),
    ] {
        let (server, served) = faulty(fault, 2).await;
        let started = Instant::now();
        let got = read(&source(&server.uri(), ""), "whole", None).await.unwrap();
        assert_eq!((got.ids(), got.requests), (vec![1], 3));
        assert_eq!(served.load(Ordering::SeqCst), 3);
        assert!(started.elapsed() >= least * 2);
    }
}

#[tokio::test]
async fn what_does_not_pass_may_be_tried_later() {
    let (server, served) = faulty(ResponseTemplate::new(502), usize::MAX).await;
    let error = read(&source(&server.uri(), ""), "whole", None).await.unwrap_err();
    assert_eq!((error.class(), served.load(Ordering::SeqCst)), (Class::Temporary, quick().tries));
    let (server, served) = faulty(ResponseTemplate::new(429).insert_header("retry-after", "86400"), 1).await;
    let error = read(&source(&server.uri(), ""), "whole", None).await.unwrap_err();
    assert_eq!((error.class(), served.load(Ordering::SeqCst)), (Class::Temporary, 1));
    let error = source("http://127.0.0.1:9", "").check().await.unwrap_err();
    assert_eq!(error.class(), Class::Temporary);
}

#[tokio::test]
async fn refusals_are_told_with_the_manifests_hint_and_without_the_token() {
    let rules =
        "  errors: [{ status: 401, then: fail, hint: rotate it }, { status: 403, contains: DAILY, then: later }]\n";
    for (status, body, class, hint) in [
        (401, "token opensesame is wrong", Class::Credentials, Some("rotate it")),
        (403, "no scope", Class::Credentials, None),
        (403, "DAILY", Class::Temporary, None),
        (400, "bad", Class::Failed, None),
    ] {
        let (server, served) = faulty(ResponseTemplate::new(status).set_body_string(body), usize::MAX).await;
        let error = read(&source(&server.uri(), rules), "whole", None).await.unwrap_err();
        assert_eq!((error.class(), error.hint(), served.load(Ordering::SeqCst)), (class, hint, 1), "{error}");
        assert!(!format!("{error:?}").contains("opensesame"), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_without_records_is_an_error_and_one_without_body_is_empty() {
    let (server, _) = faulty(ResponseTemplate::new(200).set_body_string(r#"{"status":"error"}"#), usize::MAX).await;
    let error = read(&source(&server.uri(), ""), "whole", None).await.unwrap_err();
    assert!(error.class() == Class::Failed && error.to_string().contains("`results`"), "{error}");
    let (server, _) = faulty(ResponseTemplate::new(204), usize::MAX).await;
    assert_eq!(read(&source(&server.uri(), ""), "whole", None).await.unwrap().ids(), Vec::<u64>::new());
}

#[tokio::test]
async fn an_answer_past_the_cap_is_refused() {
    let (server, _) = faulty(ResponseTemplate::new(200).set_body_string(" ".repeat(2 << 20)), usize::MAX).await;
    let error = read(&source(&server.uri(), "  largest_answer: 1\n"), "whole", None).await.unwrap_err();
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
}

/// The first connections are cut: one before the answer, one in the middle of its body.
#[tokio::test]
async fn cut_connections_are_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        for connection in 0.. {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", PAGE.len());
            let whole = format!("{head}{PAGE}");
            let sent = match connection {
                0 => "",
                1 => &whole[..head.len() + 20],
                _ => whole.as_str(),
            };
            socket.write_all(sent.as_bytes()).await.unwrap();
        }
    });
    let got = read(&source(&format!("http://{address}"), ""), "whole", None).await.unwrap();
    assert_eq!((got.ids(), got.requests), (vec![1], 3));
    server.abort();
}

#[tokio::test]
async fn the_token_follows_no_redirect_to_another_host() {
    let other = MockServer::start().await;
    Mock::given(any()).respond_with(page()).mount(&other).await;
    let to = format!("{}/stolen", other.uri());
    let (server, _) = faulty(ResponseTemplate::new(302).insert_header("location", to.as_str()), usize::MAX).await;
    let error = read(&source(&server.uri(), ""), "whole", None).await.unwrap_err();
    assert!(error.to_string().contains("redirect"), "{error}");
    assert!(other.received_requests().await.unwrap().is_empty());
    let (server, _) = faulty(ResponseTemplate::new(307).insert_header("location", "/elsewhere"), 1).await;
    assert_eq!(read(&source(&server.uri(), ""), "whole", None).await.unwrap().ids(), [1]);
}

fn salesforce(base_url: &str) -> HttpSource {
    let (file, text) = affluent_spec::connector::builtin_of("salesforce").unwrap();
    let manifest = affluent_spec::read::<Connector>(file, text).unwrap().value;
    let with = [
        ("domain".to_owned(), serde_json::from_value(json!(base_url)).unwrap()),
        ("client_id".to_owned(), serde_json::from_value(json!("id")).unwrap()),
        ("client_secret".to_owned(), serde_json::from_value(json!({ "env": "SF" })).unwrap()),
    ];
    let read = |_: &_| Ok("client-secret".to_owned().into());
    let settings = ResolvedSettings::resolve(&manifest, &with.into(), &read).unwrap();
    let streams = IndexMap::from([("account".parse().unwrap(), affluent_spec::pipeline::StreamOptions::default())]);
    HttpSource::with_patience(&manifest, &settings, &streams, quick()).unwrap()
}

/// Tokens `t1`, `t2`, ...; the API takes only `good`.
async fn oauth(good: &str) -> (MockServer, MockServer) {
    let (login, api) = (MockServer::start().await, MockServer::start().await);
    let (instance, given) = (api.uri(), AtomicUsize::new(0));
    Mock::given(path("/services/oauth2/token"))
        .respond_with(move |request: &Request| {
            let form = String::from_utf8_lossy(&request.body).into_owned();
            assert_eq!(form, "grant_type=client_credentials&client_id=id&client_secret=client-secret");
            let token = format!("t{}", given.fetch_add(1, Ordering::SeqCst) + 1);
            ResponseTemplate::new(200).set_body_json(json!({ "access_token": token, "instance_url": instance }))
        })
        .mount(&login)
        .await;
    let bearer = format!("Bearer {good}");
    let limits =
        ResponseTemplate::new(200).set_body_string("{}").insert_header("sforce-limit-info", "api-usage=1/15000");
    Mock::given(header("authorization", bearer.as_str())).respond_with(limits).mount(&api).await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401).set_body_string(r#"[{"errorCode":"INVALID_SESSION_ID"}]"#))
        .with_priority(9)
        .mount(&api)
        .await;
    (login, api)
}

#[tokio::test]
async fn a_token_that_has_run_out_is_asked_for_again_once() {
    let (login, api) = oauth("t2").await;
    salesforce(&login.uri()).check().await.unwrap();
    assert_eq!((login.received_requests().await.unwrap().len(), api.received_requests().await.unwrap().len()), (2, 2));
    let (login, api) = oauth("none").await;
    let error = salesforce(&login.uri()).check().await.unwrap_err();
    assert_eq!(error.class(), Class::Credentials);
    assert!(error.hint().is_some_and(|hint| hint.contains("policies")), "{error:?}");
    assert_eq!((login.received_requests().await.unwrap().len(), api.received_requests().await.unwrap().len()), (2, 2));
}

#[tokio::test]
async fn a_token_goes_where_its_answer_says_by_https_only() {
    let server = MockServer::start().await;
    for base in ["http://crm.example", "ftp://crm.example", "crm.example", "https://", "http://127.0.0.1.crm.example"] {
        server.reset().await;
        let token = json!({ "access_token": "t1", "instance_url": base });
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(token)).mount(&server).await;
        let error = salesforce(&server.uri()).check().await.unwrap_err();
        assert_eq!(error.class(), Class::Credentials, "{base}: {error}");
        assert!(error.to_string().contains("`instance_url` of the answer is no https URL"), "{base}: {error}");
    }
}

#[tokio::test]
async fn a_refused_login_is_one_of_the_credentials() {
    let (server, served) =
        faulty(ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_client"}"#), usize::MAX).await;
    let error = salesforce(&server.uri()).check().await.unwrap_err();
    assert_eq!((error.class(), served.load(Ordering::SeqCst)), (Class::Credentials, 1));
    assert!(error.hint().is_some_and(|hint| hint.contains("client_secret")), "{error:?}");
}

#[tokio::test]
async fn budgets_hold_requests_back() {
    let (server, _) = faulty(page(), 0).await;
    let limited = source(&server.uri(), "  limits: [{ requests: 10, per: 1s, path: /things }]\n");
    let started = Instant::now();
    for _ in 0..5 {
        limited.check().await.unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_refusal_may_mean_that_there_is_nothing_or_that_all_is_read_anew() {
    let rules =
        "  errors: [{ status: 404, contains: NOTHING, then: empty }, { status: 410, then: restart, hint: again }]\n";
    let (server, served) = faulty(ResponseTemplate::new(404).set_body_string("NOTHING here"), 1).await;
    let got = read(&source(&server.uri(), rules), "whole", None).await.unwrap();
    assert_eq!((got.ids(), served.load(Ordering::SeqCst)), (Vec::new(), 1));
    let (server, served) = faulty(ResponseTemplate::new(410).set_body_string("gone"), 1).await;
    let error = source(&server.uri(), rules).check().await.unwrap_err();
    assert_eq!((error.class(), error.hint(), served.load(Ordering::SeqCst)), (Class::Failed, Some("again"), 1));
}
