//! The sandbox's own paths, pages from memory, and starting and stopping.

use affluent_sandbox::{Config, SandboxError, World, start};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{hubspot, move_to, of, queried, sandbox, send};

#[tokio::test]
async fn the_truth_served_is_that_of_the_world() {
    let (sandbox, client) = sandbox(of(200, 0)).await;
    for month in [0, 2] {
        move_to(&sandbox, &client, month).await;
        let (_, served) = send(client.get(format!("{}/_truth", sandbox.base_url()))).await;
        assert_eq!(served, serde_json::to_value(World::new(1, 200, month).truth()).unwrap());
        assert_eq!(sandbox.world().month(), month);
    }
}

#[tokio::test]
async fn pages_from_memory_are_the_same_bytes() {
    let (fresh, client) = sandbox(of(300, 0)).await;
    let (kept, _) = sandbox(Config { prerender: true, ..of(300, 0) }).await;
    let path = "/crm/v3/objects/tickets?limit=100";
    let mut expected = hubspot(&fresh, &client, path).await;
    expected["paging"] = json!(null);
    for _ in 0..2 {
        let mut page = hubspot(&kept, &client, path).await;
        page["paging"] = json!(null);
        assert_eq!(page, expected);
    }
    let soql = "SELECT Id, LastName FROM Contact";
    let first = queried(&kept, &client, "query", soql).await;
    assert_eq!(first, queried(&kept, &client, "query", soql).await);
    move_to(&kept, &client, 1).await;
    assert_ne!(first, queried(&kept, &client, "query", soql).await);
}

#[tokio::test]
async fn the_journal_keeps_what_was_asked_and_answered() {
    let (kept, client) = sandbox(Config { journal: true, ..of(10, 0) }).await;
    let body = json!({ "limit": 201 });
    let url = format!("{}/hubspot/crm/v3/objects/contacts/search?a=%20b", kept.base_url());
    let (status, _) = send(client.post(url).bearer_auth("sandbox-hubspot").json(&body)).await;
    move_to(&kept, &client, 1).await;
    let journal = kept.asked();
    let [asked] = &journal[..] else { panic!("{journal:?}") };
    assert_eq!((&asked.method[..], &asked.query[..], asked.status), ("POST", "a=%20b", status.as_u16()));
    assert_eq!(asked.path, "/hubspot/crm/v3/objects/contacts/search");
    assert_eq!((&asked.body, &asked.headers["authorization"][..]), (&body.to_string(), "Bearer sandbox-hubspot"));
    let (silent, client) = sandbox(of(10, 0)).await;
    hubspot(&silent, &client, "/crm/v3/owners").await;
    assert!(silent.asked().is_empty());
}

#[tokio::test]
async fn unknown_paths_and_taken_addresses_are_errors() {
    let (sandbox, client) = sandbox(of(10, 0)).await;
    let url = format!("{}/hubspot/nonsense", sandbox.base_url());
    assert_eq!(send(client.get(&url).bearer_auth("sandbox-hubspot")).await.0, StatusCode::NOT_FOUND);
    let taken = start(Config { addr: sandbox.addr, ..of(10, 0) }).await;
    assert!(matches!(taken, Err(SandboxError::Listen { .. })));
    sandbox.stop().await;
    assert!(client.get(url).send().await.is_err());
}
