//! Sales work: deals of HubSpot contacts, opportunities and leads of Salesforce, each with the instants of its stages.

use crate::clock::{self, DAY, HOUR, SECOND};
use crate::data::business;
use crate::draw::Draw;

use super::Size;
use super::people::Person;
use super::records::{System, slots};

/// A deal or an opportunity, as far as it has come.
#[derive(Debug)]
pub(crate) struct Deal {
    pub(crate) person: u32,
    /// Number among the person's deals of this system; with the window it makes the id.
    pub(crate) window: i32,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    /// Position in the list of stages; 4 is won, 5 is lost.
    pub(crate) stage: usize,
    /// Planned close, the true one once closed.
    pub(crate) close: i64,
    pub(crate) amount: i64,
    pub(crate) currency: &'static str,
    pub(crate) offer: &'static str,
}

impl Deal {
    pub(crate) fn closed(&self) -> bool {
        self.stage >= 4
    }

    pub(crate) fn won(&self) -> bool {
        self.stage == 4
    }
}

/// The deals of one system; those of companies' people are many and large.
pub(crate) fn deals(size: Size, people: &[Person], system: System) -> Vec<Deal> {
    let mut deals = Vec::new();
    for person in people {
        if slots(size.seed, person, system) == 0 {
            continue;
        }
        let rate = if person.firm.is_some() { 0.03 } else { 0.0015 };
        for window in clock::FIRST_WINDOW.max(clock::window_of(person.since))..=size.month {
            let key = [system as i64, i64::from(person.number), i64::from(window)];
            let mut draw = Draw::of(size.seed, "deal", &key);
            if draw.chance(rate) {
                deals.extend(deal(&mut draw, size, person, window));
            }
        }
    }
    deals
}

fn deal(draw: &mut Draw, size: Size, person: &Person, window: i32) -> Option<Deal> {
    let now = clock::now(size.month);
    let created = draw.range(clock::now(window - 1).max(person.since), clock::now(window)) / SECOND * SECOND;
    let cycle = draw.normal(3.4, 0.6).exp().clamp(2.0, 400.0) * DAY as f64;
    let won = draw.chance(0.34);
    let mut updated = created;
    let mut stage = 0;
    let mut at = created;
    for step in 1..=4 {
        // Every draw is made whatever "now" is, so that a deal keeps its values when the month moves on.
        at += (cycle / 4.0 * (0.5 + draw.unit())) as i64 / SECOND * SECOND;
        if at < now {
            (updated, stage) = (at, if step == 4 && !won { 5 } else { step });
        }
    }
    let base = if person.firm.is_some() { 8.4 } else { 6.0 };
    Some(Deal {
        person: person.number,
        window,
        created,
        updated,
        stage,
        close: if stage >= 4 { updated } else { created + cycle as i64 },
        amount: (draw.normal(base, 0.8).exp() / 10.0).round() as i64 * 10,
        currency: draw.weighted(&[("EUR", 0.94), ("USD", 0.04), ("GBP", 0.02)]),
        offer: draw.pick(business::OFFERS),
    })
    .filter(|deal| deal.created < now)
}

/// The statuses of Salesforce leads.
pub(crate) const LEAD_STATUSES: [&str; 4] =
    ["Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"];

/// When a lead entered each of its statuses: (instant, position in the list of statuses), up to now.
pub(crate) fn lead_steps(size: Size, person: u32, created: i64) -> Vec<(i64, usize)> {
    let mut draw = Draw::of(size.seed, "lead-steps", &[i64::from(person)]);
    let contacted = created + draw.range(2 * HOUR, 20 * DAY);
    let closed = contacted + draw.range(DAY, 60 * DAY);
    let fate = if draw.chance(0.38) { 2 } else { 3 };
    let steps = [(created, 0), (contacted / SECOND * SECOND, 1), (closed / SECOND * SECOND, fate)];
    let stays = draw.chance(0.2);
    let reached = if stays { 2 } else { 3 };
    steps.into_iter().take(reached).filter(|(at, _)| *at < clock::now(size.month)).collect()
}
