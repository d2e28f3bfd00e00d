//! Logging in: what each way sends, where it never goes, and refresh tokens that are not lost.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use affluent_connect::Source;
use affluent_connect::error::Class;
use affluent_connect::http::{HttpSource, Keeper, ResolvedSettings};
use affluent_spec::connector::{Connector, faults};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Secret, Setting};
use futures::future::join_all;
use indexmap::IndexMap;
use serde_json::json;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::world::{quick, read};

/// A source that logs in so; its secrets are `opensesame`, `r1` and a private key.
fn open(base_url: &str, auth: &str, more: &str) -> HttpSource {
    configured(base_url, auth, more, "r1")
}

fn configured(base_url: &str, auth: &str, more: &str, refresh: &str) -> HttpSource {
    let text = format!(
        "connector: x
settings:
  base_url: {{ type: url }}
  user: {{ type: string, default: ada }}
  secret: {{ type: string, secret: true }}
  refresh: {{ type: string, secret: true }}
  key: {{ type: string, secret: true }}
http:
  base_url: '{{base_url}}/v1'
  auth: {{ {auth} }}
  headers: {{ X-User: 'user {{user}}' }}
{more}  check: {{ get: '/of/{{user}}' }}
streams:
  whole:
    get: /things
    records: results
    next: {{ url: next }}
    key: [id]
    fields: {{ id: string, properties.changed: timestamp, properties.name: string }}
"
    );
    let manifest = affluent_spec::read::<Connector>("x.yaml", &text).unwrap();
    assert_eq!(faults(&manifest), []);
    let mut with: IndexMap<String, Setting> = ["secret", "refresh", "key"]
        .into_iter()
        .map(|name| (name.to_owned(), serde_json::from_value(json!({ "env": name })).unwrap()))
        .collect();
    with.insert("base_url".into(), serde_json::from_value(json!(base_url)).unwrap());
    let text = |secret: &Secret| match secret {
        Secret::Env(name) if name == "key" => Ok(include_str!("key.pem").to_owned().into()),
        Secret::Env(name) if name == "refresh" => Ok(refresh.to_owned().into()),
        _ => Ok("open sesame+".to_owned().into()),
    };
    let settings = ResolvedSettings::resolve(&manifest.value, &with, &text).unwrap();
    let streams = IndexMap::from([("whole".parse().unwrap(), StreamOptions::default())]);
    HttpSource::with_patience(&manifest.value, &settings, &streams, quick()).unwrap()
}

async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

