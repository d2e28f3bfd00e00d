//! What HubSpot recorded: its objects, their properties, and their rows.
//!
//! `contact_id` and `contact_email` of tickets, deals and feedback are custom properties of this account; the other names
//! are HubSpot's defaults, or plain custom ones (`siren`, `siret`, `naf_code`). All values are text, as in HubSpot's replies.

use crate::clock;
use crate::data::{business, places};
use crate::draw::Draw;

use super::World;
use super::firms::Firm;
use super::people::Person;
use super::records::{self, System, presence};
use super::table::{Field, Kind, Object, Row, Table};
use super::text;
use super::{contact_fields, hubspot_work as work, sales, service};

pub(super) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

pub(super) const fn text_field(name: &'static str) -> Field {
    field(name, Kind::Text)
}

pub(crate) static OBJECTS: [Object; 12] = [
    Object {
        name: "contacts",
        prefix: "",
        default: &["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"],
        fields: &contact_fields::FIELDS,
    },
    Object {
        name: "companies",
        prefix: "",
        default: &["createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"],
        fields: &[
            field("hs_object_id", Kind::Id),
            field("createdate", Kind::Created),
            field("hs_lastmodifieddate", Kind::Updated),
            text_field("name"),
            text_field("domain"),
            text_field("phone"),
            text_field("address"),
            text_field("city"),
            text_field("zip"),
            text_field("country"),
            field("numberofemployees", Kind::Number),
            text_field("siren"),
            text_field("siret"),
            text_field("naf_code"),
        ],
    },
    Object {
        name: "deals",
        prefix: "",
        default: &[
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        ],
        fields: &[
            field("hs_object_id", Kind::Id),
            field("createdate", Kind::Created),
            field("hs_lastmodifieddate", Kind::Updated),
            text_field("dealname"),
            field("amount", Kind::Number),
            text_field("deal_currency_code"),
            text_field("dealstage"),
            text_field("pipeline"),
            text_field("hs_is_closed"),
            text_field("hs_is_closed_won"),
            field("closedate", Kind::Instant),
            text_field("contact_id"),
            text_field("contact_email"),
        ],
    },
    Object {
        name: "tickets",
        prefix: "",
        default: &[
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
            "hs_pipeline_stage",
            "hs_ticket_priority",
            "subject",
        ],
        fields: &[
            field("hs_object_id", Kind::Id),
            field("createdate", Kind::Created),
            field("hs_lastmodifieddate", Kind::Updated),
            text_field("subject"),
            text_field("hs_pipeline_stage"),
            text_field("hs_ticket_priority"),
            text_field("source_type"),
            field("closed_date", Kind::Instant),
            text_field("contact_id"),
            text_field("contact_email"),
        ],
    },
    Object {
        name: "feedback_submissions",
        prefix: "",
        default: &["hs_createdate", "hs_lastmodifieddate", "hs_object_id"],
        fields: &[
            field("hs_object_id", Kind::Id),
            field("hs_createdate", Kind::Created),
            field("hs_lastmodifieddate", Kind::Updated),
            text_field("hs_survey_type"),
            field("hs_value", Kind::Number),
            field("hs_submission_timestamp", Kind::Instant),
            text_field("hs_survey_channel"),
            text_field("contact_id"),
            text_field("contact_email"),
        ],
    },
    work::PRODUCTS,
    work::LINE_ITEMS,
    work::CALLS,
    work::EMAILS,
    work::MEETINGS,
    work::NOTES,
    work::TASKS,
];

const LIFECYCLE: [&str; 6] =
    ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer"];

/// The id of a person's contact.
pub(super) fn contact_key(person: u32, slot: u8) -> u64 {
    10_000 + u64::from(person) * 4 + u64::from(slot)
}

/// The rows of the object at a position of [`OBJECTS`].
pub(crate) fn table(world: &World, object: usize) -> Table {
    let rows = match object {
        0 => contacts(world),
        1 => companies(world),
        2 => deals(world),
        3 => tickets(world),
        4 => feedback(world),
        5 => work::products(world),
        6 => work::line_items(world),
        other => work::activities(world, other - 7),
    };
    Table::new(&OBJECTS[object], rows)
}

