//! Two months of the sandbox: silver holds what is true, only what changed is loaded, and faults of the APIs change nothing.

use std::collections::BTreeMap;

use affluent_sandbox::{Fault, FaultKind};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::lakes::{self, Rows};
use crate::world::World;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sandbox_line::two_months_tell_the_truth_and_load_only_changes", two_months),
        Trial::test("sandbox_line::faults_change_nothing", faults_change_nothing),
    ]
}

/// The streams whose records have an update stamp or a full list, and the silver table that they end in.
const ENDS: [(&str, &str); 12] = [
    ("hubspot.contacts", "person_records"),
    ("salesforce.contact", "person_records"),
    ("salesforce.lead", "person_records"),
    ("hubspot.companies", "company_records"),
    ("salesforce.account", "company_records"),
    ("hubspot.deals", "deals"),
    ("salesforce.opportunity", "deals"),
    ("hubspot.tickets", "tickets"),
    ("hubspot.feedback_submissions", "survey_responses"),
    ("salesforce.lead_history", "lead_status_events"),
    ("salesforce.campaign", "campaigns"),
    ("shop.orders", "orders"),
];

fn two_months() -> Result<(), Failed> {
    let world = World::new(400)?;
    let (followed, fresh) = (world.path("followed"), world.path("fresh"));
    world.load(&followed, 0)?;
    let first = lakes::read(&followed)?;
    is_true(&world, &first)?;
    world.move_to(1)?;
    let second = world.load(&followed, 1)?;
    let both = lakes::read(&followed)?;
    is_true(&world, &both)?;
    world.load(&fresh, 1)?;
    let anew = lakes::read(&fresh)?;
    only_changes(&first, &both, &anew, &second)?;
    same_knowledge(&lakes::read_without(&followed, &IDS)?, &lakes::read_without(&fresh, &IDS)?)
}

/// Bad rows are in quarantine, all other records of the world are in silver, deleted ones are not.
fn is_true(world: &World, lake: &Rows) -> Result<(), Failed> {
    let truth = world.truth();
    let orders: usize =
        truth.files.iter().filter(|file| file.name.starts_with("orders")).map(|file| file.rows - file.bad_rows).sum();
    let bad: usize = truth.files.iter().map(|file| file.bad_rows).sum();
    let refused = |stage: &str, stream: &str| {
        let rows = lake.get("_affluent/quarantine").map(Vec::as_slice).unwrap_or_default();
        let of = |row: &&String| row.contains(&format!("|stage={stage}")) && row.contains(&format!("|stream={stream}"));
        rows.iter().filter(of).count()
    };
    let mut wrong = Vec::new();
    if refused("extract", "shop.orders") != bad {
        wrong.push(format!("{} orders in quarantine, {bad} are bad", refused("extract", "shop.orders")));
    }
    for (stream, table) in ENDS {
        let rows = lake.get(&format!("silver/{table}")).map(Vec::as_slice).unwrap_or_default();
        let found = rows
            .iter()
            .filter(|row| row.contains(&format!("|source={stream}|")) || row.ends_with(&format!("|source={stream}")))
            .count();
        let expected = match stream {
            "shop.orders" => orders,
            _ => truth.records.get(stream).map_or(0, |records| records.existing),
        };
        let kept_out =
            refused("extract", stream) + refused("transform", stream) - if stream == "shop.orders" { bad } else { 0 };
        if expected == 0 || found + kept_out != expected {
            wrong.push(format!("{stream}: {expected} are true, silver.{table} has {found} and quarantine {kept_out}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed::from(format!("month {}: {}", truth.month, wrong.join("; ")))) }
}

/// What the second month added to bronze is what a load from nothing has and the first month had not.
fn only_changes(first: &Rows, both: &Rows, anew: &Rows, report: &Value) -> Result<(), Failed> {
    let written = written(report);
    for (table, rows) in both.iter().filter(|(table, _)| table.starts_with("bronze/")) {
        let before = first.get(table).map(Vec::as_slice).unwrap_or_default();
        let changed = lakes::less(anew.get(table).map(Vec::as_slice).unwrap_or_default(), before);
        let added = lakes::less(rows, before);
        if added != changed {
            let (added, changed) = (added.len(), changed.len());
            return Err(Failed::from(format!("{table}: {changed} records changed, {added} were loaded")));
        }
        let told = written.get(&table.replace('/', ".")).copied();
        if told != Some(added.len() as u64) {
            return Err(Failed::from(format!("{table}: {} rows were added, the report tells {told:?}", added.len())));
        }
    }
    Ok(())
}

/// `bronze.table` → rows written, by a run's report.
fn written(report: &Value) -> BTreeMap<String, u64> {
    let streams = report["stages"][0]["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    streams
        .iter()
        .filter_map(|stream| Some((stream["table"].as_str()?.to_owned(), stream["written"].as_u64()?)))
        .collect()
}

/// Ids of people and companies depend on which records were met first.
const IDS: [&str; 3] = ["person_id", "company_id", "quarantine_id"];

/// What came to pass from run to run, and not what is true in the end.
const HISTORY: [&str; 2] = ["silver/identity_log", "silver/review_queue"];

/// Silver facts and gold of a lake that followed the months are those of one loaded at the end. Nothing of gold is left out but ids:
/// of one `as_of` it depends on what silver knows, and not on when it came to know.
fn same_knowledge(followed: &Rows, fresh: &Rows) -> Result<(), Failed> {
    let facts = |rows: &Rows| -> Rows {
        let mut facts = lakes::made(rows.clone());
        facts.retain(|table, _| !HISTORY.contains(&table.as_str()));
        facts
    };
    let fresh = facts(fresh);
    if !fresh.contains_key("gold/kpis") {
        return Err(Failed::from(format!("gold is not compared: {:?}", fresh.keys())));
    }
    lakes::same(&fresh, &facts(followed))
}

fn faults_change_nothing() -> Result<(), Failed> {
    let world = World::new(300)?;
    let (calm, rough) = (world.path("calm"), world.path("rough"));
    world.load(&calm, 0)?;
    world.faults(&[
        Fault::new("/hubspot/crm", FaultKind::TooMany).every(9).times(3),
        Fault::new("/hubspot/crm", FaultKind::Internal).every(7).times(3),
        Fault::new("/hubspot/crm", FaultKind::Cut).every(5).times(3),
        Fault::new("/hubspot/crm", FaultKind::ShortPage).every(4).times(3),
        Fault::new("/hubspot/email", FaultKind::TooManySilent).times(1),
        // Further apart than requests are in flight: one that was refused is not refused again at once, with a token just asked for.
        Fault::new("/salesforce/services/data", FaultKind::ExpiredToken).every(13).times(3),
        Fault::new("/salesforce/services/data", FaultKind::Unavailable).every(5).times(3),
        Fault::new("/salesforce/services/data", FaultKind::RequestLimit).every(11).times(2),
        Fault::new("/salesforce/services/data", FaultKind::Cut).every(7).times(3),
    ])?;
    world.load(&rough, 0)?;
    let served = world.stats()?["faults"].clone();
    for kind in ["429", "500", "cut", "expired_token", "503"] {
        if served[kind].as_u64().unwrap_or(0) == 0 {
            return Err(Failed::from(format!("no fault of kind {kind} was served: {served}")));
        }
    }
    lakes::same(&lakes::read(&calm)?, &lakes::read(&rough)?)
}
