//! Customer service and surveys of HubSpot contacts: tickets, satisfaction with them, and recommendation (NPS).

use crate::clock::{self, DAY, HOUR, MINUTE, SECOND};
use crate::data::business;
use crate::draw::Draw;

use super::Size;
use super::people::Person;
use super::records::presence;

/// A ticket, as far as it has come.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) person: u32,
    pub(crate) window: i32,
    /// When the customer called; late tickets are typed in a window later.
    pub(crate) created: i64,
    /// When it was typed in.
    pub(crate) typed: i64,
    pub(crate) updated: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) subject: &'static str,
    pub(crate) priority: &'static str,
    pub(crate) source: &'static str,
}

/// The answer to a survey, or the survey offered and not answered.
#[derive(Debug)]
pub(crate) struct Feedback {
    pub(crate) person: u32,
    /// The ticket's window for CSAT, the quarter's last window for NPS.
    pub(crate) window: i32,
    pub(crate) survey: &'static str,
    pub(crate) score: Option<i64>,
    pub(crate) submitted: i64,
    pub(crate) updated: i64,
    pub(crate) channel: &'static str,
}

/// The first window with tickets and surveys.
const FIRST: i32 = -23;

/// The window a record of window k is loaded in, and the stamp the system gives it then: one in forty is late by a month.
pub(super) fn landing(draw: &mut Draw, window: i32, at: i64) -> (i32, i64) {
    if draw.chance(0.025) {
        let loaded = window + 1;
        return (loaded, clock::change_stamp(draw, loaded).max(at));
    }
    (window, at)
}

/// Tickets visible in this month.
pub(crate) fn tickets(size: Size, people: &[Person]) -> Vec<Ticket> {
    each_window(size, people).filter_map(|(person, window)| ticket(size, person, window)).collect()
}

fn each_window(size: Size, people: &[Person]) -> impl Iterator<Item = (&Person, i32)> {
    people
        .iter()
        .filter(move |p| presence(size.seed, p).hubspot > 0)
        .flat_map(move |p| (FIRST.max(clock::window_of(p.since))..=size.month).map(move |w| (p, w)))
}

fn ticket(size: Size, person: &Person, window: i32) -> Option<Ticket> {
    let mut draw = Draw::of(size.seed, "ticket", &[i64::from(person.number), i64::from(window)]);
    if !draw.chance(0.022) {
        return None;
    }
    let now = clock::now(size.month);
    let (start, end) = (clock::now(window - 1).max(person.since), clock::now(window));
    let created = office_hours(&mut draw, start, end);
    let (loaded, stamp) = landing(&mut draw, window, created);
    if loaded > size.month || created >= now {
        return None;
    }
    let minutes = draw.normal(5.6, 1.6).exp().clamp(3.0, 40_000.0) as i64;
    let closed = (stamp.max(created) + minutes * MINUTE) / SECOND * SECOND;
    let closes = draw.chance(0.96);
    let closed = (closes && closed < now).then_some(closed);
    Some(Ticket {
        person: person.number,
        window,
        created,
        typed: stamp.max(created),
        updated: closed.unwrap_or(stamp),
        closed,
        subject: draw.pick(business::SUBJECTS),
        priority: draw.weighted(&[("LOW", 0.4), ("MEDIUM", 0.42), ("HIGH", 0.18)]),
        source: draw.weighted(&[("EMAIL", 0.45), ("PHONE", 0.3), ("CHAT", 0.15), ("FORM", 0.1)]),
    })
}

/// An instant of a working day within the span.
pub(super) fn office_hours(draw: &mut Draw, start: i64, end: i64) -> i64 {
    let at = draw.range(start, end - DAY);
    let day = at - at.rem_euclid(DAY);
    (day + draw.range(7 * HOUR, 18 * HOUR)).clamp(start, end - MINUTE) / SECOND * SECOND
}

/// Survey records visible in this month.
pub(crate) fn feedback(size: Size, people: &[Person]) -> Vec<Feedback> {
    let mut all: Vec<_> = tickets(size, people).into_iter().filter_map(|ticket| csat(size, &ticket)).collect();
    all.extend(
        each_window(size, people)
            .filter(|(_, window)| window.rem_euclid(3) == 0)
            .filter_map(|(person, window)| nps(size, person, window)),
    );
    all
}

fn csat(size: Size, ticket: &Ticket) -> Option<Feedback> {
    let closed = ticket.closed?;
    let mut draw = Draw::of(size.seed, "csat", &[i64::from(ticket.person), i64::from(ticket.window)]);
    if !draw.chance(0.7) {
        return None;
    }
    let score = draw.chance(0.55).then(|| draw.weighted(&[(5, 0.48), (4, 0.3), (3, 0.1), (2, 0.06), (1, 0.06)]));
    let submitted = closed + draw.range(10 * MINUTE, 3 * DAY) / SECOND * SECOND;
    finish(&mut draw, size, ticket.person, ticket.window, ("CSAT", score, submitted))
}

fn nps(size: Size, person: &Person, window: i32) -> Option<Feedback> {
    let mut draw = Draw::of(size.seed, "nps", &[i64::from(person.number), i64::from(window)]);
    if !draw.chance(0.07) {
        return None;
    }
    let score = draw.normal(8.3, 1.9).round().clamp(0.0, 10.0) as i64;
    let submitted = office_hours(&mut draw, clock::now(window - 1).max(person.since), clock::now(window));
    finish(&mut draw, size, person.number, window, ("NPS", Some(score), submitted))
}

fn finish(
    draw: &mut Draw,
    size: Size,
    person: u32,
    window: i32,
    (survey, score, submitted): (&'static str, Option<i64>, i64),
) -> Option<Feedback> {
    let (loaded, updated) = landing(draw, clock::window_of(submitted), submitted);
    (loaded <= size.month).then(|| Feedback {
        person,
        window,
        survey,
        score,
        submitted,
        updated,
        channel: draw.weighted(&[("EMAIL", 0.7), ("WEB", 0.3)]),
    })
}
