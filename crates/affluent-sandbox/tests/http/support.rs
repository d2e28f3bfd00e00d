//! A small sandbox and a client for it.

use affluent_sandbox::{Config, HUBSPOT_TOKEN, Sandbox, start};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A sandbox of so many customers, and a client that uses no proxy.
pub(crate) async fn sandbox(config: Config) -> (Sandbox, Client) {
    let client = Client::builder().no_proxy().build().unwrap();
    (start(config).await.unwrap(), client)
}

pub(crate) fn of(customers: u32, month: u32) -> Config {
    Config { customers, month, ..Config::default() }
}

/// Sends and reads JSON.
pub(crate) async fn send(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

/// A HubSpot GET that must go well.
pub(crate) async fn hubspot(sandbox: &Sandbox, client: &Client, path: &str) -> Value {
    let url = format!("{}/hubspot{path}", sandbox.base_url());
    let (status, body) = send(client.get(url).bearer_auth(HUBSPOT_TOKEN)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// All records of a HubSpot list.
pub(crate) async fn listed(sandbox: &Sandbox, client: &Client, path: &str) -> Vec<Value> {
    let mut records = Vec::new();
    let mut after = String::new();
    loop {
        let page = hubspot(sandbox, client, &format!("{path}&after={after}")).await;
        records.extend(page["results"].as_array().unwrap().iter().cloned());
        match page["paging"]["next"]["after"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return records,
        }
    }
}

/// A HubSpot search.
pub(crate) async fn search(sandbox: &Sandbox, client: &Client, object: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/hubspot/crm/v3/objects/{object}/search", sandbox.base_url());
    send(client.post(url).bearer_auth(HUBSPOT_TOKEN).json(body)).await
}

/// A new Salesforce token.
pub(crate) async fn token(sandbox: &Sandbox, client: &Client) -> String {
    let url = format!("{}/salesforce/services/oauth2/token", sandbox.base_url());
    let form = [("grant_type", "client_credentials"), ("client_id", "sandbox"), ("client_secret", "sandbox-secret")];
    let (status, body) = send(client.post(url).form(&form)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["instance_url"], format!("{}/salesforce", sandbox.base_url()));
    body["access_token"].as_str().unwrap().to_owned()
}

/// All records of a SOQL query.
pub(crate) async fn queried(sandbox: &Sandbox, client: &Client, kind: &str, soql: &str) -> Vec<Value> {
    let token = token(sandbox, client).await;
    let base = format!("{}/salesforce", sandbox.base_url());
    let first = client.get(format!("{base}/services/data/v65.0/{kind}")).query(&[("q", soql)]);
    let (mut status, mut page) = send(first.bearer_auth(&token).header("Sforce-Query-Options", "batchSize=200")).await;
    let mut records = Vec::new();
    loop {
        assert_eq!(status, StatusCode::OK, "{page}");
        records.extend(page["records"].as_array().unwrap().iter().cloned());
        let Some(next) = page["nextRecordsUrl"].as_str() else {
            assert_eq!(page["done"], true);
            assert_eq!(page["totalSize"], records.len());
            return records;
        };
        (status, page) = send(client.get(format!("{base}{next}")).bearer_auth(&token)).await;
    }
}

/// Posts to a path of the sandbox itself.
pub(crate) async fn control(sandbox: &Sandbox, client: &Client, path: &str, body: &Value) {
    let (status, _) = send(client.post(format!("{}{path}", sandbox.base_url())).json(body)).await;
    assert_eq!(status, StatusCode::OK);
}

/// Moves the sandbox to a month.
pub(crate) async fn move_to(sandbox: &Sandbox, client: &Client, month: u32) {
    control(sandbox, client, "/_month", &json!({ "month": month })).await;
}
