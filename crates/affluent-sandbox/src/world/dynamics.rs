//! What Dynamics 365 recorded in Dataverse: tables by their entity set names, GUIDs, lookups as `_name_value`.
//!
//! `new_siren`, `new_siret` and `new_naf` are custom columns of this organisation, whose base currency is the euro.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::clock::{self, MINUTE};
use crate::data::places;
use crate::draw::Draw;

use super::World;
use super::campaigns;
use super::documents::{
    ActivityKind, Document, Life, Store, activities, cards, event_key, firm_known, firms, person_key, removed,
};
use super::people::Person;
use super::records::{System, slots};
use super::sales;
use super::service;
use super::text;

pub(crate) static STORE: Store = Store {
    name: "dynamics",
    collections: &[
        ("accounts", accounts),
        ("contacts", contacts),
        ("leads", leads),
        ("opportunities", opportunities),
        ("incidents", incidents),
        ("campaigns", campaigns_of),
        ("activitypointers", activitypointers),
    ],
};

/// The column that identifies the rows of a table.
pub(crate) fn primary(table: &str) -> &'static str {
    match table {
        "accounts" => "accountid",
        "contacts" => "contactid",
        "leads" => "leadid",
        "opportunities" => "opportunityid",
        "incidents" => "incidentid",
        "campaigns" => "campaignid",
        _ => "activityid",
    }
}

/// The stages of the sales process, in the order of the world's stages.
const STAGES: [&str; 6] = ["1-Qualify", "2-Develop", "2-Develop", "3-Propose", "4-Close", "4-Close"];

/// The GUID of a number in a table.
fn guid(table: &str, number: u64) -> String {
    Draw::of(0, table, &[number as i64]).uuid()
}

