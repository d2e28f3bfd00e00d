//! What Zendesk Support recorded: end users, organizations, tickets with their audits, and satisfaction ratings.

use std::collections::HashMap;

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::clock;

use super::World;
use super::documents::{Document, Life, Store, cards, event_key, firm_known, firms, person_key, removed};
use super::people::Person;
use super::records::System;
use super::service::{self, Ticket};

pub(crate) static STORE: Store = Store {
    name: "zendesk",
    collections: &[
        ("users", users),
        ("organizations", organizations),
        ("tickets", tickets),
        ("ticket_events", ticket_events),
        ("satisfaction_ratings", satisfaction_ratings),
    ],
};

/// The agent who answers.
const AGENT: u64 = 20_978;

fn stamp(instant: i64) -> String {
    clock::utc(instant).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn document(key: u64, life: Life, person: Option<u32>, mut body: Value) -> Document {
    body["id"] = key.into();
    body["created_at"] = stamp(life.created).into();
    body["updated_at"] = stamp(life.updated).into();
    Document::new(key, key.to_string(), life, person, body)
}

fn organization_of(world: &World, person: &Person) -> Option<u64> {
    person.firm.filter(|firm| firm_known(world, "firm-zendesk", *firm)).map(|firm| 1_000 + u64::from(firm))
}

fn users(world: &World) -> Vec<Document> {
    cards(world, System::ZendeskUser)
        .map(|(person, key, history, card)| {
            let name = [card.first.as_deref().map(str::trim), Some(card.last.as_str())];
            let body = json!({
                "name": name.into_iter().flatten().collect::<Vec<_>>().join(" "),
                "email": card.email.map(|email| email.trim().to_lowercase()),
                "phone": card.mobile.or(card.phone),
                "role": "end-user",
                // A deleted user is no longer active.
                "active": history.deleted.is_none(),
                "organization_id": organization_of(world, person),
                "locale": "fr",
                "time_zone": "Europe/Paris",
                "tags": if history.touches > 0 { vec!["vip"] } else { Vec::new() },
            });
            document(key, history.into(), Some(person.number), body)
        })
        .collect()
}

fn organizations(world: &World) -> Vec<Document> {
    firms(world, "firm-zendesk")
        .map(|(firm, history)| {
            let body = json!({
                "name": format!("{} {}", firm.name, firm.number),
                "domain_names": [firm.domain],
                "tags": if history.touches > 0 { vec!["key-account"] } else { Vec::new() },
                "deleted_at": history.deleted.map(stamp),
            });
            document(1_000 + u64::from(firm.number), history.into(), None, body)
        })
        .collect()
}

/// The tickets, each with its number and the instant it was deleted.
fn all_tickets(world: &World) -> impl Iterator<Item = (Ticket, u64, Option<i64>)> {
    service::tickets(world.size, world.people()).into_iter().map(|ticket| {
        let key = event_key(ticket.person, ticket.window);
        let deleted = removed(world, "ticket-zendesk", key, ticket.closed);
        (ticket, key, deleted)
    })
}

fn tickets(world: &World) -> Vec<Document> {
    let scored: HashMap<u64, (&'static str, i64)> = service::feedback(world.size, world.people())
        .into_iter()
        .filter(|answer| answer.survey == "CSAT")
        .map(|answer| (event_key(answer.person, answer.window), (verdict(answer.score), answer.updated)))
        .collect();
    all_tickets(world)
        .map(|(ticket, key, deleted)| {
            let status = match (deleted, ticket.closed) {
                (Some(_), _) => "deleted",
                (None, Some(_)) => "solved",
                (None, None) => "open",
            };
            let channel = match ticket.source {
                "EMAIL" => "email",
                "PHONE" => "voice",
                "CHAT" => "chat",
                _ => "web",
            };
            let body = json!({
                "subject": ticket.subject,
                "status": status,
                "priority": match ticket.priority { "LOW" => "low", "MEDIUM" => "normal", _ => "high" },
                "type": "question",
                "via": { "channel": channel },
                "requester_id": person_key(ticket.person, 0),
                "assignee_id": AGENT,
                "tags": [],
                "satisfaction_rating": { "score": scored.get(&key).map_or("unoffered", |(score, _)| score) },
            });
            // A rating changes its ticket.
            let updated = scored.get(&key).map_or(ticket.updated, |(_, rated)| ticket.updated.max(*rated));
            document(key, Life::of(ticket.created, updated, deleted), None, body)
        })
        .collect()
}

/// What happened to tickets: made, and solved.
fn ticket_events(world: &World) -> Vec<Document> {
    let mut events = Vec::new();
    for (ticket, key, _) in all_tickets(world) {
        let steps = [(Some(ticket.typed), "new"), (ticket.closed, "solved")];
        for (nth, (at, status)) in steps.into_iter().enumerate() {
            let Some(at) = at else { continue };
            let number = key * 4 + nth as u64;
            let mut event = document(
                number,
                Life::of(at, at, None),
                None,
                json!({
                    "ticket_id": key,
                    "timestamp": at / clock::SECOND,
                    "updater_id": if nth == 0 { person_key(ticket.person, 0) } else { AGENT },
                    "event_type": "Audit",
                    "via": "Web form",
                    "child_events": [{ "id": number * 10, "event_type": if nth == 0 { "Create" } else { "Change" }, "status": status }],
                }),
            );
            if let Some(body) = event.body.as_object_mut() {
                body.remove("updated_at");
            }
            events.push(event);
        }
    }
    events
}

/// Zendesk's word for a score of 1 to 5.
fn verdict(score: Option<i64>) -> &'static str {
    match score {
        None => "offered",
        Some(4..) => "good",
        Some(_) => "bad",
    }
}

fn satisfaction_ratings(world: &World) -> Vec<Document> {
    service::feedback(world.size, world.people())
        .into_iter()
        .filter(|answer| answer.survey == "CSAT")
        .map(|answer| {
            let ticket = event_key(answer.person, answer.window);
            let body = json!({
                "ticket_id": ticket,
                "requester_id": person_key(answer.person, 0),
                "assignee_id": AGENT,
                "score": verdict(answer.score),
                "comment": null,
            });
            document(ticket + 5, Life::of(answer.updated, answer.updated, None), None, body)
        })
        .collect()
}
