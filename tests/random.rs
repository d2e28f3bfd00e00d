//! Whatever happens at the sources and to the runs, silver comes to say what the sources say: records made, changed, deleted
//! and brought back in any order, late ones and equal stamps among them, with faults on the way and runs killed in the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use affluent_sandbox::{Edit, Fault, FaultKind};
use chrono::DateTime;
use libtest_mimic::{Failed, Trial};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestRunner};
use serde_json::Value;

use crate::support;
use crate::world::{AS_OF, World};

const CASES: u32 = 5;
const PEOPLE: u32 = 60;
const MINUTE: i64 = 60_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("random::any_sequence_ends_with_the_truth", any_sequence)]
}

/// What happens between two runs, and to the run that follows.
#[derive(Debug, Clone)]
struct Step {
    changes: Vec<Change>,
    fault: Option<(FaultKind, bool)>,
    /// After how many milliseconds the run is killed.
    kill: Option<u64>,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a coin of its own")]
struct Change {
    salesforce: bool,
    /// Which record: one of those that are there, or beyond them a new one.
    record: prop::sample::Index,
    fresh: bool,
    delete: bool,
    /// The minute of the step that the change is stamped with; a late one shows up with a stamp of the step before.
    minute: i64,
    late: bool,
}

fn change() -> impl Strategy<Value = Change> {
    (
        any::<bool>(),
        any::<prop::sample::Index>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        0..3_i64,
        prop::bool::weighted(0.2),
    )
        .prop_map(|(salesforce, record, fresh, delete, minute, late)| Change {
            salesforce,
            record,
            fresh,
            delete,
            minute,
            late,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = [
        FaultKind::TooMany,
        FaultKind::Internal,
        FaultKind::Cut,
        FaultKind::ExpiredToken,
        FaultKind::EmptyPage,
        FaultKind::ShortPage,
    ];
    let fault = (prop::sample::select(kinds.to_vec()), any::<bool>());
    (prop::collection::vec(change(), 0..25), prop::option::of(fault), prop::option::weighted(0.4, 20..900_u64))
        .prop_map(|(changes, fault, kill)| Step { changes, fault, kill })
}

fn any_sequence() -> Result<(), Failed> {
    let config = Config {
        cases: CASES,
        max_shrink_iters: 0,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(3),
        ..Config::default()
    };
    let steps = prop::collection::vec(step(), 3..7);
    TestRunner::new(config)
        .run(&steps, |steps| live(&steps).map_err(|failed| TestCaseError::fail(format!("{failed:?}"))))
        .map_err(|error| Failed::from(error.to_string()))
}

/// Lives through the steps; the lake must say in the end what the sandbox says.
fn live(steps: &[Step]) -> Result<(), Failed> {
    let world = World::read_by(PEOPLE, include_str!("world/persons.yaml"))?;
    let start = DateTime::parse_from_rfc3339(AS_OF[0])?.timestamp_millis();
    let lake = world.path("lake").display().to_string();
    for (number, step) in steps.iter().enumerate() {
        let clock = start + number as i64 * 10 * MINUTE;
        for (at, change) in step.changes.iter().enumerate() {
            world.edit(&[edit(&world, change, clock, &format!("{number}-{at}"))?])?;
        }
        let faults = step.fault.iter().map(|(kind, salesforce)| Fault {
            // A token that was given cannot be asked for again, and one asked for is refused once.
            times: Some(if *kind == FaultKind::ExpiredToken { 1 } else { 2 }),
            ..Fault::new(
                if *salesforce || *kind == FaultKind::ExpiredToken {
                    "/salesforce/services/data"
                } else {
                    "/hubspot/crm"
                },
                *kind,
            )
        });
        world.faults(&faults.collect::<Vec<_>>())?;
        let mut run = world.run(&lake, &["--run-id", &format!("step-{number}")]);
        match step.kill {
            None => drop(support::success(&mut run)?),
            Some(moment) => {
                let mut child = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(moment) && child.try_wait()?.is_none() {
                    std::thread::sleep(Duration::from_millis(2));
                }
                child.kill()?;
                child.wait()?;
            }
        }
    }
    world.faults(&[])?;
    support::success(&mut world.run(&lake, &["--run-id", "last"]))?;
    same(&truth(&world)?, &held(&lake)?)
}

/// The change as an edit of the sandbox's records.
fn edit(world: &World, change: &Change, clock: i64, name: &str) -> Result<Edit, Failed> {
    let (system, object, field) =
        if change.salesforce { ("salesforce", "Contact", "Title") } else { ("hubspot", "contacts", "jobtitle") };
    let records = world.records(system, object)?;
    let known = &records[change.record.index(records.len())];
    let id = match (change.fresh, change.salesforce) {
        (false, _) => known["id"].as_str().unwrap_or_default().to_owned(),
        (true, false) => (9_000_000 + records.len()).to_string(),
        (true, true) => format!("003EDIT{:011}", records.len()),
    };
    // Late ones lie within the lookback of five minutes.
    let at = if change.late { clock - 11 * MINUTE } else { clock + change.minute * MINUTE };
    // A record's own stamp never goes back.
    let at = if change.fresh { at } else { at.max(known["updated"].as_i64().unwrap_or_default() + 1_000) };
    let mut set = BTreeMap::from([(field.to_owned(), name.to_owned())]);
    if change.fresh {
        set.insert(if change.salesforce { "LastName" } else { "lastname" }.to_owned(), "Martin".to_owned());
    }
    Ok(Edit { object: object.to_owned(), id, at, set, delete: change.delete })
}

/// `record | job title | instant of the last change`.
type Records = BTreeSet<String>;

fn truth(world: &World) -> Result<Records, Failed> {
    let mut found = Records::new();
    for (system, object, stream, field) in
        [("hubspot", "contacts", "contacts", "jobtitle"), ("salesforce", "Contact", "contact", "Title")]
    {
        for record in world.records(system, object)?.iter().filter(|record| record["deleted"].is_null()) {
            let title = record["values"][field].as_str().unwrap_or_default();
            found.insert(format!(
                "{system}.{stream}:{} | {title} | {}",
                record["id"].as_str().unwrap_or_default(),
                record["updated"]
            ));
        }
    }
    Ok(found)
}

fn held(lake: &str) -> Result<Records, Failed> {
    let query = "select record_id, coalesce(job_title, '') as title, cast(arrow_cast(updated_at, 'Timestamp(Millisecond, None)') as bigint) as updated from silver.person_records";
    let answer = support::success(&mut support::affluent(&["sql", query, "--lake", lake, "--format", "json"]))?;
    let rows: Vec<Value> = serde_json::from_str(&answer)?;
    Ok(rows
        .iter()
        .map(|row| {
            format!(
                "{} | {} | {}",
                row["record_id"].as_str().unwrap_or_default(),
                row["title"].as_str().unwrap_or_default(),
                row["updated"]
            )
        })
        .collect())
}

fn same(truth: &Records, held: &Records) -> Result<(), Failed> {
    let missing: Vec<&String> = truth.difference(held).take(5).collect();
    let beyond: Vec<&String> = held.difference(truth).take(5).collect();
    if missing.is_empty() && beyond.is_empty() && !truth.is_empty() {
        return Ok(());
    }
    Err(Failed::from(format!("missing {missing:?}, beyond {beyond:?} of {} true ones", truth.len())))
}