fn stamp(instant: i64) -> String {
    clock::utc(instant).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The row of a table: its body with id, stamps and an etag made of the last change.
fn document(table: &'static str, key: u64, life: Life, person: Option<u32>, mut body: Value) -> Document {
    let id = guid(table, key);
    body[primary(table)] = id.as_str().into();
    body["createdon"] = stamp(life.created).into();
    body["modifiedon"] = stamp(life.updated).into();
    Document::new(key, id, life, person, body)
}

fn account_of(world: &World, person: &Person) -> Option<String> {
    let known = person.firm.filter(|firm| firm_known(world, "firm-dynamics", *firm));
    known.map(|firm| guid("accounts", 1_000 + u64::from(firm)))
}

fn contact_of(person: u32) -> String {
    guid("contacts", person_key(person, 0))
}

/// Units of a currency for one euro.
fn rate(currency: &str) -> f64 {
    match currency {
        "USD" => 1.08,
        "GBP" => 0.86,
        _ => 1.0,
    }
}

/// An amount in the base currency, to the cent.
fn base(amount: i64, currency: &str) -> f64 {
    (amount as f64 / rate(currency) * 100.0).round() / 100.0
}

fn accounts(world: &World) -> Vec<Document> {
    firms(world, "firm-dynamics")
        .map(|(firm, history)| {
            let mut draw = Draw::of(world.size.seed, "account-dynamics", &[i64::from(firm.number)]);
            let body = json!({
                "name": format!("{} {}", firm.name, firm.legal_form),
                "accountnumber": format!("C{:06}", firm.number),
                "telephone1": draw.chance(0.8).then(|| text::phone(&mut draw.clone(), &firm.phone)),
                "websiteurl": draw.chance(0.7).then(|| format!("https://www.{}", firm.domain)),
                "address1_line1": firm.address.street,
                "address1_city": firm.address.town,
                "address1_postalcode": firm.address.postcode,
                "address1_country": draw.pick(places::COUNTRY_SPELLINGS[0].1),
                "numberofemployees": firm.headcount + history.touches as u32,
                "statecode": 0,
                "new_siren": draw.chance(0.7).then(|| firm.siren.clone()),
                "new_siret": draw.chance(0.5).then(|| firm.siret.clone()),
                "new_naf": firm.naf,
            });
            document("accounts", 1_000 + u64::from(firm.number), history.into(), None, body)
        })
        .collect()
}

fn contacts(world: &World) -> Vec<Document> {
    cards(world, System::DynamicsContact)
        .map(|(person, key, history, card)| {
            let body = json!({
                "firstname": card.first,
                "lastname": card.last,
                // Male is 1, female 2.
                "gendercode": card.gender.map(|_| 1 + i32::from(person.woman)),
                "emailaddress1": card.email,
                "telephone1": card.phone,
                "mobilephone": card.mobile,
                "address1_line1": card.street,
                "address1_city": card.town,
                "address1_postalcode": card.postcode,
                "address1_stateorprovince": null,
                "address1_country": card.country,
                "birthdate": card.birth_date,
                "jobtitle": if history.touches > 0 { Some("Directeur général") } else { card.title },
                "_parentcustomerid_value": account_of(world, person),
                "statecode": 0,
            });
            document("contacts", key, history.into(), Some(person.number), body)
        })
        .collect()
}

fn leads(world: &World) -> Vec<Document> {
    cards(world, System::DynamicsLead)
        .map(|(person, key, mut history, card)| {
            let mut steps = sales::lead_steps(world.size, person.number, history.created);
            steps.retain(|(at, _)| history.deleted.is_none_or(|deleted| *at < deleted));
            let (changed, status) = *steps.last().unwrap_or(&(history.created, 0));
            if history.deleted.is_none() {
                history.updated = history.updated.max(changed);
            }
            // Open 0, qualified 1, disqualified 2; new 1, contacted 2, qualified 3, lost 4.
            let (state, reason) = [(0, 1), (0, 2), (1, 3), (2, 4)][status];
            let body = json!({
                "firstname": card.first,
                "lastname": card.last,
                "subject": "Demande de devis",
                "emailaddress1": card.email,
                "telephone1": card.phone,
                "mobilephone": card.mobile,
                "address1_line1": card.street,
                "address1_city": card.town,
                "address1_postalcode": card.postcode,
                "address1_country": card.country,
                "companyname": card.company,
                "jobtitle": card.title,
                "statecode": state,
                "statuscode": reason,
            });
            document("leads", key, history.into(), Some(person.number), body)
        })
        .collect()
}

fn opportunities(world: &World) -> Vec<Document> {
    sales::deals(world.size, world.people(), System::DynamicsContact)
        .into_iter()
        .map(|deal| {
            let key = event_key(deal.person, deal.window);
            let closed = deal.closed().then_some(deal.updated);
            let deleted = removed(world, "deal-dynamics", key, closed);
            let won = deal.won();
            let body = json!({
                "name": format!("{} {}", deal.offer, deal.person),
                "estimatedvalue": deal.amount,
                "estimatedvalue_base": base(deal.amount, deal.currency),
                "actualvalue": won.then_some(deal.amount),
                "actualvalue_base": won.then(|| base(deal.amount, deal.currency)),
                "exchangerate": rate(deal.currency),
                "stepname": STAGES[deal.stage],
                "statecode": if won { 1 } else if deal.closed() { 2 } else { 0 },
                "estimatedclosedate": clock::day(deal.close),
                "actualclosedate": closed.map(clock::day),
                "_parentcontactid_value": contact_of(deal.person),
                "_parentaccountid_value": account_of(world, &world.people()[deal.person as usize]),
            });
            document("opportunities", key, Life::of(deal.created, deal.updated, deleted), None, body)
        })
        .collect()
}

fn incidents(world: &World) -> Vec<Document> {
    let known = |person: u32| slots(world.size.seed, &world.people()[person as usize], System::DynamicsContact) > 0;
    service::tickets(world.size, world.people())
        .into_iter()
        .filter(|ticket| known(ticket.person))
        .map(|ticket| {
            let key = event_key(ticket.person, ticket.window);
            let deleted = removed(world, "case-dynamics", key, ticket.closed);
            let body = json!({
                "title": ticket.subject,
                "ticketnumber": format!("CAS-{key:08}"),
                // Phone 1, e-mail 2, web 3.
                "caseorigincode": match ticket.source { "PHONE" => 1, "EMAIL" => 2, _ => 3 },
                // High 1, normal 2, low 3.
                "prioritycode": match ticket.priority { "HIGH" => 1, "MEDIUM" => 2, _ => 3 },
                "statecode": i32::from(ticket.closed.is_some()),
                "_customerid_value": contact_of(ticket.person),
            });
            document("incidents", key, Life::of(ticket.created, ticket.updated, deleted), None, body)
        })
        .collect()
}

fn campaigns_of(world: &World) -> Vec<Document> {
    let begun = campaigns::campaigns(world.size).into_iter().filter(|campaign| campaign.start < world.now());
    begun
        .map(|campaign| {
            let body = json!({
                "name": campaign.name,
                "codename": format!("CMP-{:05}", campaign.number),
                // Advertisement 1, direct marketing 2, event 3, co-branding 4.
                "typecode": if campaign.salesforce_type == "Advertisement" { 1 } else { 2 },
                "totalactualcost": campaign.cost,
                "totalactualcost_base": base(campaign.cost, campaign.currency),
                "actualstart": clock::day(campaign.start),
                "statecode": 0,
            });
            let life = Life::of(campaign.start, campaign.start, None);
            document("campaigns", 1_000 + u64::from(campaign.number), life, None, body)
        })
        .collect()
}

fn activitypointers(world: &World) -> Vec<Document> {
    activities(world, System::DynamicsContact)
        .map(|activity| {
            let key = event_key(activity.deal.person, activity.deal.window);
            let deleted = removed(world, "activity-dynamics", key, Some(activity.at));
            let kind = match activity.kind {
                ActivityKind::Call => "phonecall",
                ActivityKind::Meeting => "appointment",
                ActivityKind::Task => "task",
            };
            let body = json!({
                "subject": activity.deal.offer,
                "activitytypecode": kind,
                "statecode": 1,
                "actualend": stamp(activity.at + activity.minutes * MINUTE),
                "actualdurationminutes": activity.minutes,
                // Calls are about the contact, the rest about the opportunity.
                "_regardingobjectid_value": match activity.kind {
                    ActivityKind::Call => contact_of(activity.deal.person),
                    _ => guid("opportunities", key),
                },
            });
            document("activitypointers", key, Life::of(activity.at, activity.at, deleted), None, body)
        })
        .collect()
}