fn contacts(world: &World) -> Vec<Row> {
    let size = world.size;
    let slots = |p: &Person| presence(size.seed, p).hubspot;
    let all = world.people().iter().flat_map(|p| (0..slots(p)).map(move |slot| (p, slot)));
    all.map(|(person, slot)| {
        let changes: Vec<i32> = person.life.iter().map(|e| e.window).collect();
        let key = [System::HubSpotContact as i64, i64::from(person.number), i64::from(slot)];
        let history = records::history(size.seed, &key, person.entry, person.since, &changes, size.month);
        let card = records::card(size.seed, System::HubSpotContact, person, slot, history.version, world.firms());
        let stage = Draw::of(size.seed, "lifecycle", &key).below(4) + history.touches;
        let key = contact_key(person.number, slot);
        Row {
            key,
            id: key.to_string(),
            created: history.created,
            updated: history.updated,
            deleted: history.deleted,
            person: Some(person.number),
            parent: person.firm.filter(|f| firm_known(world, *f)).map(|f| company_key(f).to_string()),
            values: vec![
                card.first,
                Some(card.last),
                card.email,
                card.phone,
                card.mobile,
                card.street,
                card.town,
                card.postcode,
                card.country,
                None,
                card.gender.map(str::to_owned),
                card.birth,
                card.company,
                card.title.map(str::to_owned),
                Some(LIFECYCLE[stage.min(5)].to_owned()),
            ],
        }
    })
    .collect()
}

fn company_key(firm: u32) -> u64 {
    500_000_000 + u64::from(firm)
}

fn firm_known(world: &World, firm: u32) -> bool {
    Draw::of(world.size.seed, "firm-hubspot", &[i64::from(firm)]).chance(0.82)
}

fn companies(world: &World) -> Vec<Row> {
    let known = world.firms().iter().filter(|firm| firm_known(world, firm.number));
    known.map(|firm| company(world, firm)).collect()
}

fn company(world: &World, firm: &Firm) -> Row {
    let seed = world.size.seed;
    let history =
        records::history(seed, &[100, i64::from(firm.number), 0], firm.entry, firm.since, &[], world.size.month);
    let mut draw = Draw::of(seed, "company-hubspot", &[i64::from(firm.number)]);
    let name = match draw.below(6) {
        0 => format!("{} {}", firm.name, firm.legal_form),
        1 => format!("{} {}", firm.legal_form, firm.name.to_uppercase()),
        2 => text::typo(&mut draw, &firm.name),
        _ => firm.name.clone(),
    };
    let spaced = |n: &str| format!("{} {} {}", &n[..3], &n[3..6], &n[6..9]);
    let siren = if draw.chance(0.3) { spaced(&firm.siren) } else { firm.siren.clone() };
    let headcount = firm.headcount + history.touches as u32;
    // A property declared as number that holds something else, as accounts fed by imports do.
    let lie = draw.chance(0.004);
    let country = places::COUNTRY_SPELLINGS[0].1;
    Row {
        key: company_key(firm.number),
        id: company_key(firm.number).to_string(),
        created: history.created,
        updated: history.updated,
        deleted: history.deleted,
        person: None,
        parent: None,
        values: vec![
            Some(name),
            draw.chance(0.85).then(|| firm.domain.clone()),
            draw.chance(0.8).then(|| text::phone(&mut draw.clone(), &firm.phone)),
            Some(firm.address.street.clone()),
            Some(firm.address.town.to_owned()),
            Some(firm.address.postcode.to_owned()),
            Some((draw.pick(country)).to_owned()),
            Some(if lie { "134;137".to_owned() } else { headcount.to_string() }),
            draw.chance(0.7).then_some(siren),
            draw.chance(0.5).then(|| firm.siret.clone()),
            draw.chance(0.8).then(|| firm.naf.to_owned()),
        ],
    }
}

/// The contact an activity hangs on, as (id, e-mail).
fn contact_of(world: &World, person: u32) -> (String, Option<String>) {
    let id = contact_key(person, 0).to_string();
    let card =
        records::card(world.size.seed, System::HubSpotContact, &world.people()[person as usize], 0, 0, world.firms());
    (id, card.email.map(|e| e.trim().to_lowercase()))
}

