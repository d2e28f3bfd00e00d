//! What a world promises: the same from the same numbers, months that only move it on, and the shapes behaviour has.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::orders::orders_of;
use super::*;
use crate::clock;

fn rendered(table: &Table) -> BTreeMap<String, String> {
    let value = |row: &Row| {
        (0..table.object.fields.len()).map(|i| table.value(row, i).unwrap_or_default().into_owned()).collect::<Vec<_>>()
    };
    table.rows.iter().map(|row| (row.id.clone(), value(row).join("\u{1f}"))).collect()
}

fn tables(world: &World) -> Vec<(&'static str, &Table)> {
    let hubspot = World::hubspot_objects().filter_map(|name| Some((name, world.hubspot(name)?)));
    hubspot.chain(World::salesforce_objects().filter_map(|name| Some((name, world.salesforce(name)?)))).collect()
}

#[test]
fn the_same_numbers_make_the_same_world() {
    let (one, same, other) = (World::new(5, 300, 1), World::new(5, 300, 1), World::new(6, 300, 1));
    for ((_, a), (_, b)) in tables(&one).into_iter().zip(tables(&same)) {
        assert_eq!(rendered(a), rendered(b));
    }
    assert_eq!(one.email_events(), same.email_events());
    assert_eq!(one.shop_files(), same.shop_files());
    assert_eq!(one.truth(), same.truth());
    assert_ne!(one.truth().persons, other.truth().persons);
}

#[test]
fn a_month_keeps_what_it_does_not_change() {
    for seed in [1, 2, 77] {
        months_keep(&(0..4).map(|month| World::new(seed, 1_200, month)).collect::<Vec<_>>());
    }
}

fn months_keep(worlds: &[World]) {
    for pair in worlds.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        for ((name, old), (_, new)) in tables(before).into_iter().zip(tables(after)) {
            let (old_rows, new_rows) = (rendered(old), rendered(new));
            let stamps: HashMap<_, _> = new.rows.iter().map(|row| (&row.id, row.updated)).collect();
            let floor = before.now() - 5 * clock::MINUTE;
            for (id, text) in &new_rows {
                // Whatever is new or differs has a stamp that five minutes of lookback reach.
                let same = old_rows.get(id) == Some(text);
                assert!(same || stamps[id] >= floor, "{name} {id}");
                assert!(stamps[id] < after.now(), "{name} {id} is from the future");
            }
            assert!(old_rows.keys().all(|id| new_rows.contains_key(id)), "{name} lost records");
        }
        documents_keep(before, after);
        let (old, new): (HashSet<_>, HashSet<_>) = (
            before.email_events().iter().map(|e| (e.campaign, e.person, e.kind, e.nth, e.at)).collect(),
            after.email_events().iter().map(|e| (e.campaign, e.person, e.kind, e.nth, e.at)).collect(),
        );
        assert!(old.is_subset(&new));
        let mut fresh = new.difference(&old).map(|e| e.4);
        assert!(fresh.all(|at| at >= before.now() - 5 * clock::MINUTE));
        let (old, new) = (before.shop_files(), after.shop_files());
        assert_eq!(new.iter().filter(|file| old.contains(file)).count(), old.len());
        assert_eq!(new.len(), old.len() + 3);
    }
    let gained = worlds.windows(2).any(|pair| {
        let old_enough = |world: &World| world.email_events().iter().filter(|e| e.at < pair[0].now()).count();
        old_enough(&pair[1]) > old_enough(&pair[0])
    });
    assert!(gained, "no event is late");
}

fn documents_keep(before: &World, after: &World) {
    let floor = before.now() - 5 * clock::MINUTE;
    for store in STORES {
        for (name, _) in store.collections {
            let of = |world: &World| -> BTreeMap<String, (serde_json::Value, i64, bool)> {
                let documents = world.documents(store.name, name).unwrap_or_default();
                let told = |d: &Document| (d.id.clone(), (d.body.clone(), d.updated, d.deleted.is_some()));
                let by_id: BTreeMap<_, _> = documents.iter().map(told).collect();
                assert_eq!(by_id.len(), documents.len(), "{} {name}: an id twice", store.name);
                by_id
            };
            let (old, new) = (of(before), of(after));
            for (id, document) in &new {
                let same = old.get(id) == Some(document);
                assert!(same || document.1 >= floor, "{} {name} {id}: {document:?}, was {:?}", store.name, old.get(id));
                assert!(document.1 < after.now(), "{} {name} {id} is from the future", store.name);
            }
            assert!(old.keys().all(|id| new.contains_key(id)), "{} {name} lost records", store.name);
        }
    }
}