fn header(request: &Request, name: &str) -> String {
    request.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

const GIVEN: [&str; 4] = [
    "bearer: secret",
    "header: { X-Token: secret }",
    "query: { api_token: secret }",
    "basic: { user: '{user}/token', password: secret }",
];

#[tokio::test]
async fn each_way_carries_its_credentials() {
    for (auth, name, value, query) in [
        (GIVEN[0], "authorization", "Bearer open sesame+", None),
        (GIVEN[1], "x-token", "open sesame+", None),
        (GIVEN[2], "authorization", "", Some("api_token=open+sesame%2B")),
        (GIVEN[3], "authorization", "Basic YWRhL3Rva2VuOm9wZW4gc2VzYW1lKw==", None),
    ] {
        let server = server(ResponseTemplate::new(200).set_body_string("{}")).await;
        open(&server.uri(), auth, "").check().await.unwrap();
        let request = requests(&server).await.remove(0);
        assert_eq!((header(&request, name).as_str(), request.url.query()), (value, query), "{auth}");
        assert_eq!((request.url.path(), header(&request, "x-user").as_str()), ("/v1/of/ada", "user ada"));
    }
}

#[tokio::test]
async fn credentials_follow_no_redirect_and_no_next_page_to_another_host() {
    for auth in GIVEN {
        let other = server(ResponseTemplate::new(200).set_body_string("{}")).await;
        let to = format!("{}/stolen?api_token=open+sesame%2B", other.uri());
        let redirecting = server(ResponseTemplate::new(307).insert_header("location", to.as_str())).await;
        let error = open(&redirecting.uri(), auth, "").check().await.unwrap_err();
        assert!(error.to_string().contains("redirect to another host"), "{error}");
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
        let naming = server(ResponseTemplate::new(200).set_body_json(json!({ "results": [], "next": to }))).await;
        let error = read(&open(&naming.uri(), auth, ""), "whole", None).await.unwrap_err();
        assert!(error.to_string().contains("the next page is not on"), "{error}");
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
        assert!(requests(&other).await.is_empty(), "{auth}");
    }
}

#[tokio::test]
async fn credentials_are_in_no_message() {
    for said in ["no open sesame+ here", "/x?api_token=open+sesame%2B is refused", "YWRhL3Rva2VuOm9wZW4gc2VzYW1lKw== ?"]
    {
        let server = server(ResponseTemplate::new(400).set_body_json(json!({ "message": said }))).await;
        for auth in [GIVEN[2], GIVEN[3]] {
            let error = open(&server.uri(), auth, "").check().await.unwrap_err();
            let hidden = error.to_string().contains("***") || (auth == GIVEN[2] && said.starts_with("YW"));
            assert!(hidden && !format!("{error:?}").contains("sesame"), "{error:?}");
        }
    }
    let unreachable = open("http://127.0.0.1:9", GIVEN[2], "").check().await.unwrap_err();
    assert!(!format!("{unreachable:?}").contains("sesame"), "{unreachable:?}");
}

#[tokio::test]
async fn the_next_page_gets_the_parameter_once() {
    let server = MockServer::start().await;
    let next = format!("{}/v1/things?page=2&api_token=old", server.uri());
    Mock::given(any())
        .respond_with(move |request: &Request| {
            let last = request.url.query_pairs().any(|(name, _)| name == "page");
            let answer = if last { json!({ "results": [] }) } else { json!({ "results": [], "next": next }) };
            ResponseTemplate::new(200).set_body_json(answer)
        })
        .mount(&server)
        .await;
    read(&open(&server.uri(), GIVEN[2], ""), "whole", None).await.unwrap();
    assert_eq!(requests(&server).await[1].url.query(), Some("page=2&api_token=open+sesame%2B"));
}

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, PartialEq)]
enum Rotation {
    /// It stays good.
    None,
    /// Another one takes its place, and it is good no longer.
    Strict,
    /// Another one takes its place, and it is good until that one was used.
    Lenient,
}

