//! Marketing campaigns: one of each channel a quarter, a newsletter every month, and the events of e-mails sent.

use crate::clock::{self, DAY, HOUR, SECOND};
use crate::data::business;
use crate::draw::Draw;

use super::records::{self, System, presence};
use super::{Size, World};

/// A campaign.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    /// Number in order of start; the same in every month that shows it.
    pub(crate) number: u32,
    pub(crate) window: i32,
    pub(crate) name: String,
    pub(crate) channel: &'static str,
    pub(crate) salesforce_type: &'static str,
    /// Whole units of the currency.
    pub(crate) cost: i64,
    pub(crate) currency: &'static str,
    pub(crate) start: i64,
}

impl Campaign {
    /// The id in HubSpot and in the cost files.
    pub(crate) fn id(&self) -> u64 {
        70_000_000 + u64::from(self.number)
    }
}

/// The first window with campaigns.
const FIRST: i32 = -17;

/// Campaigns started up to this month.
pub(crate) fn campaigns(size: Size) -> Vec<Campaign> {
    (FIRST..=size.month)
        .flat_map(|window| {
            let newsletter = &business::CAMPAIGNS[0];
            let other = &business::CAMPAIGNS[1 + window.rem_euclid(4) as usize];
            [(0, newsletter), (1, other)].map(|(nth, (name, channel, kind, cost))| {
                let mut draw = Draw::of(size.seed, "campaign", &[i64::from(window), nth]);
                Campaign {
                    number: ((window - FIRST) * 2 + nth as i32) as u32,
                    window,
                    name: format!("{name} {}", clock::label(window)),
                    channel,
                    salesforce_type: kind,
                    cost: draw.range(cost.0, cost.1),
                    currency: draw.weighted(&[("EUR", 0.85), ("USD", 0.1), ("GBP", 0.05)]),
                    start: clock::now(window - 1) + (4 + 10 * nth) * DAY + draw.range(7 * HOUR, 11 * HOUR),
                }
            })
        })
        .collect()
}

/// What happened to an e-mail, as HubSpot names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum EventKind {
    Sent,
    Delivered,
    Bounce,
    Open,
    Click,
    /// HubSpot's STATUSCHANGE to unsubscribed.
    Unsubscribe,
}

/// One event of one e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmailEvent {
    pub(crate) at: i64,
    pub(crate) kind: EventKind,
    pub(crate) campaign: u64,
    pub(crate) person: u32,
    /// Number among the events of its kind for this e-mail.
    pub(crate) nth: u32,
    /// When the e-mail was sent.
    pub(crate) sent: i64,
    pub(crate) recipient: std::sync::Arc<str>,
    pub(crate) campaign_name: std::sync::Arc<str>,
    /// An open by the recipient's mail system, not by a human.
    pub(crate) machine: bool,
}

/// E-mail events visible in this month, newest first.
pub(crate) fn email_events(world: &World) -> Vec<EmailEvent> {
    let size = world.size;
    let newsletters: Vec<_> = campaigns(size).into_iter().filter(|c| c.channel == "email" && c.window >= -11).collect();
    let mut events = Vec::new();
    for person in world.people() {
        if presence(size.seed, person).hubspot == 0 {
            continue;
        }
        let card = records::card(size.seed, System::HubSpotContact, person, 0, 0, world.firms());
        let Some(email) = card.email else { continue };
        let recipient: std::sync::Arc<str> = email.trim().to_lowercase().into();
        for campaign in newsletters.iter().filter(|c| c.start > person.since) {
            one_email(size, campaign, person.number, &recipient, &mut events);
        }
    }
    events.sort_by_key(|e| std::cmp::Reverse((e.at, e.campaign, e.person, e.kind, e.nth)));
    events
}

fn one_email(
    size: Size,
    campaign: &Campaign,
    person: u32,
    recipient: &std::sync::Arc<str>,
    into: &mut Vec<EmailEvent>,
) {
    let mut draw = Draw::of(size.seed, "email", &[i64::from(campaign.number), i64::from(person)]);
    if !draw.chance(0.25) {
        return;
    }
    let now = clock::now(size.month);
    let sent = (campaign.start + draw.range(0, 2 * HOUR)) / SECOND * SECOND;
    let name: std::sync::Arc<str> = campaign.name.as_str().into();
    let mut add = |at: i64, kind, nth, machine, visible: i64| {
        if visible < now {
            let (recipient, campaign_name) = (recipient.clone(), name.clone());
            into.push(EmailEvent {
                at,
                kind,
                campaign: campaign.id(),
                person,
                nth,
                sent,
                recipient,
                campaign_name,
                machine,
            });
        }
    };
    add(sent, EventKind::Sent, 0, false, sent);
    let arrived = sent + draw.range(1, 90) * SECOND;
    if draw.chance(0.03) {
        return add(arrived, EventKind::Bounce, 0, false, arrived);
    }
    add(arrived, EventKind::Delivered, 0, false, arrived);
    if draw.chance(0.18) {
        let opened = arrived + draw.range(1, 20) * SECOND;
        add(opened, EventKind::Open, 0, true, opened);
    }
    let opens = if draw.chance(0.31) { 1 + draw.below(3) } else { 0 };
    let mut last = arrived;
    for nth in 1..=opens as u32 {
        last += draw.range(60, 200_000) * SECOND;
        add(last, EventKind::Open, nth, false, last);
    }
    if opens > 0 && draw.chance(0.17) {
        add(last + 25 * SECOND, EventKind::Click, 0, false, last + 25 * SECOND);
    }
    if draw.chance(0.004) {
        add(last + 90 * SECOND, EventKind::Unsubscribe, 0, false, last + 90 * SECOND);
    }
    // An open in the last minutes of the window, which one run sees, or only the next one: HubSpot writes some events late.
    if draw.chance(0.01) {
        let end = clock::now(campaign.window);
        let at = end - draw.range(5, 240) * SECOND;
        let late = draw.chance(0.5);
        add(at, EventKind::Open, 9, false, if late { end } else { at });
    }
}