/// A number for an activity of a person in a window.
pub(super) fn activity_key(base: u64, person: u32, window: i32) -> u64 {
    base + u64::from(person) * 2_000 + (window + 100) as u64
}

pub(super) fn activity(key: u64, created: i64, updated: i64, contact: &str, values: Vec<Option<String>>) -> Row {
    let parent = Some(contact.to_owned());
    Row { key, id: key.to_string(), created, updated, deleted: None, person: None, parent, values }
}

/// The number of a deal.
pub(super) fn deal_key(deal: &sales::Deal) -> u64 {
    activity_key(20_000_000_000, deal.person, deal.window)
}

fn deals(world: &World) -> Vec<Row> {
    let deals = sales::deals(world.size, world.people(), System::HubSpotContact);
    deals
        .into_iter()
        .map(|deal| {
            let (contact, email) = contact_of(world, deal.person);
            // Stages of a pipeline that was added are numbers.
            let (pipeline, stage) = match deal.person % 4 {
                0 => ("65482", (998_770 + deal.stage).to_string()),
                _ => ("default", business::STAGES[deal.stage].0.to_owned()),
            };
            let values = vec![
                Some(format!("{} {}", deal.offer, deal.person)),
                Some(deal.amount.to_string()),
                Some(deal.currency.to_owned()),
                Some(stage),
                Some(pipeline.to_owned()),
                Some(deal.closed().to_string()),
                Some(deal.won().to_string()),
                Some(clock::iso(deal.close)),
                Some(contact.clone()),
                email,
            ];
            let key = deal_key(&deal);
            activity(key, deal.created, deal.updated, &contact, values)
        })
        .collect()
}

fn tickets(world: &World) -> Vec<Row> {
    service::tickets(world.size, world.people())
        .into_iter()
        .map(|ticket| {
            let (contact, email) = contact_of(world, ticket.person);
            let values = vec![
                Some(ticket.subject.to_owned()),
                // HubSpot's default pipeline: 1 new, 4 closed.
                Some(if ticket.closed.is_some() { "4" } else { "1" }.to_owned()),
                Some(ticket.priority.to_owned()),
                Some(ticket.source.to_owned()),
                ticket.closed.map(clock::iso),
                Some(contact.clone()),
                email,
            ];
            let key = activity_key(40_000_000_000, ticket.person, ticket.window);
            activity(key, ticket.created, ticket.updated, &contact, values)
        })
        .collect()
}

fn feedback(world: &World) -> Vec<Row> {
    service::feedback(world.size, world.people())
        .into_iter()
        .map(|answer| {
            let (contact, email) = contact_of(world, answer.person);
            let values = vec![
                Some(answer.survey.to_owned()),
                answer.score.map(|s| s.to_string()),
                Some(clock::iso(answer.submitted)),
                Some(answer.channel.to_owned()),
                Some(contact.clone()),
                email,
            ];
            let base = if answer.survey == "NPS" { 60_000_000_000_000 } else { 61_000_000_000_000 };
            let key = activity_key(base, answer.person, answer.window);
            activity(key, answer.updated, answer.updated, &contact, values)
        })
        .collect()
}

/// The life cycle stages a contact went through: (instant, stage), the newest first as HubSpot lists them.
pub(crate) fn stages(world: &World, row: &Row) -> Vec<(i64, &'static str)> {
    let Some(person) = row.person.and_then(|number| world.people().get(number as usize)) else { return Vec::new() };
    let slot = row.key - contact_key(person.number, 0);
    let key = [System::HubSpotContact as i64, i64::from(person.number), slot as i64];
    let first = Draw::of(world.size.seed, "lifecycle", &key).below(4);
    let changes: Vec<i32> = person.life.iter().map(|e| e.window).collect();
    let at = |month| records::history(world.size.seed, &key, person.entry, person.since, &changes, month);
    let mut stages = vec![(row.created, LIFECYCLE[first.min(5)])];
    let mut touches = 0;
    for month in person.entry + 1..=world.size.month {
        let then = at(month);
        if then.touches > touches {
            touches = then.touches;
            stages.push((then.updated.min(row.updated), LIFECYCLE[(first + touches).min(5)]));
        }
    }
    stages.reverse();
    stages
}
