//! What Mailchimp recorded: two audiences with their members, the newsletters as campaigns, and what members did with them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use crate::clock;
use crate::draw::Draw;

use super::campaigns::{EmailEvent, EventKind, campaigns};
use super::list::{Entry, List};
use super::people::Person;
use super::records::{self, System, presence};
use super::{RecordCounts, World};

/// An audience: its id and name, and whether it is for people who buy for a company.
pub(crate) const AUDIENCES: [(&str, &str, bool); 2] =
    [("a1b2c3d4e5", "Newsletter", false), ("f6a7b8c9d0", "Clients pro", true)];

/// What the API lists.
#[derive(Debug)]
pub(crate) struct Mailchimp {
    pub(crate) audiences: List,
    /// By audience.
    pub(crate) members: Vec<(&'static str, List)>,
    pub(crate) campaigns: List,
    /// By campaign: who was sent it, each with what they did.
    pub(crate) reports: HashMap<String, Vec<Recipient>>,
}

/// Somebody a campaign was sent to.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub(crate) email: String,
    pub(crate) bounced: bool,
    /// What they did, in the order of time.
    pub(crate) activity: Vec<Act>,
    pub(crate) unsubscribed: Option<i64>,
}

/// Something that a recipient did.
#[derive(Debug, PartialEq)]
pub(crate) struct Act {
    pub(crate) action: &'static str,
    pub(crate) at: i64,
    /// What they went to, for a click.
    pub(crate) url: Option<&'static str>,
}

/// What a newsletter leads to; a click of some recipients opens both.
const LINKS: [&str; 2] = ["https://shop.example/offers", "https://shop.example/catalogue"];

impl Mailchimp {
    pub(crate) fn of(world: &World) -> Self {
        let mut last: HashMap<u32, &EmailEvent> = HashMap::new();
        for event in world.email_events().iter().rev() {
            if matches!(event.kind, EventKind::Unsubscribe | EventKind::Bounce) {
                last.insert(event.person, event);
            }
        }
        let members = AUDIENCES.iter().map(|(id, _, pro)| {
            let people = world.people().iter().filter(|p| !pro || p.firm.is_some());
            let mut taken = HashSet::new();
            let members = people
                // A mailbox that several people share is one member.
                .filter(|person| address(world, person, 0).is_some_and(|address| taken.insert(address)))
                .filter_map(|person| member(world, id, person, last.get(&person.number).copied()));
            (*id, List::new(members.collect()))
        });
        let members: Vec<_> = members.collect();
        Self {
            audiences: List::new(AUDIENCES.iter().map(|(id, name, _)| audience(id, name)).collect()),
            campaigns: List::new(sent(world)),
            reports: reports(world),
            members,
        }
    }

