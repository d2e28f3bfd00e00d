//! What Zoho CRM recorded: modules with their API names, ids of 19 digits, lookups as `{name, id}`, instants with an offset.
//!
//! `SIREN`, `SIRET` and `NAF` are custom fields of this organisation.

use chrono::{FixedOffset, SecondsFormat};
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
use super::sales::{self, Deal};
use super::service;
use super::text;

pub(crate) static STORE: Store = Store {
    name: "zoho",
    collections: &[
        ("Accounts", accounts),
        ("Contacts", contacts),
        ("Leads", leads),
        ("Deals", deals),
        ("Campaigns", campaigns_of),
        ("Cases", cases),
        ("Calls", |world| activity(world, ActivityKind::Call)),
        ("Events", |world| activity(world, ActivityKind::Meeting)),
        ("Tasks", |world| activity(world, ActivityKind::Task)),
    ],
};

/// Zoho's words for the stages of deals.
const STAGES: [&str; 6] =
    ["Qualification", "Needs Analysis", "Value Proposition", "Negotiation/Review", "Closed Won", "Closed Lost"];

/// Zoho's words for the statuses of leads, in the order of [`sales::LEAD_STATUSES`].
const LEAD_STATUSES: [&str; 4] = ["Not Contacted", "Contacted", "Pre-Qualified", "Lost Lead"];

/// The id of a number in a module: 19 digits.
fn id(module: u64, number: u64) -> String {
    format!("{}", 4_150_868_000_000_000_000 + module * 10_000_000_000 + number)
}

/// An instant as Zoho writes it, in the time zone of the user.
pub(crate) fn stamp(instant: i64) -> String {
    let paris = FixedOffset::east_opt(3_600).unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc));
    clock::utc(instant).with_timezone(&paris).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The document of a module: its body with id, owner and stamps.
fn document(module: u64, key: u64, life: Life, person: Option<u32>, mut body: Value) -> Document {
    let id = id(module, key);
    body["id"] = id.as_str().into();
    body["Owner"] = json!({ "name": "Ana Roche", "id": "4150868000000225013", "email": "ana@sandbox.example" });
    body["Created_Time"] = stamp(life.created).into();
    body["Modified_Time"] = stamp(life.updated).into();
    Document::new(key, id, life, person, body)
}

fn lookup(module: u64, key: u64, name: &str) -> Value {
    json!({ "name": name, "id": id(module, key) })
}

fn account_of(world: &World, person: &Person) -> Value {
    let known = person.firm.filter(|firm| firm_known(world, "firm-zoho", *firm));
    known.map_or(Value::Null, |firm| lookup(1, 1_000 + u64::from(firm), &world.firms()[firm as usize].name))
}

fn contact_of(world: &World, person: u32) -> Value {
    let identity = &world.people()[person as usize].origin;
    lookup(2, person_key(person, 0), &format!("{} {}", identity.first, identity.last))
}

fn accounts(world: &World) -> Vec<Document> {
    firms(world, "firm-zoho")
        .map(|(firm, history)| {
            let mut draw = Draw::of(world.size.seed, "account-zoho", &[i64::from(firm.number)]);
            let body = json!({
                "Account_Name": if draw.chance(0.3) { firm.name.to_uppercase() } else { firm.name.clone() },
                "Phone": draw.chance(0.8).then(|| text::phone(&mut draw.clone(), &firm.phone)),
                "Website": draw.chance(0.7).then(|| format!("www.{}", firm.domain)),
                "Billing_Street": firm.address.street,
                "Billing_City": firm.address.town,
                "Billing_Code": firm.address.postcode,
                "Billing_State": null,
                "Billing_Country": draw.pick(places::COUNTRY_SPELLINGS[0].1),
                "Employees": firm.headcount + history.touches as u32,
                "SIREN": draw.chance(0.7).then(|| firm.siren.clone()),
                "SIRET": draw.chance(0.5).then(|| firm.siret.clone()),
                "NAF": firm.naf,
            });
            document(1, 1_000 + u64::from(firm.number), history.into(), None, body)
        })
        .collect()
}

fn salutation(person: &Person) -> &'static str {
    if person.woman { "Mrs." } else { "Mr." }
}

fn contacts(world: &World) -> Vec<Document> {
    cards(world, System::ZohoContact)
        .map(|(person, key, history, card)| {
            let body = json!({
                "First_Name": card.first,
                "Last_Name": card.last,
                "Salutation": card.gender.map(|_| salutation(person)),
                "Email": card.email,
                "Phone": card.phone,
                "Mobile": card.mobile,
                "Mailing_Street": card.street,
                "Mailing_City": card.town,
                "Mailing_Zip": card.postcode,
                "Mailing_State": null,
                "Mailing_Country": card.country,
                "Date_of_Birth": card.birth_date,
                "Title": if history.touches > 0 { Some("Directeur général") } else { card.title },
                "Lead_Source": "Web Download",
                "Account_Name": account_of(world, person),
            });
            document(2, key, history.into(), Some(person.number), body)
        })
        .collect()
}

