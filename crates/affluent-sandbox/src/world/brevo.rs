//! What Brevo recorded: contacts, e-mail campaigns with their figures, and what happened to transactional e-mails.
//!
//! Contacts are the shop's customers, transactional e-mails the confirmations of their orders.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::clock::{self, HOUR, MINUTE, SECOND};
use crate::draw::Draw;

use super::accounts::{Account, Sale, accounts, sales};
use super::campaigns::{EventKind, campaigns};
use super::list::{Entry, List};
use super::{RecordCounts, World};

/// The lists of the API.
#[derive(Debug)]
pub(crate) struct Brevo {
    pub(crate) contacts: List,
    pub(crate) campaigns: List,
    pub(crate) events: List,
}

impl Brevo {
    pub(crate) fn of(world: &World) -> Self {
        // An e-mail address is one contact, whatever its case.
        let mut taken = HashSet::new();
        let contacts =
            accounts(world, "brevo").iter().filter(|a| taken.insert(a.email.to_lowercase())).map(contact).collect();
        Self {
            contacts: List::new(contacts),
            campaigns: List::new(email_campaigns(world)),
            events: List::new(sales(world).iter().flat_map(|sale| confirmation(world, sale)).collect()),
        }
    }

    /// The keys of the live records of each list but that of contacts.
    pub(crate) fn keys(&self) -> [(String, BTreeSet<String>); 2] {
        let event = |entry: &Entry| format!("{} {}", entry.id, clock::zulu(entry.created));
        [
            ("email_campaigns".to_owned(), self.campaigns.live().map(|entry| entry.id.clone()).collect()),
            ("email_events".to_owned(), self.events.live().map(event).collect()),
        ]
    }

    pub(crate) fn counts(&self) -> [(&'static str, RecordCounts); 3] {
        [
            ("contacts", self.contacts.counts()),
            ("email_campaigns", self.campaigns.counts()),
            ("email_events", self.events.counts()),
        ]
    }
}

/// <https://developers.brevo.com/reference/get-contacts>
fn contact(account: &Account<'_>) -> Entry {
    let history = account.history;
    let id = 1_000 + account.key;
    let (first, last) = account.name.split_once(' ').unwrap_or(("", &account.name));
    let body = json!({
        "email": account.email.to_lowercase(), "id": id, "emailBlacklisted": history.touches % 3 == 1, "smsBlacklisted": false,
        "createdAt": clock::iso(history.created), "modifiedAt": clock::iso(history.updated), "listIds": [2],
        "listUnsubscribed": null,
        "attributes": {
            "FIRSTNAME": first, "LASTNAME": last, "SMS": account.identity.mobile.trim_start_matches('+'),
        },
    });
    let person = Some(account.person.number);
    Entry { deleted: history.deleted, person, ..Entry::new(id.to_string(), history.created, history.updated, &body) }
}

/// <https://developers.brevo.com/reference/get-email-campaigns>
fn email_campaigns(world: &World) -> Vec<Entry> {
    let mut figures: BTreeMap<u64, [u64; 7]> = BTreeMap::new();
    for event in world.email_events() {
        let at = match event.kind {
            EventKind::Sent => 0,
            EventKind::Delivered => 1,
            EventKind::Bounce => 2,
            EventKind::Open if event.nth <= 1 && !event.machine => 3,
            EventKind::Open => 4,
            EventKind::Click => 5,
            EventKind::Unsubscribe => 6,
        };
        figures.entry(event.campaign).or_default()[at] += 1;
    }
    let newsletters = campaigns(world.size).into_iter().filter(|c| c.channel == "email" && c.start < world.now());
    newsletters
        .map(|campaign| {
            let [sent, delivered, bounces, unique, views, clicks, gone] =
                figures.get(&campaign.id()).copied().unwrap_or_default();
            let start = campaign.start / SECOND * SECOND;
            let body = json!({
                "id": campaign.id(), "name": campaign.name, "subject": campaign.name, "type": "classic", "status": "sent",
                "testSent": false, "header": "", "footer": "", "sender": { "name": "Sandbox", "id": 1, "email": "news@sandbox.example" },
                "replyTo": "news@sandbox.example", "toField": "", "tag": "", "inlineImageActivation": false,
                "createdAt": clock::iso(start - 24 * HOUR), "modifiedAt": clock::iso(start), "scheduledAt": clock::iso(start),
                "sentDate": clock::iso(start), "recipients": { "lists": [2], "exclusionLists": [] },
                "statistics": { "globalStats": {
                    "uniqueClicks": clicks, "clickers": clicks, "complaints": 0, "delivered": delivered, "sent": sent,
                    "softBounces": 0, "hardBounces": bounces, "uniqueViews": unique, "unsubscriptions": gone,
                    "viewed": unique + views, "trackableViews": unique, "estimatedViews": 0,
                } },
            });
            Entry::new(campaign.id().to_string(), start - 24 * HOUR, start, &body)
        })
        .collect()
}

/// The e-mail that confirms an order. <https://developers.brevo.com/reference/get-email-event-report>
fn confirmation(world: &World, sale: &Sale) -> Vec<Entry> {
    let mut draw = Draw::of(world.size.seed, &format!("confirmation {}", sale.order.id), &[]);
    let message = format!("<{}.{:08x}@smtp-relay.mailin.fr>", sale.order.id, draw.bits() >> 32);
    let sent = sale.written + MINUTE;
    let arrived = sent + draw.range(1, 60) * SECOND;
    let mut happened = vec![("requests", sent)];
    if draw.chance(0.02) {
        happened.push(("hardBounces", arrived));
    } else {
        happened.push(("delivered", arrived));
        if draw.chance(0.2) {
            happened.push(("loadedByProxy", arrived + draw.range(1, 20) * SECOND));
        }
        let opened = arrived + draw.range(30, 90_000) * SECOND;
        if draw.chance(0.6) {
            happened.push(("opened", opened));
            if draw.chance(0.2) {
                happened.push(("clicks", opened + 20 * SECOND));
            }
        }
    }
    let visible = happened.into_iter().filter(|(_, at)| *at < world.now());
    visible
        .map(|(event, at)| {
            let mut body = json!({
                "email": sale.order.email.to_lowercase(), "date": clock::iso(at), "subject": "Confirmation de commande",
                "messageId": message, "event": event, "tag": "order", "from": "shop@sandbox.example", "templateId": 3,
            });
            match event {
                "clicks" => body["link"] = "https://shop.example/orders".into(),
                "hardBounces" => body["reason"] = "550 5.1.1 user unknown".into(),
                "opened" => body["ip"] = Value::from("192.0.2.7"),
                _ => {}
            }
            Entry::new(format!("{message} {event}"), at, at, &body)
        })
        .collect()
}
