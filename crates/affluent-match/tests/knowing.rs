//! What is known before a run: decisions of people are followed, what was found is gone on with, ids stay.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

mod common;

use std::collections::{HashMap, HashSet};

use affluent_match::{
    Decision, Field, IdentityEvent, Kind, Known, Learned, Matched, Records, Settings, evaluate, explain, link,
    link_knowing, settle_ids,
};
use common::set::{self, Set};

fn decision(records: &Records, left: usize, right: usize, same: bool) -> Decision {
    Decision { left: records.ids()[left].clone(), right: records.ids()[right].clone(), same }
}

fn deciding(records: &Records, settings: &Settings, decisions: &[Decision]) -> Matched {
    link_knowing(records, settings, &Known { decisions, ..Known::default() }).unwrap()
}

#[test]
fn decisions_are_followed_and_asked_no_more() {
    let set = set::three_systems(1_000, 3).unwrap();
    let first = link(&set.records, &set.settings).unwrap();
    assert!(first.doubts.len() > 20, "{}", first.doubts.len());
    assert!(first.doubts.iter().all(|doubt| (0.05..=0.95).contains(&doubt.probability)));
    // Every doubt decided against what the machine did.
    let decisions: Vec<Decision> = first
        .doubts
        .iter()
        .take(20)
        .map(|doubt| decision(&set.records, doubt.left, doubt.right, !doubt.joined))
        .collect();
    let second = deciding(&set.records, &set.settings, &decisions);
    let mut unlike = 0;
    for (doubt, decision) in first.doubts.iter().zip(&decisions) {
        unlike += usize::from((second.cluster_of[doubt.left] == second.cluster_of[doubt.right]) != decision.same);
    }
    assert_eq!(unlike, second.report.decisions_unused, "only what contradicts other decisions is not followed");
    assert!(unlike <= 2, "{unlike}");
    let asked: HashSet<(usize, usize)> = second.doubts.iter().map(|doubt| (doubt.left, doubt.right)).collect();
    assert!(first.doubts.iter().take(20).all(|doubt| !asked.contains(&(doubt.left, doubt.right))));
}

#[test]
fn right_decisions_make_it_better() {
    let set = set::three_systems(2_000, 5).unwrap();
    let first = link(&set.records, &set.settings).unwrap();
    let decisions: Vec<Decision> = first
        .doubts
        .iter()
        .filter(|doubt| set.truth[doubt.left] != set::UNKNOWN && set.truth[doubt.right] != set::UNKNOWN)
        .map(|doubt| decision(&set.records, doubt.left, doubt.right, set.truth[doubt.left] == set.truth[doubt.right]))
        .collect();
    let second = deciding(&set.records, &set.settings, &decisions);
    let f1 = |matched: &Matched| evaluate(&matched.cluster_of, &set.truth).pairwise_f1;
    assert!(f1(&second) > f1(&first) + 0.005, "{} {} of {}", f1(&first), f1(&second), decisions.len());
}

#[test]
fn contradictions_and_strangers_among_decisions_are_counted() {
    let set = set::three_systems(300, 3).unwrap();
    let mut decisions = vec![
        decision(&set.records, 0, 1, true),
        decision(&set.records, 1, 2, true),
        decision(&set.records, 0, 2, false),
    ];
    decisions.push(Decision { left: "nobody".to_owned(), right: set.records.ids()[0].clone(), same: true });
    let found = deciding(&set.records, &set.settings, &decisions);
    assert_eq!(found.report.decisions_unused, 2);
    assert_ne!(found.cluster_of[0], found.cluster_of[2], "two that a person told apart stay so");
}

#[test]
fn a_source_without_duplicates_keeps_its_records_apart() {
    let mut set = set::three_systems(1_000, 3).unwrap();
    set.settings.duplicate_free = vec!["crm".to_owned()];
    let found = link(&set.records, &set.settings).unwrap();
    let mut held: HashSet<u32> = HashSet::new();
    for record in (0..set.records.len()).filter(|&at| set.records.source(at) == "crm") {
        assert!(held.insert(found.cluster_of[record]), "{}", set.records.ids()[record]);
    }
    assert!(found.report.largest_cluster > 1);
}

/// A full run over some records, then the rest in portions, each going on with what was found before.
struct Increments {
    matched: Matched,
    records: Records,
    /// Place in the set of each record.
    places: Vec<usize>,
    ids: HashMap<String, String>,
    events: Vec<IdentityEvent>,
}

fn increments(set: &Set, portions: &[Vec<usize>]) -> Increments {
    let mut places = portions[0].clone();
    let mut records = set.part(&places).unwrap();
    let mut matched = link(&records, &set.settings).unwrap();
    let settled = |records: &Records, matched: &Matched, ids: &HashMap<String, String>| {
        let (ids, events) = settle_ids(records.ids(), &matched.cluster_of, ids, &HashSet::new(), "p");
        (records.ids().iter().cloned().zip(ids).collect::<HashMap<_, _>>(), events)
    };
    let (mut ids, mut events) = settled(&records, &matched, &HashMap::new());
    for portion in &portions[1..] {
        let known: Vec<Option<(u32, f64)>> = matched
            .cluster_of
            .iter()
            .zip(&matched.probability)
            .map(|(&cluster, &chance)| Some((cluster, chance)))
            .collect();
        places.extend(portion);
        let found: Vec<_> = known.into_iter().chain(vec![None; portion.len()]).collect();
        records = set.part(&places).unwrap();
        let learned = matched.learned.clone().unwrap();
        let known = Known { learned: Some(&learned), found: Some(&found), ..Known::default() };
        matched = link_knowing(&records, &set.settings, &known).unwrap();
        assert_eq!(matched.report.fresh, portion.len());
        assert!(matched.report.is_learned_before);
        (ids, events) = settled(&records, &matched, &ids);
    }
    Increments { matched, records, places, ids, events }
}