#[test]
fn every_record_of_a_person_has_its_truth_and_every_person_a_record() {
    let world = World::new(2, 2_000, 1);
    let truth = world.truth();
    let numbers: HashSet<_> = truth.persons.values().collect();
    assert_eq!((numbers.len(), truth.people), (2_040, 2_040));
    let of_persons = |name: &str| truth.records[name].existing + truth.records[name].deleted;
    let crm: usize = ["hubspot.contacts", "salesforce.contact", "salesforce.lead"].map(of_persons).iter().sum();
    assert_eq!(truth.persons.keys().filter(|key| !key.starts_with("shop.")).count(), crm);
    for order in world.people().iter().flat_map(|person| orders_of(world.size, person)) {
        assert!(truth.persons.contains_key(&format!("shop.orders:{}", order.email)));
    }
}

#[test]
fn orders_are_heavy_tailed_with_refunds_currencies_and_late_rows() {
    let world = World::new(1, 2_000, 0);
    let per_person: Vec<Vec<_>> = world.people().iter().map(|person| orders_of(world.size, person)).collect();
    let all: Vec<_> = per_person.iter().flatten().collect();
    let ids: HashSet<_> = all.iter().map(|order| &order.id).collect();
    assert_eq!(ids.len(), all.len());
    let share = |n: usize| n as f64 / all.len() as f64;
    assert!((0.02..0.07).contains(&share(all.iter().filter(|o| o.refund).count())));
    assert!((0.01..0.08).contains(&share(all.iter().filter(|o| o.currency != "EUR").count())));
    assert!((0.005..0.04).contains(&share(all.iter().filter(|o| o.loaded > clock::window_of(o.at)).count())));
    assert!(all.iter().all(|o| (o.amount < 0) == o.refund && o.margin.abs() < o.amount.abs().max(1)));
    assert!(all.iter().all(|o| o.at < world.now()));
    let mut counts: Vec<usize> = per_person.iter().map(Vec::len).filter(|n| *n > 0).collect();
    counts.sort_unstable();
    let (median, top) = (counts[counts.len() / 2], counts[counts.len() * 99 / 100]);
    assert!(top > 6 * median, "median {median}, 99th percentile {top}");
}

#[test]
fn people_share_homes_and_some_are_twins() {
    let world = World::new(1, 2_000, 0);
    let mut homes: HashMap<&str, Vec<&Person>> = HashMap::new();
    for person in world.people() {
        homes.entry(&person.landline).or_default().push(person);
    }
    let shared: Vec<_> = homes.values().filter(|home| home.len() > 1).collect();
    assert!(shared.len() > 200);
    assert!(shared.iter().all(|home| home[0].origin.address == home[1].origin.address));
    let twins = shared.iter().filter(|home| home.len() == 4 && home[2].birth == home[3].birth).count();
    assert!(twins > 3, "{twins} pairs of twins");
    let boxes = world.hubspot("contacts").map(|table| {
        let email = table.field("email");
        let count = |row: &&Row| email.and_then(|i| table.value(row, i)).is_some_and(|e| e.starts_with("info@"));
        table.rows.iter().filter(count).count()
    });
    assert!(boxes.is_some_and(|n| n > 5));
}

#[test]
fn shop_files_hold_the_rows_and_the_bad_rows_the_truth_tells() {
    let world = World::new(1, 600, 3);
    let mut bad_in_all = 0;
    for (file, content) in world.shop_files() {
        let mut lines = content.lines();
        let columns = lines.next().map_or(0, |header| header.split(',').count());
        let rows: Vec<&str> = lines.collect();
        assert_eq!(rows.len(), file.rows, "{}", file.name);
        let bad = rows
            .iter()
            .filter(|row| row.split(',').count() != columns || row.contains("31/02/2024") || row.contains("134;137"));
        assert_eq!(bad.count(), file.bad_rows, "{}", file.name);
        bad_in_all += file.bad_rows;
    }
    assert_eq!(bad_in_all, 3 + 3);
}

#[test]
fn files_are_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let modified = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().modified().unwrap();
    let first = World::new(1, 200, 0).write_shop(dir.path()).unwrap();
    assert_eq!(first.len(), 36 + 2);
    let before: Vec<_> = first.iter().map(|file| modified(&file.name)).collect();
    let second = World::new(1, 200, 1).write_shop(dir.path()).unwrap();
    assert_eq!(second.len(), first.len() + 3);
    assert_eq!(first.iter().map(|file| modified(&file.name)).collect::<Vec<_>>(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), second.len());
    let mut text = String::new();
    let gz = std::fs::File::open(dir.path().join("orders-2026-11.csv.gz")).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(gz), &mut text).unwrap();
    assert!(
        text.starts_with("order_id,customer_email,") && text.contains("2026-10-"),
        "late orders are in a later file"
    );
}