    /// The keys of the live records of each stream.
    pub(crate) fn keys(&self) -> BTreeMap<String, BTreeSet<String>> {
        let ids = |list: &List| list.live().map(|entry| entry.id.clone()).collect();
        let members =
            self.members.iter().flat_map(|(audience, list)| list.live().map(move |e| format!("{audience} {}", e.id)));
        let all: Vec<(String, &Recipient)> = self
            .reports
            .iter()
            .flat_map(|(campaign, recipients)| recipients.iter().map(move |one| (one.key(campaign), one)))
            .collect();
        let act = |(key, act): (&String, &Act)| {
            format!("{key} {} {} {}", act.action, clock::zulu(act.at), act.url.unwrap_or_default())
        };
        let acts = all.iter().flat_map(|(key, one)| one.activity.iter().map(move |act| (key, act)));
        let left = all.iter().filter(|(_, one)| one.unsubscribed.is_some());
        BTreeMap::from([
            ("audiences".to_owned(), ids(&self.audiences)),
            ("members".to_owned(), members.collect()),
            ("campaigns".to_owned(), ids(&self.campaigns)),
            ("email_activity".to_owned(), acts.map(act).collect()),
            ("sent_to".to_owned(), all.iter().map(|(key, _)| key.clone()).collect()),
            ("unsubscribes".to_owned(), left.map(|(key, _)| key.clone()).collect()),
        ])
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, RecordCounts> {
        let live = |existing| RecordCounts { existing, deleted: 0 };
        let all = || self.reports.values().flatten();
        let of_members = self.members.iter().map(|(_, list)| list.counts());
        let members = of_members
            .fold(live(0), |a, b| RecordCounts { existing: a.existing + b.existing, deleted: a.deleted + b.deleted });
        BTreeMap::from([
            ("audiences", self.audiences.counts()),
            ("members", members),
            ("campaigns", self.campaigns.counts()),
            ("email_activity", live(all().map(|recipient| recipient.activity.len()).sum())),
            ("sent_to", live(all().count())),
            ("unsubscribes", live(all().filter(|recipient| recipient.unsubscribed.is_some()).count())),
        ])
    }
}

/// `2026-10-31T23:58:12+00:00`, as Mailchimp writes.
pub(crate) fn stamp(instant: i64) -> String {
    clock::utc(instant).format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// The id of an address: 32 hexadecimal digits, where Mailchimp takes the MD5 of the address in lower case.
pub(crate) fn address_id(email: &str) -> String {
    let mut draw = Draw::of(0, &email.to_lowercase(), &[]);
    format!("{:016x}{:016x}", draw.bits(), draw.bits())
}

/// <https://mailchimp.com/developer/marketing/api/lists/get-lists-info/>
fn audience(id: &str, name: &str) -> Entry {
    let made = clock::now(clock::FIRST_WINDOW - 1);
    let body = json!({
        "id": id, "web_id": 1_000 + name.len(), "name": name, "permission_reminder": "", "use_archive_bar": false,
        "date_created": stamp(made), "list_rating": 4, "email_type_option": false, "visibility": "prv",
        "double_optin": false, "has_welcome": false,
    });
    Entry::new(id.to_owned(), made, made, &body)
}

/// <https://mailchimp.com/developer/marketing/api/list-members/list-members-info/>
fn member(world: &World, audience: &str, person: &Person, last: Option<&EmailEvent>) -> Option<Entry> {
    let size = world.size;
    let card = records::card(size.seed, System::HubSpotContact, person, 0, 0, world.firms());
    let changes: Vec<i32> = person.life.iter().map(|event| event.window).collect();
    let key = [300, i64::from(person.number), audience.len() as i64 + i64::from(audience.as_bytes()[0])];
    let history = records::history(size.seed, &key, person.entry, person.since, &changes, size.month);
    let status = match last.map(|event| event.kind) {
        _ if history.deleted.is_some() => "archived",
        Some(EventKind::Unsubscribe) => "unsubscribed",
        Some(_) => "cleaned",
        None => "subscribed",
    };
    let changed =
        if history.deleted.is_some() { history.updated } else { history.updated.max(last.map_or(0, |e| e.at)) };
    let home = person.identity(history.version).address;
    // A member who changes address keeps the contact's id.
    let email = address(world, person, history.version)?;
    let (id, contact) = (address_id(&email), address_id(&format!("contact {}", person.number)));
    let body = json!({
        "id": id, "email_address": email, "unique_email_id": &id[..10], "contact_id": contact, "full_name": format!("{} {}", card.first.as_deref().unwrap_or(""), card.last).trim(),
        "web_id": 500_000 + person.number, "email_type": "html", "status": status,
        "merge_fields": {
            "FNAME": card.first.unwrap_or_default(), "LNAME": card.last, "PHONE": card.mobile.unwrap_or_default(),
            "ADDRESS": { "addr1": home.street, "addr2": "", "city": home.town, "state": "", "zip": home.postcode, "country": home.country },
        },
        "ip_signup": "", "timestamp_signup": "", "ip_opt": "192.0.2.1", "timestamp_opt": stamp(history.created),
        "member_rating": 2 + history.touches % 3, "last_changed": stamp(changed), "language": "fr", "vip": false,
        "email_client": "", "source": "API - Generic", "tags_count": 0, "tags": [], "list_id": audience,
    });
    let deleted = history.deleted;
    Some(Entry { deleted, person: Some(person.number), ..Entry::new(contact, history.created, changed, &body) })
}

/// The address of a person's contact at a version of their life.
fn address(world: &World, person: &Person, version: usize) -> Option<String> {
    let seed = world.size.seed;
    let known = presence(seed, person).hubspot > 0;
    let card = known.then(|| records::card(seed, System::HubSpotContact, person, 0, version, world.firms()));
    Some(card?.email?.trim().to_lowercase())
}

/// <https://mailchimp.com/developer/marketing/api/campaigns/list-campaigns/>
fn sent(world: &World) -> Vec<Entry> {
    let newsletters = campaigns(world.size).into_iter().filter(|c| c.channel == "email" && c.start < world.now());
    newsletters
        .map(|campaign| {
            let (id, made) = (campaign_id(campaign.id()), campaign.start - clock::DAY);
            let body = json!({
                "id": id, "web_id": campaign.id(), "type": "regular", "create_time": stamp(made), "archive_url": "",
                "long_archive_url": "", "status": "sent", "emails_sent": 0, "send_time": stamp(campaign.start),
                "content_type": "template", "needs_block_refresh": false, "resendable": false,
                "recipients": { "list_id": AUDIENCES[0].0, "list_is_active": true, "list_name": AUDIENCES[0].1, "segment_text": "" },
                "settings": { "subject_line": campaign.name, "title": campaign.name, "from_name": "Sandbox", "reply_to": "news@sandbox.example" },
            });
            Entry::new(id, made, campaign.start, &body)
        })
        .collect()
}

/// Ten hexadecimal digits.
fn campaign_id(number: u64) -> String {
    format!("c{number:09x}")
}

/// What the recipients of each campaign did. Opens by mail systems count as opens, as they do in Mailchimp.
fn reports(world: &World) -> HashMap<String, Vec<Recipient>> {
    let mut by_campaign: BTreeMap<(u64, &str), Recipient> = BTreeMap::new();
    for event in world.email_events().iter().rev() {
        let recipient = by_campaign.entry((event.campaign, &event.recipient)).or_insert_with(|| Recipient {
            email: event.recipient.to_string(),
            bounced: false,
            activity: Vec::new(),
            unsubscribed: None,
        });
        let action = match event.kind {
            EventKind::Open => "open",
            EventKind::Click => "click",
            EventKind::Bounce => "bounce",
            EventKind::Unsubscribe => {
                recipient.unsubscribed = Some(event.at);
                continue;
            }
            EventKind::Sent | EventKind::Delivered => continue,
        };
        recipient.bounced |= action == "bounce";
        let links = match event.kind {
            EventKind::Click if event.person % 3 == 0 => LINKS.map(Some).to_vec(),
            EventKind::Click => vec![Some(LINKS[0])],
            _ => vec![None],
        };
        for url in links {
            // Two of a kind in one second are one: nothing in the answer tells them apart.
            let happened = Act { action, at: event.at / clock::SECOND * clock::SECOND, url };
            if !recipient.activity.contains(&happened) {
                recipient.activity.push(happened);
            }
        }
    }
    let mut reports: HashMap<String, Vec<Recipient>> = HashMap::new();
    for campaign in campaigns(world.size).iter().filter(|c| c.channel == "email" && c.start < world.now()) {
        reports.insert(campaign_id(campaign.id()), Vec::new());
    }
    for ((campaign, _), recipient) in by_campaign {
        reports.entry(campaign_id(campaign)).or_default().push(recipient);
    }
    reports
}

impl Recipient {
    /// Their key in the report of that campaign.
    fn key(&self, campaign: &str) -> String {
        format!("{campaign} {}", address_id(&self.email))
    }

    /// The record of them in the report of `campaign`, with what they did from `since` on.
    pub(crate) fn activity(&self, campaign: &str, since: Option<i64>) -> Value {
        let done = self.activity.iter().filter(|act| since.is_none_or(|since| act.at >= since));
        let activity = done.map(|act| {
            let mut one = json!({ "action": act.action, "timestamp": stamp(act.at), "ip": "192.0.2.7" });
            if let Some(url) = act.url {
                one["url"] = url.into();
            }
            if act.action == "bounce" {
                one["type"] = "hard".into();
            }
            one
        });
        json!({
            "campaign_id": campaign, "list_id": AUDIENCES[0].0, "list_is_active": true, "email_id": address_id(&self.email),
            "email_address": self.email, "activity": activity.collect::<Vec<_>>(),
        })
    }
}