/// A server of tokens, at `/token`, and of everything else for those who have the newest one.
struct Issuer {
    server: MockServer,
    /// The refresh tokens that were sent.
    refreshed: Arc<Mutex<Vec<String>>>,
    forms: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    /// `expires_in` of each token, and what becomes of refresh tokens.
    async fn start(expires_in: Option<u64>, rotation: Rotation) -> Self {
        let server = MockServer::start().await;
        let (refreshed, forms) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (sent, seen, count) = (Arc::clone(&refreshed), Arc::clone(&forms), AtomicUsize::new(1));
        Mock::given(path("/v1/token"))
            .respond_with(move |request: &Request| {
                let pairs: IndexMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
                seen.lock().unwrap().push(String::from_utf8_lossy(&request.body).into_owned());
                let number = count.load(Ordering::SeqCst);
                if let Some(token) = pairs.get("refresh_token") {
                    sent.lock().unwrap().push(token.clone());
                    let good = match rotation {
                        Rotation::None => true,
                        Rotation::Strict => *token == format!("r{number}"),
                        Rotation::Lenient => [number, number - 1].iter().any(|good| *token == format!("r{good}")),
                    };
                    if !good {
                        return ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_grant" }));
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
                let mut answer = json!({ "access_token": format!("a{number}"), "token_type": "Bearer" });
                if let Some(seconds) = expires_in {
                    answer["expires_in"] = seconds.into();
                }
                if rotation != Rotation::None {
                    answer["refresh_token"] = format!("r{}", number + 1).into();
                }
                ResponseTemplate::new(200).set_body_json(answer)
            })
            .mount(&server)
            .await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
            .with_priority(9)
            .mount(&server)
            .await;
        Self { server, refreshed, forms }
    }

    fn refreshed(&self) -> Vec<String> {
        self.refreshed.lock().unwrap().clone()
    }
}

fn oauth(grant: &str) -> String {
    format!(
        "oauth2: {{ token_url: /token, scheme: Zoho-oauthtoken, scope: '{{base_url}}/read', grant: {{ {grant} }} }}"
    )
}

fn refreshing() -> String {
    oauth("refresh_token: { client_id: user, client_secret: secret, refresh_token: refresh }")
}

#[tokio::test]
async fn tokens_are_asked_for_as_each_grant_says() {
    let issuer = Issuer::start(None, Rotation::None).await;
    let scope: String =
        url::form_urlencoded::byte_serialize(format!("{}/read", issuer.server.uri()).as_bytes()).collect();
    for (grant, form) in [
        (
            "client_credentials: { client_id: user, client_secret: secret }",
            "grant_type=client_credentials&client_id=ada&client_secret=open+sesame%2B",
        ),
        (
            "refresh_token: { client_id: user, client_secret: secret, refresh_token: refresh }",
            "grant_type=refresh_token&client_id=ada&client_secret=open+sesame%2B&refresh_token=r1",
        ),
        (
            "jwt_bearer: { key: key, issuer: '{user}@x', audience: 'https://x' }",
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ",
        ),
    ] {
        open(&issuer.server.uri(), &oauth(grant), "").check().await.unwrap();
        let sent = issuer.forms.lock().unwrap().pop().unwrap();
        assert!(sent.starts_with(form) && sent.ends_with(&format!("&scope={scope}")), "{sent}");
        let used = requests(&issuer.server).await.pop().unwrap();
        assert!(header(&used, "authorization").starts_with("Zoho-oauthtoken a"), "{grant}");
    }
}

#[tokio::test]
async fn a_success_without_a_token_is_a_refusal() {
    let server = server(ResponseTemplate::new(200).set_body_json(json!({ "error": "invalid_code" }))).await;
    let rule = "  errors: [{ status: 200, contains: invalid_code, then: fail, hint: authorise it again }]\n";
    for (more, hint) in [("", None), (rule, Some("authorise it again"))] {
        let error = open(&server.uri(), &refreshing(), more).check().await.unwrap_err();
        assert_eq!((error.class(), error.hint()), (Class::Credentials, hint));
        assert_eq!(error.to_string(), "/token: logging in failed: HTTP 200 OK: invalid_code");
    }
}

/// Such words may stand in data as well, so the rule holds for the request for a token only.
#[tokio::test]
async fn a_limit_of_tokens_may_pass() {
    let said = json!({ "error": "Access Denied", "error_description": "You have made too many requests continuously" });
    let rule = "errors: [{ status: 200, contains: Access Denied, then: later, hint: wait }]";
    let auth = refreshing().replacen("token_url:", &format!("{rule}, token_url:"), 1);
    let refusing = server(ResponseTemplate::new(200).set_body_json(&said)).await;
    let error = open(&refusing.uri(), &auth, "").check().await.unwrap_err();
    assert_eq!((error.class(), error.hint()), (Class::Temporary, Some("wait")), "{error}");
    let issuer = Issuer::start(None, Rotation::None).await;
    Mock::given(path("/v1/of/ada"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&said))
        .with_priority(1)
        .mount(&issuer.server)
        .await;
    open(&issuer.server.uri(), &auth, "").check().await.unwrap();
}

#[tokio::test]
async fn a_token_is_replaced_before_it_runs_out_and_asked_for_once() {
    let issuer = Issuer::start(Some(1), Rotation::None).await;
    let source = open(&issuer.server.uri(), &refreshing(), "");
    assert!(join_all((0..8).map(|_| source.check())).await.into_iter().all(|check| check.is_ok()));
    assert_eq!(issuer.refreshed(), ["r1"]);
    tokio::time::sleep(Duration::from_millis(950)).await;
    assert!(join_all((0..8).map(|_| source.check())).await.into_iter().all(|check| check.is_ok()));
    assert_eq!(issuer.refreshed(), ["r1", "r1"]);
}

#[tokio::test]
async fn what_a_token_is_asked_for_with_follows_no_redirect() {
    let other = server(ResponseTemplate::new(200).set_body_json(json!({ "access_token": "a" }))).await;
    let to = format!("{}/token", other.uri());
    let redirecting = server(ResponseTemplate::new(307).insert_header("location", to.as_str())).await;
    let error = open(&redirecting.uri(), &refreshing(), "").check().await.unwrap_err();
    assert!(error.class() == Class::Credentials && error.to_string().contains("redirect to another host"), "{error}");
    assert!(requests(&other).await.is_empty());
}

fn keeper(folder: &Path) -> Keeper {
    Keeper::new(folder, "crm")
}

#[tokio::test]
async fn a_new_refresh_token_is_kept_before_its_access_token_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(None, Rotation::Strict).await;
    let file = folder.path().join("crm.json");
    let kept = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&kept);
    Mock::given(path("/v1/of/ada"))
        .respond_with(move |_: &Request| {
            seen.lock().unwrap().push(std::fs::read_to_string(&file).unwrap_or_default().contains("\"r2\""));
            ResponseTemplate::new(200).set_body_string("{}")
        })
        .with_priority(1)
        .mount(&issuer.server)
        .await;
    let source = || open(&issuer.server.uri(), &refreshing(), "").keeping(keeper(folder.path()));
    source().check().await.unwrap();
    assert_eq!(*kept.lock().unwrap(), [true]);
    source().check().await.unwrap();
    assert_eq!(issuer.refreshed(), ["r1", "r2"]);
    configured(&issuer.server.uri(), &refreshing(), "", "r3").keeping(keeper(folder.path())).check().await.unwrap();
    source().check().await.unwrap_err();
    assert_eq!(issuer.refreshed(), ["r1", "r2", "r3", "r1"]);
}

