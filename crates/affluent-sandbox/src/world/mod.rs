//! The world the simulated systems look at: people, companies, what they do, and what each system recorded of it.
//!
//! A world is a pure function of (seed, customers, month). Its tables are derived when first asked for and then kept.

mod accounts;
mod brevo;
mod campaigns;
mod catalogue;
mod contact_fields;
mod documents;
mod dynamics;
mod edits;
mod firms;
mod ga4;
mod hubspot;
mod hubspot_work;
mod list;
pub(crate) mod mailchimp;
mod orders;
mod people;
mod pipedrive;
mod records;
mod sales;
mod salesforce;
mod service;
mod shop;
mod shopify;
mod stripe;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod truth;
mod zendesk;
mod zoho;

use std::sync::OnceLock;

pub(crate) use campaigns::{EmailEvent, EventKind};
pub(crate) use contact_fields::Drawn;
pub(crate) use documents::{Document, STORES};
pub(crate) use dynamics::primary as dynamics_key;
pub use edits::Edit;
pub(crate) use ga4::Visits;
pub(crate) use list::{Entry, List};
pub(crate) use mailchimp::Recipient;
pub use shop::ShopFile;
pub(crate) use table::{Field, Kind, Row, Table};
pub use truth::{RecordCounts, RecordTruth, Truth, VendorTruth};

pub(crate) use zoho::stamp as zoho_stamp;

use brevo::Brevo;
use firms::Firm;
use mailchimp::Mailchimp;
use people::Person;
use shopify::Shopify;
use stripe::Stripe;

/// What a world is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) seed: u64,
    pub(crate) customers: u32,
    pub(crate) month: i32,
}

impl Size {
    fn new_people(self) -> u32 {
        (self.customers / 50).max(1)
    }

    fn people(self) -> u32 {
        self.customers + self.new_people() * self.month as u32
    }

    /// The window a person shows up in.
    fn entry(self, number: u32) -> i32 {
        if number < self.customers { 0 } else { ((number - self.customers) / self.new_people()) as i32 + 1 }
    }

    fn first_firms(self) -> u32 {
        (self.customers / 12).max(3)
    }

    fn new_firms(self) -> u32 {
        (self.customers / 600).max(1)
    }

    fn firms(self) -> u32 {
        self.first_firms() + self.new_firms() * self.month as u32
    }
}

/// Customers, their behaviour and the records of it, as they stand in one month.
#[derive(Debug)]
pub struct World {
    size: Size,
    edits: Vec<Edit>,
    firms: OnceLock<Vec<Firm>>,
    people: OnceLock<Vec<Person>>,
    tables: [OnceLock<Table>; hubspot::OBJECTS.len() + salesforce::OBJECTS.len()],
    events: OnceLock<Vec<EmailEvent>>,
    stripe: OnceLock<Stripe>,
    shopify: OnceLock<Shopify>,
    visits: OnceLock<Vec<Visits>>,
    brevo: OnceLock<Brevo>,
    mailchimp: OnceLock<Mailchimp>,
    documents: Vec<Vec<OnceLock<Vec<Document>>>>,
}

impl World {
    /// The world of `customers` people in month 0, seen `month` months later (about 2 % more people a month).
    pub fn new(seed: u64, customers: u32, month: u32) -> Self {
        Self {
            size: Size { seed, customers: customers.clamp(1, 50_000_000), month: month.min(1_200) as i32 },
            edits: Vec::new(),
            firms: OnceLock::new(),
            people: OnceLock::new(),
            tables: [const { OnceLock::new() }; hubspot::OBJECTS.len() + salesforce::OBJECTS.len()],
            events: OnceLock::new(),
            stripe: OnceLock::new(),
            shopify: OnceLock::new(),
            visits: OnceLock::new(),
            brevo: OnceLock::new(),
            mailchimp: OnceLock::new(),
            documents: STORES.iter().map(|s| s.collections.iter().map(|_| OnceLock::new()).collect()).collect(),
        }
    }

