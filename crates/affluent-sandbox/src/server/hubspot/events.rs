//! Events of marketing e-mails, newest first.
//! <https://developers.hubspot.com/docs/api-reference/legacy/email-analytics-v1/events/get-email-public-v1-events>

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::{Refusal, invalid};
use crate::draw::Draw;
use crate::world::{EmailEvent, EventKind};

/// The number of this account.
pub(super) const PORTAL: u32 = 62_515_000;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wanted {
    start_timestamp: Option<i64>,
    end_timestamp: Option<i64>,
    limit: Option<usize>,
    offset: Option<String>,
    event_type: Option<String>,
    campaign_id: Option<u64>,
    recipient: Option<String>,
    exclude_filtered_events: bool,
}

fn type_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Sent => "SENT",
        EventKind::Delivered => "DELIVERED",
        EventKind::Bounce => "BOUNCE",
        EventKind::Open => "OPEN",
        EventKind::Click => "CLICK",
        EventKind::Unsubscribe => "STATUSCHANGE",
    }
}

/// An id that looks as random as HubSpot's, the same for the same event.
fn id(event: &EmailEvent, kind: EventKind, nth: u32) -> String {
    let key = [event.campaign as i64, i64::from(event.person), kind as i64, i64::from(nth)];
    Draw::of(0, "event-id", &key).uuid()
}

fn rendered(event: &EmailEvent) -> Value {
    let mut value = json!({
        "appId": 113,
        "appName": "Batch",
        "created": event.at,
        "emailCampaignId": event.campaign,
        "id": id(event, event.kind, event.nth),
        "portalId": PORTAL,
        "recipient": &*event.recipient,
        "type": type_of(event.kind),
    });
    if event.kind == EventKind::Sent {
        value["subject"] = (&*event.campaign_name).into();
    } else {
        value["sentBy"] = json!({ "id": id(event, EventKind::Sent, 0), "created": event.sent });
    }
    match event.kind {
        EventKind::Open => {
            value["filteredEvent"] = event.machine.into();
            value["userAgent"] =
                if event.machine { "Mozilla/5.0" } else { "Mozilla/5.0 (Windows NT 10.0; Win64; x64)" }.into();
        }
        EventKind::Click => {
            value["filteredEvent"] = false.into();
            value["url"] = "https://shop.example/offers".into();
        }
        EventKind::Bounce => {
            value["category"] = "UNKNOWN_USER".into();
            value["response"] = "550 5.1.1 user unknown".into();
        }
        EventKind::Unsubscribe => {
            value["portalSubscriptionStatus"] = "UNSUBSCRIBED".into();
            value["source"] = "SOURCE_RECIPIENT".into();
        }
        EventKind::Sent | EventKind::Delivered => {}
    }
    value
}

pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let limit = wanted.limit.unwrap_or(10);
    if !(1..=1_000).contains(&limit) {
        return Err(invalid("limit must be between 1 and 1000"));
    }
    let offset = wanted.offset.as_deref().filter(|o| !o.is_empty()).unwrap_or("ev0");
    let position = offset.strip_prefix("ev").and_then(|hex| usize::from_str_radix(hex, 16).ok());
    let position = position.ok_or_else(|| invalid("offset was not returned by this endpoint"))?;

    let all = world.email_events();
    let first = wanted.end_timestamp.map_or(0, |end| all.partition_point(|e| e.at > end));
    let last = wanted.start_timestamp.map_or(all.len(), |start| all.partition_point(|e| e.at >= start)).max(first);
    let matches = |e: &&EmailEvent| {
        wanted.event_type.as_deref().is_none_or(|kind| kind == type_of(e.kind))
            && wanted.campaign_id.is_none_or(|campaign| campaign == e.campaign)
            && wanted.recipient.as_deref().is_none_or(|recipient| *recipient == *e.recipient)
            && !(wanted.exclude_filtered_events && e.machine)
    };
    let mut rest = all[first..last].iter().enumerate().skip(position).filter(|(_, e)| matches(e));
    let mut next = position;
    let mut found = Vec::with_capacity(limit);
    for (at, event) in rest.by_ref().take(serve.cut(limit)) {
        found.push(rendered(event));
        next = at + 1;
    }
    let more = rest.next().is_some();
    Ok(reply::json(StatusCode::OK, &json!({ "events": found, "hasMore": more, "offset": format!("ev{next:x}") })))
}
