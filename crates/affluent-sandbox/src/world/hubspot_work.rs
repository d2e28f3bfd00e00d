//! What people work with in HubSpot: products, the lines of deals, and the calls, e-mails, meetings, notes and tasks of contacts.
//! <https://developers.hubspot.com/docs/guides/api/crm/engagements/engagement-details>

use crate::clock::{self, DAY, MINUTE, SECOND};
use crate::draw::Draw;

use super::World;
use super::catalogue;
use super::hubspot::{activity, activity_key, contact_key, deal_key, field, text_field};
use super::people::Person;
use super::records::{System, presence};
use super::sales;
use super::service::{landing, office_hours};
use super::table::{Field, Kind, Object, Row};

const ID: Field = field("hs_object_id", Kind::Id);
const CREATED: Field = field("hs_createdate", Kind::Created);
const UPDATED: Field = field("hs_lastmodifieddate", Kind::Updated);
const WHEN: Field = field("hs_timestamp", Kind::Instant);
const OWNER: Field = text_field("hubspot_owner_id");

/// Properties an activity has where none are asked for.
const STAMPS: &[&str] = &["hs_createdate", "hs_lastmodifieddate", "hs_object_id"];

const fn object(name: &'static str, default: &'static [&'static str], fields: &'static [Field]) -> Object {
    Object { name, prefix: "", default, fields }
}

pub(super) const PRODUCTS: Object = object(
    "products",
    &["createdate", "description", "hs_lastmodifieddate", "hs_object_id", "name", "price"],
    &[
        ID,
        field("createdate", Kind::Created),
        UPDATED,
        text_field("name"),
        text_field("description"),
        text_field("hs_sku"),
        field("price", Kind::Number),
        field("hs_cost_of_goods_sold", Kind::Number),
    ],
);

pub(super) const LINE_ITEMS: Object = object(
    "line_items",
    &["createdate", "hs_lastmodifieddate", "hs_object_id", "hs_product_id", "name", "quantity"],
    &[
        ID,
        field("createdate", Kind::Created),
        UPDATED,
        text_field("name"),
        text_field("hs_product_id"),
        text_field("hs_sku"),
        field("quantity", Kind::Number),
        field("price", Kind::Number),
        field("amount", Kind::Number),
        text_field("hs_line_item_currency_code"),
    ],
);

pub(super) const CALLS: Object = object(
    "calls",
    STAMPS,
    &[
        ID,
        CREATED,
        UPDATED,
        WHEN,
        OWNER,
        text_field("hs_call_title"),
        text_field("hs_call_direction"),
        text_field("hs_call_status"),
        field("hs_call_duration", Kind::Number),
    ],
);

pub(super) const EMAILS: Object = object(
    "emails",
    STAMPS,
    &[
        ID,
        CREATED,
        UPDATED,
        WHEN,
        OWNER,
        text_field("hs_email_subject"),
        text_field("hs_email_direction"),
        text_field("hs_email_status"),
    ],
);

pub(super) const MEETINGS: Object = object(
    "meetings",
    STAMPS,
    &[
        ID,
        CREATED,
        UPDATED,
        WHEN,
        OWNER,
        text_field("hs_meeting_title"),
        field("hs_meeting_start_time", Kind::Instant),
        field("hs_meeting_end_time", Kind::Instant),
        text_field("hs_meeting_outcome"),
    ],
);

pub(super) const NOTES: Object =
    object("notes", STAMPS, &[ID, CREATED, UPDATED, WHEN, OWNER, text_field("hs_note_body")]);

pub(super) const TASKS: Object = object(
    "tasks",
    STAMPS,
    &[
        ID,
        CREATED,
        UPDATED,
        WHEN,
        OWNER,
        text_field("hs_task_subject"),
        text_field("hs_task_status"),
        text_field("hs_task_priority"),
        text_field("hs_task_type"),
    ],
);

fn product_key(number: u64) -> u64 {
    2_000_000_000 + number
}

fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

pub(super) fn products(world: &World) -> Vec<Row> {
    let row = |product: catalogue::Product| {
        let (key, history) = (product_key(product.number), product.history);
        let values = vec![
            Some(product.name.clone()),
            None,
            Some(product.sku.clone()),
            Some(euros(product.shown_price())),
            Some(euros(product.cost)),
        ];
        let (created, updated, deleted) = (history.created, history.updated, history.deleted);
        Row { key, id: key.to_string(), created, updated, deleted, person: None, parent: None, values }
    };
    catalogue::products(world).into_iter().map(row).collect()
}

/// One to three lines a deal, whose amounts add up to the deal's.
pub(super) fn line_items(world: &World) -> Vec<Row> {
    let products = catalogue::products(world);
    let mut rows = Vec::new();
    for deal in sales::deals(world.size, world.people(), System::HubSpotContact) {
        let mut draw = Draw::of(world.size.seed, "lines", &[i64::from(deal.person), i64::from(deal.window)]);
        let count = 1 + draw.below(3) as i64;
        for nth in 0..count {
            let product = &products[draw.below(products.len())];
            let quantity = 1 + draw.below(5) as i64;
            let share = deal.amount * 100 / count;
            let amount = if nth == 0 { deal.amount * 100 - share * (count - 1) } else { share };
            let key = deal_key(&deal) * 4 + nth as u64;
            let values = vec![
                Some(product.name.clone()),
                Some(product_key(product.number).to_string()),
                Some(product.sku.clone()),
                Some(quantity.to_string()),
                Some(euros(amount / quantity)),
                Some(euros(amount)),
                Some(deal.currency.to_owned()),
            ];
            let parent = Some(deal_key(&deal).to_string());
            let (created, updated) = (deal.created, deal.created);
            rows.push(Row { key, id: key.to_string(), created, updated, deleted: None, person: None, parent, values });
        }
    }
    rows
}

/// Share of the contacts that have the activity in a window, in the order of the objects from calls on.
const RATES: [f64; 5] = [0.03, 0.04, 0.01, 0.02, 0.02];

/// The first window with activities.
const FIRST: i32 = -11;

const SUBJECTS: [&str; 4] = ["Suivi de la demande", "Présentation de l'offre", "Relance", "Point trimestriel"];

/// The activities of a kind: 0 calls, 1 e-mails, 2 meetings, 3 notes, 4 tasks.
pub(super) fn activities(world: &World, kind: usize) -> Vec<Row> {
    let size = world.size;
    let people = world.people().iter().filter(|person| presence(size.seed, person).hubspot > 0);
    people
        .flat_map(|person| {
            let first = FIRST.max(clock::window_of(person.since));
            (first..=size.month).filter_map(move |window| done(world, kind, person, window))
        })
        .collect()
}

fn done(world: &World, kind: usize, person: &Person, window: i32) -> Option<Row> {
    let size = world.size;
    let mut draw = Draw::of(size.seed, "activity", &[kind as i64, i64::from(person.number), i64::from(window)]);
    if !draw.chance(RATES[kind] * if person.firm.is_some() { 2.0 } else { 1.0 }) {
        return None;
    }
    let at = office_hours(&mut draw, clock::now(window - 1).max(person.since), clock::now(window));
    let (loaded, created) = landing(&mut draw, window, at);
    let minutes = draw.range(2, 60);
    let finished = created + draw.range(DAY, 20 * DAY) / SECOND * SECOND;
    let removed = created + draw.range(DAY, 60 * DAY) / SECOND * SECOND;
    let owner = (41_629_779 + draw.below(5)).to_string();
    let subject = draw.pick(&SUBJECTS).to_owned();
    let inbound = draw.chance(0.4);
    let gone = draw.chance(0.01) && removed < world.now();
    if loaded > size.month || created >= world.now() {
        return None;
    }
    let (mut updated, mut values) = (created, vec![Some(clock::iso(at)), Some(owner)]);
    let some = |text: &str| Some(text.to_owned());
    values.extend(match kind {
        0 => vec![
            Some(subject),
            some(if inbound { "INBOUND" } else { "OUTBOUND" }),
            some("COMPLETED"),
            Some((minutes * MINUTE).to_string()),
        ],
        1 => vec![Some(subject), some(if inbound { "INCOMING_EMAIL" } else { "EMAIL" }), some("SENT")],
        2 => {
            let held = finished < world.now();
            updated = if held { finished } else { updated };
            let end = Some(clock::iso(at + minutes * MINUTE));
            vec![Some(subject), Some(clock::iso(at)), end, some(if held { "COMPLETED" } else { "SCHEDULED" })]
        }
        3 => vec![Some(format!("<p>{subject}</p>"))],
        _ => {
            let finished_now = finished < world.now();
            updated = if finished_now { finished } else { updated };
            let status = if finished_now { "COMPLETED" } else { "NOT_STARTED" };
            vec![Some(subject), some(status), some(if inbound { "HIGH" } else { "MEDIUM" }), some("TODO")]
        }
    });
    let key = activity_key(70_000_000_000_000 + 1_000_000_000_000 * kind as u64, person.number, window);
    let mut row = activity(key, created, updated, &contact_key(person.number, 0).to_string(), values);
    if gone {
        row.deleted = Some(removed.max(updated));
        row.updated = removed.max(updated);
    }
    Some(row)
}
