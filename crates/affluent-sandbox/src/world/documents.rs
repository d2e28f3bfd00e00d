//! Records of vendors whose answers are documents: JSON bodies as the vendor writes them, with what lists and change
//! feeds order and filter by. Also what several vendors' records are made from.

use serde_json::Value;

use crate::clock::{self, DAY, HOUR, MINUTE, SECOND};
use crate::draw::Draw;

use super::firms::Firm;
use super::people::Person;
use super::records::{self, Card, History, System};
use super::sales::{self, Deal};
use super::{World, dynamics, pipedrive, zendesk, zoho};

/// One record.
#[derive(Debug, PartialEq)]
pub(crate) struct Document {
    /// The number its id is made of; documents are in its order.
    pub(crate) key: u64,
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: Option<i64>,
    /// The true person it is of, for records of persons.
    pub(crate) person: Option<u32>,
    /// The object that the vendor answers with.
    pub(crate) body: Value,
}

impl Document {
    /// The document of that number, id and life.
    pub(crate) fn new(key: u64, id: String, life: Life, person: Option<u32>, body: Value) -> Self {
        let Life { created, updated, deleted } = life;
        Self { key, id, created, updated, deleted, person, body }
    }
}

/// Makes the documents of a collection.
type Maker = fn(&World) -> Vec<Document>;

/// What a vendor holds: its collections by name, each with the function that makes its documents.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) collections: &'static [(&'static str, Maker)],
}

/// All vendors with documents.
pub(crate) static STORES: &[&Store] = &[&zoho::STORE, &dynamics::STORE, &pipedrive::STORE, &zendesk::STORE];

/// When a record was made, changed and deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) deleted: Option<i64>,
}

impl From<History> for Life {
    fn from(History { created, updated, deleted, .. }: History) -> Self {
        Self { created, updated, deleted }
    }
}

impl Life {
    /// Of a record that was deleted, if at all, after its last change.
    pub(crate) fn of(created: i64, updated: i64, deleted: Option<i64>) -> Self {
        Self { created, updated: deleted.unwrap_or(updated), deleted }
    }
}

/// The number of a person's record in a system.
pub(crate) fn person_key(person: u32, slot: u8) -> u64 {
    100_000 + u64::from(person) * 4 + u64::from(slot)
}

/// The number of what happened to a person in a window.
pub(crate) fn event_key(person: u32, window: i32) -> u64 {
    1_000_000 + u64::from(person) * 2_000 + (window + 100) as u64
}

/// The records that a system keeps of persons: who, the record's number, its history, what it says.
pub(crate) fn cards(world: &World, system: System) -> impl Iterator<Item = (&Person, u64, History, Card)> {
    let seed = world.size.seed;
    let all = world.people().iter().flat_map(move |p| (0..records::slots(seed, p, system)).map(move |slot| (p, slot)));
    all.map(move |(person, slot)| {
        let changes: Vec<i32> = person.life.iter().map(|event| event.window).collect();
        let key = [system as i64, i64::from(person.number), i64::from(slot)];
        let history = records::history(seed, &key, person.entry, person.since, &changes, world.size.month);
        let card = records::card(seed, system, person, slot, history.version, world.firms());
        (person, person_key(person.number, slot), history, card)
    })
}

/// Whether a vendor knows the company.
pub(crate) fn firm_known(world: &World, vendor: &str, firm: u32) -> bool {
    Draw::of(world.size.seed, vendor, &[i64::from(firm)]).chance(0.8)
}

/// The companies that a vendor knows, each with the history of its record.
pub(crate) fn firms<'a>(world: &'a World, vendor: &'a str) -> impl Iterator<Item = (&'a Firm, History)> {
    let known = world.firms().iter().filter(move |firm| firm_known(world, vendor, firm.number));
    known.map(move |firm| {
        let tag = vendor.bytes().fold(1_000, |tag, byte| tag * 31 % 1_000_003 + i64::from(byte));
        let key = [tag, i64::from(firm.number), 0];
        (firm, records::history(world.size.seed, &key, firm.entry, firm.since, &[], world.size.month))
    })
}

/// When a record that was closed at that instant was deleted in a later window, if it was.
pub(crate) fn removed(world: &World, kind: &str, key: u64, closed: Option<i64>) -> Option<i64> {
    let closed = closed?;
    (clock::window_of(closed).max(-6) + 1..=world.size.month).find_map(|window| {
        let mut draw = Draw::of(world.size.seed, kind, &[key as i64, i64::from(window)]);
        let stamp = draw.range(clock::now(window - 1) + DAY, clock::now(window) - HOUR) / SECOND * SECOND;
        draw.chance(0.02).then_some(stamp)
    })
}

/// What a sales person did for a deal.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) deal: Deal,
    pub(crate) kind: ActivityKind,
    pub(crate) at: i64,
    pub(crate) minutes: i64,
}

/// The kinds of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActivityKind {
    Call,
    Meeting,
    Task,
}

/// The activities of a system's deals up to now: one for each.
pub(crate) fn activities(world: &World, system: System) -> impl Iterator<Item = Activity> {
    sales::deals(world.size, world.people(), system).into_iter().filter_map(move |deal| {
        let key = [system as i64, i64::from(deal.person), i64::from(deal.window)];
        let mut draw = Draw::of(world.size.seed, "activity", &key);
        let at = deal.created + draw.range(HOUR, 5 * DAY) / MINUTE * MINUTE;
        let kind = draw.weighted(&[(ActivityKind::Call, 0.5), (ActivityKind::Meeting, 0.3), (ActivityKind::Task, 0.2)]);
        let minutes = draw.range(3, 60);
        (at < world.now()).then_some(Activity { deal, kind, at, minutes })
    })
}