fn every(portions: usize, records: usize) -> Vec<Vec<usize>> {
    // One in a hundred at a time, the rest first.
    let late = |at: usize| (at * 7_919 + 13) % 100;
    let mut of = vec![(0..records).filter(|&at| late(at) >= portions).collect::<Vec<_>>()];
    of.extend((0..portions).map(|portion| (0..records).filter(|&at| late(at) == portion).collect()));
    of
}

#[test]
fn increments_end_close_to_a_full_run() {
    let set = set::three_systems(5_000, 11).unwrap();
    let full = link(&set.records, &set.settings).unwrap();
    let parts = increments(&set, &every(10, set.records.len()));
    let truth: Vec<u32> = parts.places.iter().map(|&at| set.truth[at]).collect();
    let in_parts = evaluate(&parts.matched.cluster_of, &truth).b_cubed_f1;
    let at_once = evaluate(&full.cluster_of, &set.truth).b_cubed_f1;
    assert!((in_parts - at_once).abs() <= 0.005, "{in_parts} {at_once}");
    assert_eq!(parts.records.len(), set.records.len());
}

#[test]
fn a_delta_leaves_all_other_ids_as_they_are() {
    let set = set::three_systems(5_000, 11).unwrap();
    let portions = every(1, set.records.len());
    let before = increments(&set, &portions[..1]);
    let after = increments(&set, &portions);
    let kept = before.ids.iter().filter(|(record, id)| after.ids[*record] == **id).count();
    let share = kept as f64 / before.ids.len() as f64;
    assert!(share >= 0.995, "{share}");
    // An old id that is not given any more resolves through the events.
    let living: HashSet<&String> = after.ids.values().collect();
    let merged: HashMap<&String, &String> = after
        .events
        .iter()
        .filter_map(|event| match event {
            IdentityEvent::Merged { from, into } => Some((from, into)),
            _ => None,
        })
        .collect();
    for (record, id) in &before.ids {
        let resolved = merged.get(id).copied().unwrap_or(id);
        assert!(living.contains(resolved), "{record} {id}");
    }
    assert!(!merged.is_empty(), "somebody was brought together");
}

#[test]
fn nothing_new_changes_nothing() {
    let set = set::three_systems(1_000, 2).unwrap();
    let first = link(&set.records, &set.settings).unwrap();
    let found: Vec<_> = first.cluster_of.iter().zip(&first.probability).map(|(&c, &p)| Some((c, p))).collect();
    let learned = first.learned.clone().unwrap();
    let known = Known { learned: Some(&learned), found: Some(&found), ..Known::default() };
    let again = link_knowing(&set.records, &set.settings, &known).unwrap();
    assert_eq!((again.report.fresh, again.report.pairs), (0, 0));
    assert_eq!((again.cluster_of, again.probability), (first.cluster_of, first.probability));
}

#[test]
fn what_was_learned_can_be_kept_and_gives_the_same() {
    let set = set::three_systems(1_000, 2).unwrap();
    let first = link(&set.records, &set.settings).unwrap();
    let kept = serde_json::to_string(&first.learned).unwrap();
    let learned: Option<Learned> = serde_json::from_str(&kept).unwrap();
    let known = Known { learned: learned.as_ref(), ..Known::default() };
    let again = link_knowing(&set.records, &set.settings, &known).unwrap();
    assert_eq!(again.cluster_of, first.cluster_of);
    let settings: Settings = serde_json::from_str(&serde_json::to_string(&set.settings).unwrap()).unwrap();
    assert_eq!(settings, set.settings);
    let doubt = &first.doubts[0];
    let explained = explain(&set.records, &settings, &known, doubt.left, doubt.right).unwrap();
    let trained = explain(&set.records, &settings, &Known::default(), doubt.left, doubt.right).unwrap();
    assert!((explained.bits - trained.bits).abs() < 1e-9);
}

#[test]
fn what_was_learned_of_few_columns_can_be_kept_too() {
    let fields = [("first_name", Kind::GivenName), ("last_name", Kind::FamilyName), ("email", Kind::Email)];
    let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
    let (given, family) = (["anne", "paul", "lucie", "hugo", "zoe"], ["durand", "petit", "moreau", "garnier"]);
    for n in 0..80_usize {
        let email = format!("{}{}@mail.fr", given[n / 2 % 5], n / 2);
        records
            .push(&format!("{n:02}"), "a", &[Some(given[n / 2 % 5]), Some(family[n / 2 % 4]), Some(&email)])
            .unwrap();
    }
    let found = link(&records, &Settings::of(records.fields().to_vec())).unwrap();
    let kept = serde_json::to_string(&found.learned).unwrap();
    let read: Learned = serde_json::from_str(&kept).unwrap();
    let known = Known { learned: Some(&read), ..Known::default() };
    let again = link_knowing(&records, &Settings::of(records.fields().to_vec()), &known).unwrap();
    assert!(again.report.is_learned_before);
    assert_eq!(again.cluster_of, found.cluster_of);
}
