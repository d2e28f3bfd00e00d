//! What Pipedrive recorded: persons, organizations, deals, leads, activities, products, and the stages of its pipeline.

use serde_json::{Value, json};

use chrono::SecondsFormat;

use crate::clock::{self, DAY};
use crate::data::business;
use crate::draw::Draw;

use super::World;
use super::documents::{
    ActivityKind, Document, Life, Store, activities, cards, event_key, firm_known, firms, person_key, removed,
};
use super::people::Person;
use super::records::System;
use super::sales;
use super::text;

pub(crate) static STORE: Store = Store {
    name: "pipedrive",
    collections: &[
        ("persons", persons),
        ("organizations", organizations),
        ("deals", deals),
        ("leads", leads),
        ("activities", activities_of),
        ("products", products),
        ("pipelines", pipelines),
        ("stages", stages),
    ],
};

/// The names of the pipeline's open stages.
const STAGES: [&str; 4] = ["Qualified", "Contact Made", "Proposal Made", "Negotiations Started"];

/// The people who sell: one.
const OWNER: u32 = 13_000_001;

pub(crate) fn stamp(instant: i64) -> String {
    clock::utc(instant).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn document(key: u64, life: Life, person: Option<u32>, mut body: Value) -> Document {
    body["id"] = key.into();
    body["owner_id"] = OWNER.into();
    body["add_time"] = stamp(life.created).into();
    body["update_time"] = stamp(life.updated).into();
    body["is_deleted"] = life.deleted.is_some().into();
    Document::new(key, key.to_string(), life, person, body)
}

fn organization_of(world: &World, person: &Person) -> Option<u64> {
    person.firm.filter(|firm| firm_known(world, "firm-pipedrive", *firm)).map(|firm| 1_000 + u64::from(firm))
}

/// Values with a label, the first of them the primary one.
fn labelled(values: &[(&str, Option<String>)]) -> Value {
    let given = values.iter().filter_map(|(label, value)| Some((label, value.as_ref()?)));
    given
        .enumerate()
        .map(|(nth, (label, value))| json!({ "value": value, "primary": nth == 0, "label": label }))
        .collect()
}

fn persons(world: &World) -> Vec<Document> {
    cards(world, System::PipedrivePerson)
        .map(|(person, key, history, card)| {
            let name = [card.first.as_deref().map(str::trim), Some(card.last.as_str())];
            let body = json!({
                "name": name.into_iter().flatten().collect::<Vec<_>>().join(" "),
                "first_name": card.first,
                "last_name": card.last,
                "org_id": organization_of(world, person),
                "emails": labelled(&[("work", card.email)]),
                "phones": labelled(&[("mobile", card.mobile), ("work", card.phone)]),
                "postal_address": {
                    "value": card.street.as_ref().map(|street| format!("{street}, {}", card.town.as_deref().unwrap_or_default())),
                    "route": card.street,
                    "locality": card.town,
                    "postal_code": card.postcode,
                    "country": card.country,
                },
                "birthday": card.birth_date,
                "job_title": if history.touches > 0 { Some("Directeur général") } else { card.title },
                "visible_to": 3,
                "label_ids": [],
            });
            document(key, history.into(), Some(person.number), body)
        })
        .collect()
}

fn organizations(world: &World) -> Vec<Document> {
    firms(world, "firm-pipedrive")
        .map(|(firm, history)| {
            let mut draw = Draw::of(world.size.seed, "organization-pipedrive", &[i64::from(firm.number)]);
            let body = json!({
                "name": if draw.chance(0.2) { text::plain(&firm.name) } else { firm.name.clone() },
                "website": draw.chance(0.7).then(|| firm.domain.clone()),
                "employee_count": firm.headcount + history.touches as u32,
                "annual_revenue": null,
                "address": {
                    "value": format!("{}, {}", firm.address.street, firm.address.town),
                    "route": firm.address.street,
                    "locality": firm.address.town,
                    "postal_code": firm.address.postcode,
                    "country": "France",
                },
                "visible_to": 3,
                "label_ids": [],
            });
            document(1_000 + u64::from(firm.number), history.into(), None, body)
        })
        .collect()
}

fn deals(world: &World) -> Vec<Document> {
    sales::deals(world.size, world.people(), System::PipedrivePerson)
        .into_iter()
        .map(|deal| {
            let key = event_key(deal.person, deal.window);
            let closed = deal.closed().then_some(deal.updated);
            let deleted = removed(world, "deal-pipedrive", key, closed);
            let status = match deal.stage {
                _ if deleted.is_some() => "deleted",
                4 => "won",
                5 => "lost",
                _ => "open",
            };
            let body = json!({
                "title": format!("{} {}", deal.offer, deal.person),
                "person_id": person_key(deal.person, 0),
                "org_id": organization_of(world, &world.people()[deal.person as usize]),
                "pipeline_id": 1,
                "stage_id": 1 + deal.stage.min(3),
                "value": deal.amount,
                "currency": deal.currency,
                "stage_change_time": stamp(deal.updated),
                "status": status,
                "is_archived": false,
                "close_time": closed.map(stamp),
                "won_time": closed.filter(|_| deal.won()).map(stamp),
                "lost_time": closed.filter(|_| !deal.won()).map(stamp),
                "lost_reason": (status == "lost").then_some("Prix"),
                "expected_close_date": clock::day(deal.created + 45 * DAY),
            });
            document(key, Life::of(deal.created, deal.updated, deleted), None, body)
        })
        .collect()
}

/// One person in eight is a lead too.
fn leads(world: &World) -> Vec<Document> {
    cards(world, System::PipedrivePerson)
        .filter(|(_, key, _, _)| key % 8 == 0)
        .map(|(person, key, history, _)| {
            let steps = sales::lead_steps(world.size, person.number, history.created);
            let (changed, status) = *steps.last().unwrap_or(&(history.created, 0));
            let life = Life::of(history.created, changed, None);
            let mut document = document(
                key,
                life,
                None,
                json!({
                    "title": format!("{} lead", person.origin.last),
                    "person_id": key,
                    "organization_id": organization_of(world, person),
                    "source_name": "API",
                    "is_archived": status > 1,
                    "value": null,
                    "label_ids": [],
                }),
            );
            document.id = Draw::of(0, "lead-pipedrive", &[key as i64]).uuid();
            document.body["id"] = document.id.as_str().into();
            if let Some(body) = document.body.as_object_mut() {
                body.remove("is_deleted");
            }
            document
        })
        .collect()
}

fn activities_of(world: &World) -> Vec<Document> {
    activities(world, System::PipedrivePerson)
        .map(|activity| {
            let key = event_key(activity.deal.person, activity.deal.window);
            let deleted = removed(world, "activity-pipedrive", key, Some(activity.at));
            let kind = match activity.kind {
                ActivityKind::Call => "call",
                ActivityKind::Meeting => "meeting",
                ActivityKind::Task => "task",
            };
            let body = json!({
                "subject": activity.deal.offer,
                "type": kind,
                "deal_id": key,
                "person_id": person_key(activity.deal.person, 0),
                "due_date": clock::day(activity.at),
                "duration": format!("00:{:02}", activity.minutes),
                "done": true,
                "marked_as_done_time": stamp(activity.at),
            });
            document(key, Life::of(activity.at, activity.at, deleted), None, body)
        })
        .collect()
}

/// What was there before anything was sold.
fn from_the_start() -> Life {
    let at = clock::now(clock::FIRST_WINDOW - 1);
    Life::of(at, at, None)
}

fn products(_: &World) -> Vec<Document> {
    let offer = |(nth, name): (usize, &&str)| {
        let key = nth as u64 + 1;
        document(key, from_the_start(), None, json!({ "name": name, "code": format!("P{key:03}"), "prices": [] }))
    };
    business::OFFERS.iter().enumerate().map(offer).collect()
}

fn pipelines(_: &World) -> Vec<Document> {
    vec![document(1, from_the_start(), None, json!({ "name": "Pipeline", "order_nr": 1 }))]
}

fn stages(_: &World) -> Vec<Document> {
    let stage = |(nth, name): (usize, &&str)| {
        let key = nth as u64 + 1;
        document(key, from_the_start(), None, json!({ "name": name, "order_nr": nth, "pipeline_id": 1 }))
    };
    STAGES.iter().enumerate().map(stage).collect()
}
