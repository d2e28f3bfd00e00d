//! The HubSpot side in depth: products, lines, activities, associations, and what properties were before.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{hubspot, listed, of, sandbox, search};

#[tokio::test]
async fn activities_lines_and_products_are_listed_and_searched_like_other_objects() {
    let (sandbox, client) = sandbox(of(700, 0)).await;
    let truth = sandbox.world().truth();
    for object in ["products", "line_items", "calls", "emails", "meetings", "notes", "tasks"] {
        let counts = truth.records[&format!("hubspot.{object}")];
        let live = listed(&sandbox, &client, &format!("/crm/v3/objects/{object}?limit=100")).await;
        let archived = listed(&sandbox, &client, &format!("/crm/v3/objects/{object}?limit=100&archived=true")).await;
        assert_eq!((live.len(), archived.len()), (counts.existing, counts.deleted), "{object}");
        assert!(counts.existing > 20, "{object}");
        let newest =
            json!({ "limit": 5, "sorts": [{ "propertyName": "hs_lastmodifieddate", "direction": "DESCENDING" }] });
        let (_, found) = search(&sandbox, &client, object, &newest).await;
        let stamp = |record: &Value| record["updatedAt"].as_str().unwrap().to_owned();
        let latest = live.iter().map(stamp).max().unwrap();
        assert_eq!(stamp(&found["results"][0]), latest, "{object}");
    }
}

#[tokio::test]
async fn lines_belong_to_deals_and_activities_to_contacts() {
    let (sandbox, client) = sandbox(of(700, 0)).await;
    for (from, to, kind) in [
        ("line_items", "deals", "line_item_to_deal"),
        ("calls", "contacts", "call_to_contact"),
        ("contacts", "companies", "contact_to_company"),
    ] {
        let mut ids = HashSet::new();
        for archived in [false, true] {
            let path = format!("/crm/v3/objects/{to}?limit=100&archived={archived}");
            ids.extend(
                listed(&sandbox, &client, &path).await.iter().map(|record| record["id"].as_str().unwrap().to_owned()),
            );
        }
        let records = listed(&sandbox, &client, &format!("/crm/v3/objects/{from}?limit=100&associations={to}")).await;
        let linked: Vec<&Value> = records
            .iter()
            .map(|record| &record["associations"][to]["results"][0])
            .filter(|one| !one.is_null())
            .collect();
        assert!(linked.len() > 30, "{from}");
        assert!(linked.iter().all(|one| one["type"] == kind && ids.contains(one["id"].as_str().unwrap())), "{from}");
    }
    let none = hubspot(&sandbox, &client, "/crm/v3/objects/deals?limit=1&associations=companies").await;
    assert_eq!(none["results"][0].get("associations"), None);
}

#[tokio::test]
async fn a_property_tells_what_it_was_before() {
    let (sandbox, client) = sandbox(of(700, 3)).await;
    let path = "/crm/v3/objects/contacts?limit=50&properties=lifecyclestage&propertiesWithHistory=lifecyclestage";
    let contacts = listed(&sandbox, &client, path).await;
    let mut moved = 0;
    for contact in &contacts {
        let history = contact["propertiesWithHistory"]["lifecyclestage"].as_array().unwrap();
        assert_eq!(history[0]["value"], contact["properties"]["lifecyclestage"]);
        assert!(history.is_sorted_by(|a, b| a["timestamp"].as_str() >= b["timestamp"].as_str()));
        moved += usize::from(history.len() > 1);
    }
    assert!(moved > 5, "{moved} of {}", contacts.len());
}
