//! The records systems keep of a person: in which systems they stand, when each record was made, changed and deleted,
//! and what it says, with the dirt of typing hands and stale data.

use chrono::Datelike;

use crate::clock::{self, DAY, HOUR, MINUTE, SECOND};
use crate::data::places;
use crate::draw::Draw;

use super::firms::Firm;
use super::people::{Identity, Person};
use super::text;

/// A kind of person record in a CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    HubSpotContact,
    SalesforceContact,
    SalesforceLead,
    ZohoContact,
    ZohoLead,
    DynamicsContact,
    DynamicsLead,
    PipedrivePerson,
    ZendeskUser,
}

impl System {
    fn key(self) -> i64 {
        self as i64
    }
}

/// How many records of each kind a person has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) hubspot: u8,
    pub(crate) contact: u8,
    pub(crate) lead: u8,
    /// Customer accounts in the shop, each under one e-mail address.
    pub(crate) shop: u8,
}

/// Where a person stands; every person stands somewhere.
pub(crate) fn presence(seed: u64, person: &Person) -> Presence {
    let mut draw = Draw::of(seed, "presence", &[i64::from(person.number)]);
    let business = person.firm.is_some();
    let mut times = |share: f64, double: f64| {
        let there = draw.chance(share);
        u8::from(there) + u8::from(there && draw.chance(double))
    };
    let mut found = Presence {
        hubspot: times(if business { 0.72 } else { 0.83 }, 0.03),
        contact: times(if business { 0.66 } else { 0.45 }, 0.02),
        lead: times(if business { 0.3 } else { 0.1 }, 0.0),
        shop: times(if business { 0.4 } else { 0.78 }, 0.08),
    };
    if person.second_email.is_none() {
        found.shop = found.shop.min(1);
    }
    if found.hubspot + found.contact + found.lead + found.shop == 0 {
        found.hubspot = 1;
    }
    found
}

/// How many records a system keeps of a person.
pub(crate) fn slots(seed: u64, person: &Person, system: System) -> u8 {
    let there = || presence(seed, person);
    let mut draw = Draw::of(seed, "slots", &[system.key(), i64::from(person.number)]);
    let business = person.firm.is_some();
    match system {
        System::HubSpotContact => there().hubspot,
        System::SalesforceContact => there().contact,
        System::SalesforceLead => there().lead,
        // Tickets are of persons whom the marketing system knows.
        System::ZendeskUser => there().hubspot.min(1),
        System::ZohoLead | System::DynamicsLead => u8::from(draw.chance(if business { 0.3 } else { 0.12 })),
        System::ZohoContact | System::DynamicsContact | System::PipedrivePerson => {
            let known = draw.chance(if business { 0.75 } else { 0.6 });
            u8::from(known) + u8::from(known && draw.chance(0.03))
        }
    }
}

/// The life of one record up to a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: Option<i64>,
    /// How many events of the person's life the record knows of.
    pub(crate) version: usize,
    /// How often it was changed for another reason.
    pub(crate) touches: usize,
}

/// A bulk import that gave many records one and the same stamp: 2026-03-15T10:00:00Z.
const IMPORT: i64 = 1_773_568_800_000;

/// What happened to a record up to `month`. `key` identifies the record within its kind.
pub(crate) fn history(seed: u64, key: &[i64], entry: i32, since: i64, changes: &[i32], month: i32) -> History {
    let mut draw = Draw::of(seed, "history", key);
    let mut record = if entry > 0 {
        let created = clock::change_stamp(&mut draw, entry);
        History { created, updated: created, deleted: None, version: 0, touches: 0 }
    } else {
        first_history(&mut draw, since)
    };
    for window in entry + 1..=month {
        let mut key: Vec<i64> = key.to_vec();
        key.push(i64::from(window));
        let mut draw = Draw::of(seed, "change", &key);
        if record.deleted.is_some() {
            break;
        }
        let told = changes.contains(&window) && draw.chance(0.75);
        let touched = draw.chance(0.012);
        if told {
            record.version = changes.iter().filter(|c| **c <= window).count();
        }
        record.touches += usize::from(touched);
        if told || touched {
            record.updated = record.updated.max(clock::change_stamp(&mut draw, window));
        }
        if draw.chance(0.005) {
            let stamp = draw.range(clock::now(window - 1) + DAY, clock::now(window) - HOUR);
            record.deleted = Some(stamp.max(record.updated));
            record.updated = stamp.max(record.updated);
        }
    }
    record
}

