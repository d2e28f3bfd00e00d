//! Measures matching on sets with known truth and prints one row for each, threshold chosen without labels.
//!
//! ```sh
//! cargo run --release -p affluent-match --example measure                       # the sets that come with the crate
//! cargo run --release -p affluent-match --example measure -- people.csv         # id, truth and canonical columns
//! cargo run --release -p affluent-match --example measure -- --companies firms.csv
//! cargo run --release -p affluent-match --example measure -- --made 50000       # made-up people of three systems
//! cargo run --release -p affluent-match --example measure -- --write-made 50000 people.csv
//! ```
//!
//! `--delta` also takes one record in a hundred away, matches the rest, and brings them as news: what that costs, and what changes.
//! `--weights` adds what was learned and the blocking rules; `--json` answers with an object a set; `--out FILE` writes each record's cluster and true entity.

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use affluent_match::{Known, Matched, evaluate, link, link_knowing, settle_ids};
use common::set::{self, Entity, Set};
use common::{Figures, measure};

fn main() -> Result<(), Box<dyn Error>> {
    let mut entity = Entity::Persons;
    let mut as_json = false;
    let mut with_weights = false;
    let mut with_delta = false;
    let mut out = None;
    let mut sets: Vec<Set> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--companies" => entity = Entity::Companies,
            "--write-made" => {
                let people = arguments.next().ok_or("--write-made needs a number of people and a file")?.parse()?;
                let path = arguments.next().ok_or("--write-made needs a file")?;
                return set::write(&common::people::three_systems(people, 1), Path::new(&path));
            }
            "--out" => out = arguments.next(),
            "--json" => as_json = true,
            "--delta" => with_delta = true,
            "--weights" => with_weights = true,
            "--made" => {
                let people = arguments.next().ok_or("--made needs a number of people")?.parse()?;
                sets.push(set::three_systems(people, 1)?);
            }
            path => {
                let name = Path::new(path).file_stem().map_or(path.into(), |name| name.to_string_lossy());
                sets.push(set::of_rows(&name, &set::rows(Path::new(path))?, entity)?);
            }
        }
    }
    if sets.is_empty() {
        sets.extend([set::febrl3(true)?, set::febrl3(false)?, set::splink_fake_1000()?]);
        for people in [1_000, 10_000, 50_000] {
            sets.push(set::three_systems(people, 1)?);
        }
    }
    if !as_json {
        println!("{}", Figures::HEAD);
    }
    for set in &sets {
        let figures = measure(set)?;
        println!("{}", if as_json { figures.json() } else { figures.row() });
        if let Some(path) = &out {
            clusters(path, set, &figures)?;
        }
        if with_delta {
            println!("{}", delta(set)?);
        }
        if with_weights {
            weights(&figures);
        }
    }
    Ok(())
}

/// One record in a hundred as news.
fn delta(set: &Set) -> Result<String, Box<dyn Error>> {
    let is_new = |at: usize| at % 100 == 57;
    let (old, new): (Vec<usize>, Vec<usize>) = (0..set.records.len()).partition(|&at| !is_new(at));
    let before = set.part(&old)?;
    let clock = Instant::now();
    let first = link(&before, &set.settings)?;
    let full = clock.elapsed().as_secs_f64();
    let places: Vec<usize> = old.iter().chain(&new).copied().collect();
    let all = set.part(&places)?;
    let found: Vec<Option<(u32, f64)>> = first
        .cluster_of
        .iter()
        .zip(&first.probability)
        .map(|(&cluster, &chance)| Some((cluster, chance)))
        .chain(vec![None; new.len()])
        .collect();
    let clock = Instant::now();
    let known = Known { learned: first.learned.as_ref(), found: Some(&found), ..Known::default() };
    let second = link_knowing(&all, &set.settings, &known)?;
    let fraction = clock.elapsed().as_secs_f64() / full;
    let (ids, _) = settle_ids(before.ids(), &first.cluster_of, &HashMap::new(), &HashSet::new(), "p");
    let previous: HashMap<String, String> = before.ids().iter().cloned().zip(ids).collect();
    let (ids, _) = settle_ids(all.ids(), &second.cluster_of, &previous, &HashSet::new(), "p");
    let kept = all.ids().iter().zip(&ids).filter(|(record, id)| previous.get(*record) == Some(id)).count();
    let truth: Vec<u32> = places.iter().map(|&at| set.truth[at]).collect();
    Ok(format!(
        "a delta of {} records: {full:.2} s for all others, {:.1} % of that for the delta ({} pairs instead of {}); {:.3} % of the ids stay; B-cubed F1 {:.4}",
        new.len(),
        fraction * 100.0,
        second.report.pairs,
        first.report.pairs,
        kept as f64 / before.len() as f64 * 100.0,
        evaluate(&second.cluster_of, &truth).b_cubed_f1,
    ))
}

fn clusters(path: &str, set: &Set, figures: &Figures) -> Result<(), Box<dyn Error>> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(["id", "cluster", "truth", "probability"])?;
    let Matched { cluster_of, probability, .. } = &figures.matched;
    for (record, id) in set.records.ids().iter().enumerate() {
        let cells =
            [cluster_of[record].to_string(), set.truth[record].to_string(), format!("{:.4}", probability[record])];
        writer.write_record([id, &cells[0], &cells[1], &cells[2]])?;
    }
    Ok(writer.flush()?)
}

fn weights(figures: &Figures) {
    let report = &figures.matched.report;
    println!(
        "{} pairs at or above {:.3}, {:.0} expected, clusters {:?}",
        report.matching_pairs, report.threshold, report.expected_matches, report.cluster_sizes
    );
    for rule in &report.rules {
        println!("  {:60} {:>10} pairs, {} left out", rule.rule, rule.pairs, rule.pairs_left_out);
    }
    for comparison in &report.comparisons {
        println!("  {}", comparison.field);
        for level in &comparison.levels {
            println!("    {:30} m {:.5} u {:.8} weight {:+.2}", level.level, level.m, level.u, level.weight);
        }
    }
}
