//! The people as they truly are: who they are, with whom they live, where they work, and what changes in their lives.

use std::collections::HashSet;

use chrono::{Datelike, Days, NaiveDate};

use crate::clock::{self, DAY};
use crate::data::{business, names, places};
use crate::draw::Draw;

use super::Size;
use super::firms::Firm;
use super::text;

/// Where somebody lives or a company sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) street: String,
    pub(crate) postcode: &'static str,
    pub(crate) town: &'static str,
    /// ISO 3166 code.
    pub(crate) country: &'static str,
    /// Calling code of the country, without plus.
    pub(crate) calling: &'static str,
}

impl Address {
    pub(crate) fn draw(draw: &mut Draw, french: f64) -> Self {
        let number = 1 + draw.below(180);
        if draw.chance(french) {
            let (postcode, town) = draw.pick_early(places::FRENCH_TOWNS);
            let street = format!("{number} {}", draw.pick(places::STREETS));
            return Self { street, postcode, town, country: "FR", calling: "33" };
        }
        let place = draw.pick(places::FOREIGN_TOWNS);
        let street = format!("{} {number}", draw.pick(places::FOREIGN_STREETS));
        Self { street, postcode: place.postcode, town: place.town, country: place.code, calling: place.calling }
    }
}

/// What may be told of a person at a given time of their life.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) email: String,
    /// In E.164.
    pub(crate) mobile: String,
    pub(crate) address: Address,
}

/// Something that changed, and the window it changed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LifeEvent {
    pub(crate) window: i32,
    kind: LifeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LifeKind {
    Move,
    Email,
    Phone,
    Name,
}

/// One true person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) number: u32,
    pub(crate) woman: bool,
    pub(crate) birth: NaiveDate,
    pub(crate) origin: Identity,
    pub(crate) second_email: Option<String>,
    /// The household's line, in E.164.
    pub(crate) landline: String,
    /// Where they lived before, kept by stale records.
    pub(crate) old_address: Address,
    pub(crate) profession: &'static str,
    /// The company they buy for.
    pub(crate) firm: Option<u32>,
    /// The window they show up in; 0 for all who are there from the start.
    pub(crate) entry: i32,
    /// First contact with the shop or the sales people.
    pub(crate) since: i64,
    pub(crate) life: Vec<LifeEvent>,
    seed: u64,
}

impl Person {
    /// The person after the first `version` events of their life.
    pub(crate) fn identity(&self, version: usize) -> Identity {
        let mut now = self.origin.clone();
        for event in self.life.iter().take(version) {
            let mut draw = Draw::of(self.seed, "life-change", &[i64::from(self.number), i64::from(event.window)]);
            match event.kind {
                LifeKind::Move => now.address = Address::draw(&mut draw, 0.97),
                LifeKind::Phone => now.mobile = mobile(&mut draw, now.address.calling),
                LifeKind::Name => now.last = (draw.pick_early(&names::FRENCH.surnames)).to_owned(),
                LifeKind::Email => {
                    let provider = draw.weighted(business::MAIL_PROVIDERS);
                    let local = text::mail_part(&format!("{}.{}", now.first, now.last));
                    now.email = format!("{local}.{}{}@{provider}", self.number, event.window);
                }
            }
        }
        now
    }
}

fn mobile(draw: &mut Draw, calling: &str) -> String {
    match calling {
        "33" => format!("+33{}{}", draw.weighted(&[("6", 0.75), ("7", 0.25)]), draw.digits(8)),
        "1" => format!("+1212{}", draw.digits(7)),
        _ => format!("+{calling}7{}", draw.digits(8)),
    }
}

/// A landline, its area by the postcode as in the French numbering plan before 2023.
pub(crate) fn landline(draw: &mut Draw, address: &Address) -> String {
    if address.calling != "33" {
        return format!("+{}2{}", address.calling, draw.digits(8));
    }
    let area = match &address.postcode[..2] {
        "75" | "77" | "78" | "91" | "92" | "93" | "94" | "95" => 1,
        "14" | "22" | "27" | "28" | "29" | "35" | "36" | "37" | "41" | "44" | "45" | "49" | "50" | "53" | "56"
        | "61" | "72" | "76" | "85" | "97" => 2,
        "02" | "08" | "10" | "21" | "25" | "39" | "51" | "52" | "54" | "55" | "57" | "58" | "59" | "60" | "62"
        | "67" | "68" | "70" | "71" | "80" | "88" | "89" | "90" => 3,
        "09" | "12" | "16" | "17" | "19" | "23" | "24" | "31" | "32" | "33" | "40" | "46" | "47" | "64" | "65"
        | "79" | "81" | "82" | "86" | "87" => 5,
        _ => 4,
    };
    format!("+33{area}{}", draw.digits(8))
}

/// Four neighbours in number fall into households; this gives (first number, position) of a person's household.
fn household(seed: u64, number: i64) -> (i64, usize) {
    const LAYOUTS: &[(&[i64], f64)] =
        &[(&[1, 1, 1, 1], 0.52), (&[2, 1, 1], 0.2), (&[2, 2], 0.12), (&[3, 1], 0.1), (&[4], 0.06)];
    let block = number / 4 * 4;
    let mut first = block;
    for size in Draw::of(seed, "household", &[block]).weighted(LAYOUTS) {
        if number < first + size {
            return (first, (number - first) as usize);
        }
        first += size;
    }
    (number, 0)
}

