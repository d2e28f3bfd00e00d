//! The Shopify side: pages by the `Link` header, changes by `updated_at_min`, deletions told by events.

use std::collections::{BTreeMap, HashSet};

use affluent_sandbox::Sandbox;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::support::{move_to, of, sandbox};
use crate::vendors::{check, refused};

const API: &str = "/admin/api/2026-07";

async fn all(sandbox: &Sandbox, client: &Client, list: &str, query: &str) -> BTreeMap<u64, Value> {
    let mut records = BTreeMap::new();
    let mut path = format!("{API}/{list}.json?limit=250{query}");
    loop {
        let answer = check(sandbox, client, "shopify", &path).1.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        for record in page[list].as_array().unwrap() {
            let twice = records.insert(record["id"].as_u64().unwrap(), record.clone());
            assert!(twice.is_none());
        }
        let Some(link) = link else { return records };
        let url = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
        url.split_once("/shopify").unwrap().1.clone_into(&mut path);
    }
}

#[tokio::test]
async fn lists_page_to_the_end_of_the_world() {
    let (sandbox, client) = sandbox(of(1_500, 0)).await;
    let truth = sandbox.world().vendor_truth("shopify").unwrap();
    for (list, counts) in &truth.records {
        let records = all(&sandbox, &client, list, if list == "orders" { "&status=any" } else { "" }).await;
        assert_eq!(records.len(), counts.existing, "{list}");
    }
    assert!(truth.records["orders"].existing > 750 && truth.records["orders"].deleted > 0);
    let open = all(&sandbox, &client, "orders", "").await;
    assert!(
        open.len() < truth.records["orders"].existing / 2 && open.values().all(|order| order["closed_at"].is_null())
    );
}

fn cents(text: &Value) -> i64 {
    text.as_str().unwrap().replace('.', "").parse().unwrap()
}

#[tokio::test]
async fn lines_and_refunds_add_up() {
    let (sandbox, client) = sandbox(of(700, 0)).await;
    let (mut refunded, mut split) = (0, 0);
    for order in all(&sandbox, &client, "orders", "&status=any").await.values() {
        let sum = |list: &Value| list.as_array().unwrap().iter().map(|one| cents(&one["price"])).sum::<i64>();
        assert_eq!(sum(&order["line_items"]), cents(&order["total_price"]));
        assert_eq!(cents(&order["total_tax"]), cents(&order["total_price"]) / 6);
        let transactions: Vec<&Value> =
            order["refunds"].as_array().unwrap().iter().flat_map(|r| r["transactions"].as_array().unwrap()).collect();
        let back: i64 = transactions.iter().map(|one| cents(&one["amount"])).sum();
        assert_eq!(cents(&order["total_price"]) - back, cents(&order["current_total_price"]));
        refunded += usize::from(back > 0);
        split += usize::from(transactions.len() > 1);
        assert_eq!(order["financial_status"] == "paid", back == 0);
    }
    assert!(refunded > 10 && split > 0, "{refunded}, {split}");
}

#[tokio::test]
async fn a_month_later_the_bound_finds_exactly_what_changed() {
    let (sandbox, client) = sandbox(of(2_000, 0)).await;
    // Products are few and change seldom.
    for (list, more, subject, month) in
        [("orders", "&status=any", "Order", 1), ("customers", "", "", 1), ("products", "", "Product", 12)]
    {
        move_to(&sandbox, &client, 0).await;
        let before = all(&sandbox, &client, list, more).await;
        move_to(&sandbox, &client, month).await;
        let after = all(&sandbox, &client, list, more).await;
        let since = "2026-11-01T00:55:00%2B01:00";
        let found = all(&sandbox, &client, list, &format!("{more}&updated_at_min={since}")).await;
        let changed: HashSet<&u64> =
            after.iter().filter(|(id, record)| before.get(id) != Some(record)).map(|(id, _)| id).collect();
        assert!(!changed.is_empty(), "{list}");
        let unseen: Vec<_> = changed.iter().filter(|id| !found.contains_key(id)).collect();
        assert!(unseen.is_empty(), "{list}: {unseen:?} of {} are not found", changed.len());
        assert!(found.len() < after.len() / 2, "{list}");
        let gone: HashSet<u64> = before.keys().filter(|id| !after.contains_key(id)).copied().collect();
        if subject.is_empty() {
            assert!(gone.is_empty());
            continue;
        }
        let query = format!("&filter={subject}&verb=destroy&created_at_min={since}");
        let told: HashSet<u64> = all(&sandbox, &client, "events", &query)
            .await
            .values()
            .map(|event| event["subject_id"].as_u64().unwrap())
            .collect();
        assert!(gone.is_subset(&told), "{list}: {gone:?} of {told:?}");
    }
}

#[tokio::test]
async fn a_page_token_allows_no_other_filter() {
    let (sandbox, client) = sandbox(of(100, 0)).await;
    for query in ["limit=251", "updated_at_min=yesterday", "page_info=00", "page_info=7b7d&status=any"] {
        let (status, body) = refused(&sandbox, &client, "shopify", &format!("{API}/orders.json?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["errors"].is_object(), "{query}");
    }
}