fn first_history(draw: &mut Draw, since: i64) -> History {
    let whole = |t: i64| t - t.rem_euclid(SECOND);
    let end = clock::now(0) - 5 * MINUTE;
    let created = whole((since + draw.range(0, 60 * DAY)).min(end - HOUR));
    let updated = match draw.below(100) {
        0..2 => clock::now(0) - draw.range(1, 5) * SECOND,
        2..8 => IMPORT.max(created),
        _ => whole(draw.range(created, end)),
    };
    let deleted = draw.chance(0.008).then(|| whole(draw.range(updated, end)).max(updated));
    History { created, updated: deleted.unwrap_or(updated), deleted, version: 0, touches: 0 }
}

/// What a record says of its person.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) first: Option<String>,
    pub(crate) last: String,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) mobile: Option<String>,
    pub(crate) street: Option<String>,
    pub(crate) town: Option<String>,
    pub(crate) postcode: Option<String>,
    pub(crate) country: Option<String>,
    /// As typed: several formats.
    pub(crate) birth: Option<String>,
    /// As a date, for systems with date fields; now and then day and month swapped.
    pub(crate) birth_date: Option<String>,
    pub(crate) gender: Option<&'static str>,
    pub(crate) company: Option<String>,
    pub(crate) title: Option<&'static str>,
}

/// The record numbered `slot` of the person in a system, at a version of the person's life.
pub(crate) fn card(seed: u64, system: System, person: &Person, slot: u8, version: usize, firms: &[Firm]) -> Card {
    let mut draw = Draw::of(seed, "card", &[system.key(), i64::from(person.number), i64::from(slot)]);
    let now = person.identity(version);
    let firm = person.firm.and_then(|f| firms.get(f as usize));
    let (first, last) = written_name(&mut draw, &now);
    let email = written_email(&mut draw, person, &now, firm, system);
    let sure = email.is_none();
    let phone = (sure || draw.chance(0.55)).then(|| match firm {
        Some(firm) if draw.chance(0.5) => text::phone(&mut draw, &firm.phone),
        _ => text::phone(&mut draw, &person.landline),
    });
    let mobile = (sure || draw.chance(0.6)).then(|| text::phone(&mut draw, &now.mobile));
    let address = if draw.chance(0.07) && version == 0 { &person.old_address } else { &now.address };
    let placed = sure || draw.chance(0.8);
    let spell = places::COUNTRY_SPELLINGS.iter().find(|(code, _)| *code == address.country).map(|(_, s)| draw.pick(s));
    let birth_known = draw.chance(if system == System::SalesforceContact { 0.68 } else { 0.55 });
    let shout = draw.chance(0.15);
    let town = if shout { text::plain(address.town).to_uppercase() } else { address.town.to_owned() };
    Card {
        first,
        last,
        email,
        phone,
        mobile,
        street: placed.then(|| if shout { text::plain(&address.street) } else { address.street.clone() }),
        town: placed.then_some(town),
        postcode: placed.then(|| address.postcode.to_owned()),
        country: spell.filter(|_| placed).map(str::to_owned),
        birth: birth_known.then(|| written_date(&mut draw, person)),
        birth_date: birth_known.then(|| dated(&mut draw, person)),
        gender: draw.chance(0.7).then(|| match (person.woman, draw.below(3)) {
            (true, 0) => "female",
            (true, 1) => "F",
            (true, _) => "Femme",
            (false, 0) => "male",
            (false, 1) => "M",
            (false, _) => "Homme",
        }),
        company: firm.map(|f| if draw.chance(0.5) { format!("{} {}", f.name, f.legal_form) } else { f.name.clone() }),
        title: draw.chance(0.6).then_some(person.profession),
    }
}