/// All people of the world, in order of number.
pub(crate) fn people(size: Size, firms: &[Firm]) -> Vec<Person> {
    let mut taken = HashSet::new();
    (0..size.people()).map(|number| person(size, number, firms, &mut taken)).collect()
}

fn person(size: Size, number: u32, firms: &[Firm], taken: &mut HashSet<String>) -> Person {
    let Size { seed, month, .. } = size;
    let n = i64::from(number);
    let (home, position) = household(seed, n);
    let mut shared = Draw::of(seed, "home", &[home]);
    let address = Address::draw(&mut shared, 0.91);
    let landline = landline(&mut shared, &address);
    let stock = names::FOREIGN.iter().find(|(code, _)| *code == address.country).map_or(&*names::FRENCH, |(_, s)| s);
    let family_name = surname(&mut shared, stock);
    let family_birth = i64::from(shared.below(40) as u32) * 365 + shared.range(0, 365);
    let family_twins = shared.chance(0.35);

    let mut draw = Draw::of(seed, "person", &[n]);
    let woman = if position == 1 { draw.chance(0.5) } else { draw.chance(0.53) };
    let first = first_name(&mut draw, stock, woman);
    let last = if position == 1 && draw.chance(0.35) { surname(&mut draw, stock) } else { family_name };
    let birth = match position {
        0 => days_after(1944, family_birth),
        1 => days_after(1944, family_birth + draw.range(-1_500, 1_500)),
        2 => days_after(1972, family_birth * 28 / 40),
        _ if family_twins => days_after(1972, family_birth * 28 / 40),
        _ => days_after(1972, family_birth * 28 / 40 + draw.range(400, 1_900)),
    };
    let mobile = mobile(&mut draw, address.calling);
    let email = unique_email(&mut draw, &first, &last, birth.year(), taken);
    let second_email = draw.chance(0.28).then(|| unique_email(&mut draw, &first, &last, birth.year(), taken));
    let firm = (draw.chance(0.24) && !firms.is_empty())
        .then(|| (draw.unit().powf(1.6) * f64::from(size.first_firms())) as u32);
    let entry = size.entry(number);
    let since = if entry > 0 {
        draw.range(clock::now(entry - 1), clock::now(entry) - DAY)
    } else {
        clock::now(0) - DAY - (draw.unit() * 1_700.0 * DAY as f64) as i64
    };
    Person {
        number,
        woman,
        birth,
        second_email,
        landline,
        old_address: Address::draw(&mut draw, 0.97),
        profession: draw.pick(business::PROFESSIONS),
        firm,
        entry,
        since,
        life: (entry + 1..=month).filter_map(|window| life_event(seed, n, window, woman)).collect(),
        origin: Identity { first, last, email, mobile, address },
        seed,
    }
}

fn life_event(seed: u64, number: i64, window: i32, woman: bool) -> Option<LifeEvent> {
    let mut draw = Draw::of(seed, "life", &[number, i64::from(window)]);
    if !draw.chance(0.03) {
        return None;
    }
    let name = if woman { 0.2 } else { 0.02 };
    let kind = draw.weighted(&[
        (LifeKind::Move, 0.4),
        (LifeKind::Email, 0.25),
        (LifeKind::Phone, 0.2),
        (LifeKind::Name, name),
    ]);
    Some(LifeEvent { window, kind })
}

fn days_after(year: i32, days: i64) -> NaiveDate {
    let start = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    start.checked_add_days(Days::new(days.max(0) as u64)).unwrap_or(start)
}

fn first_name(draw: &mut Draw, stock: &names::Names, woman: bool) -> String {
    (draw.pick_early(if woman { &stock.women } else { &stock.men })).to_owned()
}

/// A surname; some are double or carry a particle. Hyphens in the word list stand for the blank of compound names.
fn surname(draw: &mut Draw, stock: &names::Names) -> String {
    let name = draw.pick_early(&stock.surnames).replace('-', " ");
    match draw.below(40) {
        0 => format!("{name}-{}", draw.pick(&stock.surnames).replace('-', " ")),
        1 => format!("de {name}"),
        _ => name,
    }
}

fn unique_email(draw: &mut Draw, first: &str, last: &str, year: i32, taken: &mut HashSet<String>) -> String {
    let (first, last) = (text::mail_part(first), text::mail_part(last));
    let initial: String = first.chars().take(1).collect();
    let local = match draw.below(6) {
        0 | 1 => format!("{first}.{last}"),
        2 => format!("{initial}{last}"),
        3 => format!("{last}.{first}"),
        4 => format!("{first}{last}{:02}", year % 100),
        _ => format!("{first}{year}"),
    };
    let provider = draw.weighted(business::MAIL_PROVIDERS);
    let mut email = format!("{local}@{provider}");
    while !taken.insert(email.clone()) {
        email = format!("{local}{}@{provider}", draw.below(1_000));
    }
    email
}