fn leads(world: &World) -> Vec<Document> {
    cards(world, System::ZohoLead)
        .map(|(person, key, mut history, card)| {
            let mut steps = sales::lead_steps(world.size, person.number, history.created);
            steps.retain(|(at, _)| history.deleted.is_none_or(|deleted| *at < deleted));
            let (changed, status) = *steps.last().unwrap_or(&(history.created, 0));
            if history.deleted.is_none() {
                history.updated = history.updated.max(changed);
            }
            let body = json!({
                "First_Name": card.first,
                "Last_Name": card.last,
                "Salutation": card.gender.map(|_| salutation(person)),
                "Email": card.email,
                "Phone": card.phone,
                "Mobile": card.mobile,
                "Street": card.street,
                "City": card.town,
                "Zip_Code": card.postcode,
                "State": null,
                "Country": card.country,
                "Company": card.company,
                "Designation": card.title,
                "Lead_Source": "Trade Show",
                "Lead_Status": LEAD_STATUSES[status],
                "Converted__s": status == 2,
                "Converted_Date_Time": (status == 2).then(|| stamp(changed)),
            });
            document(3, key, history.into(), Some(person.number), body)
        })
        .collect()
}

fn close_of(deal: &Deal) -> Option<i64> {
    deal.closed().then_some(deal.updated)
}

fn deals(world: &World) -> Vec<Document> {
    sales::deals(world.size, world.people(), System::ZohoContact)
        .into_iter()
        .map(|deal| {
            let key = event_key(deal.person, deal.window);
            let deleted = removed(world, "deal-zoho", key, close_of(&deal));
            let body = json!({
                "Deal_Name": format!("{} {}", deal.offer, deal.person),
                "Amount": deal.amount,
                "Currency": deal.currency,
                "Stage": STAGES[deal.stage],
                "Closing_Date": clock::day(deal.close),
                "Pipeline": "Standard",
                "Contact_Name": contact_of(world, deal.person),
                "Account_Name": account_of(world, &world.people()[deal.person as usize]),
            });
            document(4, key, Life::of(deal.created, deal.updated, deleted), None, body)
        })
        .collect()
}

fn campaigns_of(world: &World) -> Vec<Document> {
    let begun = campaigns::campaigns(world.size).into_iter().filter(|campaign| campaign.start < world.now());
    begun
        .map(|campaign| {
            let body = json!({
                "Campaign_Name": campaign.name,
                "Type": campaign.salesforce_type,
                "Status": "Complete",
                "Start_Date": clock::day(campaign.start),
                "Actual_Cost": campaign.cost,
                "Currency": campaign.currency,
            });
            let at = campaign.start;
            document(5, 1_000 + u64::from(campaign.number), Life::of(at, at, None), None, body)
        })
        .collect()
}

fn cases(world: &World) -> Vec<Document> {
    let known = |person: u32| slots(world.size.seed, &world.people()[person as usize], System::ZohoContact) > 0;
    service::tickets(world.size, world.people())
        .into_iter()
        .filter(|ticket| known(ticket.person))
        .map(|ticket| {
            let key = event_key(ticket.person, ticket.window);
            let deleted = removed(world, "case-zoho", key, ticket.closed);
            let origin = match ticket.source {
                "EMAIL" => "Email",
                "PHONE" => "Phone",
                _ => "Web",
            };
            let body = json!({
                "Subject": ticket.subject,
                "Status": if ticket.closed.is_some() { "Closed" } else { "New" },
                "Priority": match ticket.priority { "LOW" => "Low", "MEDIUM" => "Medium", _ => "High" },
                "Case_Origin": origin,
                "Case_Number": key.to_string(),
                "Related_To": contact_of(world, ticket.person),
            });
            document(6, key, Life::of(ticket.created, ticket.updated, deleted), None, body)
        })
        .collect()
}

fn activity(world: &World, kind: ActivityKind) -> Vec<Document> {
    activities(world, System::ZohoContact)
        .filter(|activity| activity.kind == kind)
        .map(|activity| {
            let key = event_key(activity.deal.person, activity.deal.window);
            let deleted = removed(world, "activity-zoho", key, Some(activity.at));
            let mut body = json!({
                "Who_Id": contact_of(world, activity.deal.person),
                "What_Id": lookup(4, key, activity.deal.offer),
            });
            let subject: Value = activity.deal.offer.into();
            match kind {
                ActivityKind::Call => {
                    body["Subject"] = subject;
                    body["Call_Type"] = "Outbound".into();
                    body["Call_Start_Time"] = stamp(activity.at).into();
                    body["Call_Duration"] = format!("{}:00", activity.minutes).into();
                    body["Call_Duration_in_seconds"] = (activity.minutes * 60).into();
                }
                ActivityKind::Meeting => {
                    body["Event_Title"] = subject;
                    body["Start_DateTime"] = stamp(activity.at).into();
                    body["End_DateTime"] = stamp(activity.at + activity.minutes * MINUTE).into();
                }
                ActivityKind::Task => {
                    body["Subject"] = subject;
                    body["Due_Date"] = clock::day(activity.at).into();
                    body["Status"] = "Completed".into();
                    body["Priority"] = "Normal".into();
                }
            }
            let module = 7 + activity.kind as u64;
            document(module, key, Life::of(activity.at, activity.at, deleted), None, body)
        })
        .collect()
}
