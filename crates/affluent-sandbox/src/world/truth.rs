//! What is true: whose record is whose, how many records each system holds, which rows of the shop's files are bad.

use std::collections::{BTreeMap, BTreeSet};

use super::records::{presence, shop_email};
use super::{Document, List, STORES, ShopFile, Table, World, ga4};

/// Records a system holds of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RecordCounts {
    /// Live ones.
    pub existing: usize,
    /// Deleted ones (archived in HubSpot, `IsDeleted` in Salesforce).
    pub deleted: usize,
}

/// The answers a pipeline's result is measured by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Truth {
    /// The seed of the world.
    pub seed: u64,
    /// People at month 0, as asked.
    pub customers: u32,
    /// The month it is told for.
    pub month: u32,
    /// True people in this month, each with at least one record somewhere.
    pub people: usize,
    /// By `hubspot.contacts`, `salesforce.lead`, ...: how many records there are.
    pub records: BTreeMap<String, RecordCounts>,
    /// By `hubspot.contacts:<id>`, `salesforce.contact:<Id>`, `salesforce.lead:<Id>`, `shop.orders:<e-mail as in the
    /// file>`: the number of the true person. Deleted records are listed too.
    pub persons: BTreeMap<String, u32>,
    /// The shop's files, each with its rows and its bad rows.
    pub files: Vec<ShopFile>,
}

/// What is true of one of the vendors beside HubSpot and Salesforce.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct VendorTruth {
    /// Records per stream, named as in its connector (`charges`).
    pub records: BTreeMap<String, RecordCounts>,
    /// Person number per record of a person (`customers:cus_Q0000000000001`).
    pub persons: BTreeMap<String, u32>,
    /// The live records of each stream by their key: its fields with a blank between, instants as `2026-10-31T23:58:12Z`.
    pub keys: BTreeMap<String, BTreeSet<String>>,
}

/// What is true of one record of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RecordTruth {
    /// When it was last changed or deleted: milliseconds since 1970, UTC.
    pub updated: i64,
    /// Whether it is deleted.
    pub deleted: bool,
    /// The number of the true person, for records of persons.
    pub person: Option<u32>,
}

impl World {
    /// The truth of one vendor (`stripe`); none of an unknown one. Told apart from [`World::truth`], since it takes
    /// making all its records.
    pub fn vendor_truth(&self, vendor: &str) -> Option<VendorTruth> {
        let mut truth = VendorTruth::default();
        let mut add = |stream: &str, list: &List| {
            truth.records.insert(stream.to_owned(), list.counts());
            truth.keys.insert(stream.to_owned(), list.live().map(|entry| entry.id.clone()).collect());
            list.persons(stream, &mut truth.persons);
        };
        match vendor {
            "stripe" => {
                self.stripe().lists().iter().for_each(|(stream, list)| add(stream, list));
                truth.keys.insert("charges".to_owned(), self.stripe().charged());
            }
            "shopify" => {
                self.shopify().lists().iter().for_each(|(stream, list)| add(stream, list));
                truth.keys.extend(self.shopify().inner_keys());
            }
            "brevo" => {
                add("contacts", &self.brevo().contacts);
                for (stream, counts) in self.brevo().counts() {
                    truth.records.insert(stream.to_owned(), counts);
                }
                truth.keys.extend(self.brevo().keys());
            }
            "mailchimp" => {
                self.mailchimp().members.iter().for_each(|(_, list)| list.persons("members", &mut truth.persons));
                for (stream, counts) in self.mailchimp().counts() {
                    truth.records.insert(stream.to_owned(), counts);
                }
                truth.keys.extend(self.mailchimp().keys());
            }
            "ga4" => {
                let existing = self.visits().len();
                truth.records.insert("visits".to_owned(), RecordCounts { existing, deleted: 0 });
                truth.keys.extend(ga4::keys(self.visits()));
            }
            _ => return None,
        }
        Some(truth)
    }

    /// The truth of a vendor with documents (`zoho` for instance): by collection and id.
    pub fn records(&self, vendor: &str) -> BTreeMap<String, BTreeMap<String, RecordTruth>> {
        let collections = STORES.iter().find(|store| store.name == vendor).map_or(&[][..], |store| store.collections);
        let truth = |document: &Document| RecordTruth {
            updated: document.updated,
            deleted: document.deleted.is_some(),
            person: document.person,
        };
        let of = |name: &str| {
            let documents = self.documents(vendor, name).unwrap_or_default();
            documents.iter().map(|document| (document.id.clone(), truth(document))).collect()
        };
        collections.iter().map(|(name, _)| ((*name).to_owned(), of(name))).collect()
    }

    /// The truth of this world.
    pub fn truth(&self) -> Truth {
        let mut records = BTreeMap::new();
        let mut persons = BTreeMap::new();
        let tables = Self::hubspot_objects()
            .map(|name| (format!("hubspot.{name}"), self.hubspot(name)))
            .chain(Self::salesforce_objects().map(|name| (salesforce_stream(name), self.salesforce(name))));
        for (stream, table) in tables {
            let Some(table) = table else { continue };
            count(&stream, table, &mut records, &mut persons);
        }
        for person in self.people() {
            for slot in 0..presence(self.size.seed, person).shop {
                persons.insert(format!("shop.orders:{}", shop_email(self.size.seed, person, slot)), person.number);
            }
        }
        Truth {
            seed: self.size.seed,
            customers: self.size.customers,
            month: self.month(),
            people: self.people().len(),
            records,
            persons,
            files: self.shop_files().into_iter().map(|(file, _)| file).collect(),
        }
    }
}

/// `LeadHistory` as the stream `salesforce.lead_history`.
fn salesforce_stream(object: &str) -> String {
    let mut name = "salesforce.".to_owned();
    for (i, c) in object.chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn count(
    stream: &str,
    table: &Table,
    records: &mut BTreeMap<String, RecordCounts>,
    persons: &mut BTreeMap<String, u32>,
) {
    let deleted = table.rows.iter().filter(|row| row.deleted.is_some()).count();
    records.insert(stream.to_owned(), RecordCounts { existing: table.rows.len() - deleted, deleted });
    for row in &table.rows {
        if let Some(person) = row.person {
            persons.insert(format!("{stream}:{}", row.id), person);
        }
    }
}