    /// The same world after these edits.
    #[must_use]
    pub fn edited(self, edits: Vec<Edit>) -> Self {
        Self { edits, ..Self::new(self.seed(), self.customers(), self.month()) }
    }

    /// The edits made to it.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The seed it was made of.
    pub fn seed(&self) -> u64 {
        self.size.seed
    }

    /// How many people there were in month 0.
    pub fn customers(&self) -> u32 {
        self.size.customers
    }

    /// The month it is seen in.
    pub fn month(&self) -> u32 {
        self.size.month as u32
    }

    /// "Now" in this world: no record is younger. Milliseconds since 1970, UTC.
    pub fn now(&self) -> i64 {
        crate::clock::now(self.size.month)
    }

    fn firms(&self) -> &[Firm] {
        self.firms.get_or_init(|| firms::firms(self.size))
    }

    fn people(&self) -> &[Person] {
        self.people.get_or_init(|| people::people(self.size, self.firms()))
    }

    /// A HubSpot object by its name in paths.
    pub(crate) fn hubspot(&self, object: &str) -> Option<&Table> {
        let at = hubspot::OBJECTS.iter().position(|o| o.name == object)?;
        Some(self.tables[at].get_or_init(|| edits::made(hubspot::table(self, at), &self.edits)))
    }

    /// The life cycle stages of a HubSpot contact, the newest first.
    pub(crate) fn hubspot_stages(&self, contact: &Row) -> Vec<(i64, &'static str)> {
        hubspot::stages(self, contact)
    }

    /// A Salesforce object by its name, in any case as SOQL has it.
    pub(crate) fn salesforce(&self, object: &str) -> Option<&Table> {
        let at = salesforce::OBJECTS.iter().position(|o| o.name.eq_ignore_ascii_case(object))?;
        Some(
            self.tables[hubspot::OBJECTS.len() + at]
                .get_or_init(|| edits::made(salesforce::table(self, at), &self.edits)),
        )
    }

    /// Names of the HubSpot objects.
    pub(crate) fn hubspot_objects() -> impl Iterator<Item = &'static str> {
        hubspot::OBJECTS.iter().map(|o| o.name)
    }

    /// Names of the Salesforce objects.
    pub(crate) fn salesforce_objects() -> impl Iterator<Item = &'static str> {
        salesforce::OBJECTS.iter().map(|o| o.name)
    }

    /// A collection of a vendor with documents, in the order of their keys.
    pub(crate) fn documents(&self, store: &str, collection: &str) -> Option<&[Document]> {
        let at = STORES.iter().position(|s| s.name == store)?;
        let collections = STORES[at].collections;
        let nth = collections.iter().position(|(name, _)| *name == collection)?;
        Some(self.documents[at][nth].get_or_init(|| {
            let mut documents = collections[nth].1(self);
            documents.sort_by_key(|document| document.key);
            documents
        }))
    }

    /// The e-mail events visible in this month, newest first as HubSpot returns them.
    pub(crate) fn email_events(&self) -> &[EmailEvent] {
        self.events.get_or_init(|| campaigns::email_events(self))
    }

    pub(crate) fn stripe(&self) -> &Stripe {
        self.stripe.get_or_init(|| Stripe::of(self))
    }

    pub(crate) fn shopify(&self) -> &Shopify {
        self.shopify.get_or_init(|| Shopify::of(self))
    }

    /// The web site's visits until now.
    pub(crate) fn visits(&self) -> &[Visits] {
        self.visits.get_or_init(|| ga4::visits(self))
    }

    pub(crate) fn brevo(&self) -> &Brevo {
        self.brevo.get_or_init(|| Brevo::of(self))
    }

    pub(crate) fn mailchimp(&self) -> &Mailchimp {
        self.mailchimp.get_or_init(|| Mailchimp::of(self))
    }
}