fn written_name(draw: &mut Draw, now: &Identity) -> (Option<String>, String) {
    let mut first = now.first.clone();
    let mut last = now.last.clone();
    match draw.below(100) {
        0..3 => last = text::typo(draw, &last),
        3..6 => first = text::typo(draw, &first),
        6..10 => first = text::short_name(&first),
        10..12 => std::mem::swap(&mut first, &mut last),
        _ => {}
    }
    match draw.below(20) {
        0..3 => (first, last) = (text::plain(&first), text::plain(&last)),
        3..6 => last = last.to_uppercase(),
        6 => (first, last) = (first.to_lowercase(), last.to_lowercase()),
        7 => first.insert(0, ' '),
        _ => {}
    }
    (draw.chance(0.97).then_some(first), last)
}

fn written_email(
    draw: &mut Draw,
    person: &Person,
    now: &Identity,
    firm: Option<&Firm>,
    system: System,
) -> Option<String> {
    let missing = if system == System::SalesforceContact { 0.12 } else { 0.03 };
    if draw.chance(missing) {
        return None;
    }
    if let Some(firm) = firm {
        match draw.below(10) {
            0 => return Some(format!("{}@{}", draw.pick(&["info", "contact", "compta"]), firm.domain)),
            1..6 => {
                return Some(format!("{}.{}@{}", text::mail_part(&now.first), text::mail_part(&now.last), firm.domain));
            }
            _ => {}
        }
    }
    let own = person.second_email.as_ref().filter(|_| draw.chance(0.3)).unwrap_or(&now.email);
    Some(match draw.below(60) {
        0 => own.replace("gmail.com", "gmial.com").replace("orange.fr", "ornage.fr"),
        1..4 => own.to_uppercase(),
        4 => format!(" {own}"),
        _ => own.clone(),
    })
}

fn written_date(draw: &mut Draw, person: &Person) -> String {
    let pattern = draw.weighted(&[("%Y-%m-%d", 0.5), ("%d/%m/%Y", 0.35), ("%d.%m.%y", 0.05), ("%d-%m-%Y", 0.1)]);
    person.birth.format(pattern).to_string()
}

fn dated(draw: &mut Draw, person: &Person) -> String {
    let birth = person.birth;
    let shown = match draw.below(60) {
        0 => chrono::NaiveDate::from_ymd_opt(birth.year(), birth.day(), birth.month()),
        1 => chrono::NaiveDate::from_ymd_opt(birth.year(), 1, 1),
        _ => None,
    };
    shown.unwrap_or(birth).format("%Y-%m-%d").to_string()
}

/// The e-mail address of one of a person's shop accounts.
pub(crate) fn shop_email(seed: u64, person: &Person, slot: u8) -> String {
    let mut draw = Draw::of(seed, "shop-account", &[i64::from(person.number)]);
    let swapped = draw.chance(0.15);
    let first = &person.origin.email;
    let second = person.second_email.as_ref().unwrap_or(first);
    let email = if (slot == 0) == swapped { second } else { first };
    if draw.chance(0.04) { email.to_uppercase() } else { email.clone() }
}

/// The name written on a shop account.
pub(crate) fn shop_name(seed: u64, person: &Person, slot: u8) -> String {
    let mut draw = Draw::of(seed, "shop-name", &[i64::from(person.number), i64::from(slot)]);
    let (first, last) = written_name(&mut draw, &person.origin);
    first.map_or(last.clone(), |first| format!("{} {last}", first.trim()))
}