#[tokio::test]
async fn runs_at_the_same_time_burn_no_token_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(None, Rotation::Strict).await;
    let sources: Vec<HttpSource> =
        (0..6).map(|_| open(&issuer.server.uri(), &refreshing(), "").keeping(keeper(folder.path()))).collect();
    let checks = join_all(sources.iter().map(Source::check)).await;
    assert!(checks.iter().all(Result::is_ok), "{checks:?}");
    assert_eq!(issuer.refreshed(), ["r1", "r2", "r3", "r4", "r5", "r6"]);
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let issuer = Issuer::start(None, Rotation::Strict).await;
    let source = open(&issuer.server.uri(), &refreshing(), "").keeping(keeper(&file));
    let error = source.check().await.unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("AFFLUENT_SECRETS_DIR")), "{error:?}");
    assert!(requests(&issuer.server).await.is_empty(), "nothing is asked for that could not be kept");
}

/// The program that `a_run_that_is_killed_loses_no_token` starts and kills; it is told where its server is.
#[tokio::test]
#[ignore = "is started by another test"]
async fn refreshes_for_ever() {
    let (url, folder) = (std::env::var("ISSUER").unwrap(), std::env::var("FOLDER").unwrap());
    loop {
        open(&url, &refreshing(), "").keeping(keeper(Path::new(&folder))).check().await.unwrap();
    }
}

/// Killed between the server's answer and the file, a run has the token of before: servers that rotate take it once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_loses_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(None, Rotation::Lenient).await;
    for round in 0..12_u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "auth::refreshes_for_ever"])
            .env("ISSUER", issuer.server.uri())
            .env("FOLDER", folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let asked = issuer.refreshed().len();
        while issuer.refreshed().len() < asked + 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(round * 300)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        open(&issuer.server.uri(), &refreshing(), "").keeping(keeper(folder.path())).check().await.unwrap();
    }
}
