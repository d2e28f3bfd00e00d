//! The same run again writes nothing; two runs at once lose nothing and double nothing.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use affluent_sandbox::{Fault, FaultKind};
use libtest_mimic::{Failed, Trial};

use crate::lakes;
use crate::support;
use crate::world::{AS_OF, World};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("idempotence::the_same_run_twice_writes_nothing", the_same_run_twice),
        Trial::test("idempotence::two_runs_at_once", two_at_once),
        Trial::test("idempotence::of_two_runs_on_one_stream_the_second_is_refused", second_is_refused),
        Trial::test("idempotence::runs_on_different_streams_do_not_meet", streams_do_not_meet),
    ]
}

fn the_same_run_twice() -> Result<(), Failed> {
    let world = World::new(150)?;
    let lake = world.path("lake");
    world.load(&lake, 0)?;
    let (versions, rows) = (lakes::versions(&lake)?, lakes::read(&lake)?);
    let again = world.load(&lake, 0)?;
    let stages = again["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if stages.len() != 3 || stages.iter().any(|stage| stage["status"] != "already_done") {
        return Err(Failed::from(format!("the run does not say that it was done before: {again}")));
    }
    let unchanged = |what: &str| {
        let now = lakes::versions(&lake)?;
        let grown: Vec<_> = now.iter().filter(|(table, commits)| versions.get(*table) != Some(commits)).collect();
        let grown: Vec<_> =
            grown.into_iter().filter(|(table, _)| what == "twice" || table.as_str() != "_affluent/runs").collect();
        if grown.is_empty() { Ok(()) } else { Err(Failed::from(format!("{what}: tables were written: {grown:?}"))) }
    };
    unchanged("twice")?;
    // Under another name the sources are asked again; they have nothing new, so no table changes.
    let other = world.run(&lake.display().to_string(), &["--run-id", "other", "--as-of", AS_OF[0]]);
    support::success(&mut { other })?;
    unchanged("another run")?;
    lakes::same(&rows, &lakes::read(&lake)?)
}

fn two_at_once() -> Result<(), Failed> {
    let world = World::new(150)?;
    let calm = world.path("calm");
    world.load(&calm, 0)?;
    let expected = lakes::read(&calm)?;
    for (at, ids) in [["left", "right"], ["same", "same"]].into_iter().enumerate() {
        let lake = world.path(&format!("lake-{at}"));
        let both = at_once(&world, &lake, ids)?;
        for output in &both {
            let stderr = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {}
                Some(75) if stderr.contains("another run is writing") => {}
                code => {
                    return Err(Failed::from(format!(
                        "of two runs at once ({ids:?}) one ended with {code:?}: {stderr}"
                    )));
                }
            }
        }
        // Whatever each of them did, running again brings the lake to where one run alone brings it.
        for id in ids {
            support::success(&mut world.run(&lake.display().to_string(), &["--run-id", id, "--as-of", AS_OF[0]]))?;
        }
        lakes::same(&expected, &lakes::read(&lake)?)?;
    }
    Ok(())
}

fn at_once(world: &World, lake: &Path, ids: [&str; 2]) -> Result<Vec<Output>, Failed> {
    let lake = lake.display().to_string();
    let mut children = Vec::new();
    for id in ids {
        let mut run = world.run(&lake, &["--run-id", id, "--as-of", AS_OF[0]]);
        children.push(run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?);
    }
    Ok(children.into_iter().map(std::process::Child::wait_with_output).collect::<Result<_, _>>()?)
}

/// For how long the sandbox holds an answer back: longer than another run takes.
const HELD: Duration = Duration::from_secs(15);

/// Starts a run whose first request for contacts is held back, those of others are not; it stands in the middle of the stream.
fn held_run(world: &World, mut run: Command) -> Result<Child, Failed> {
    let before = world.held()?;
    let slow = Fault::new("/hubspot/crm/v3/objects/contacts", FaultKind::Slow);
    world.faults(&[Fault { delay_ms: HELD.as_millis() as u64, ..slow.times(1) }])?;
    let mut child = run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let started = Instant::now();
    while world.held()? == before {
        if child.try_wait()?.is_some() || started.elapsed() > Duration::from_mins(1) {
            // It may have ended by itself.
            let _ = child.kill();
            return Err(Failed::from(format!("the stream was never held: {:?}", child.wait_with_output()?)));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(child)
}

/// One run is held in the middle of a stream while another loads it: before there is a table, and on top of one.
fn second_is_refused() -> Result<(), Failed> {
    let world = World::new(150)?;
    let (calm, lake) = (world.path("calm"), world.path("lake"));
    for (month, as_of) in AS_OF.iter().enumerate() {
        world.move_to(month as u32)?;
        world.load(&calm, month)?;
        let run = |id: &str, more: &[&str]| {
            let mut run =
                world.run(&lake.display().to_string(), &["--run-id", &format!("{id}-{month}"), "--as-of", as_of]);
            run.args(more);
            run
        };
        let contacts = ["--stage", "extract", "--select", "hubspot.contacts", "--json"];
        let mut late = held_run(&world, run("late", &contacts))?;
        support::success(&mut run("swift", &contacts))?;
        if late.try_wait()?.is_some() {
            return Err("the run that was held ended before the other: nothing was tried".into());
        }
        let before = lakes::versions(&lake)?;
        let output = late.wait_with_output()?;
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let told = String::from_utf8_lossy(&output.stderr);
        let says = "another run is writing bronze.hubspot_contacts: nothing of this step was written";
        let what_to_do = "run it again when the other run has ended";
        let plain = told.contains(says) && told.contains(what_to_do);
        let by_json = answer["error"].as_str().is_some_and(|error| error.contains(says))
            && answer["hint"] == what_to_do
            && answer["exit_code"] == 75
            && answer["streams"][0]["written"] == 0;
        if output.status.code() != Some(75) || !plain || !by_json {
            return Err(Failed::from(format!("the second run ended with {}: {answer:#}\n{told}", output.status)));
        }
        let after = lakes::versions(&lake)?;
        let grown: Vec<_> = after.iter().filter(|(table, commits)| before.get(*table) != Some(commits)).collect();
        if grown.iter().any(|(table, _)| table.as_str() != lakes::RUN_LOG) {
            return Err(Failed::from(format!("the refused run wrote: {grown:?}")));
        }
        // What the refused one is told to do: it goes on, and finds all of it there.
        support::success(&mut run("late", &contacts))?;
        support::success(&mut run("rest", &[]))?;
        lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)?;
    }
    Ok(())
}

/// A run that is held in one stream, and one that loads all the others meanwhile: both come through, though both write the
/// quarantine and the run log.
fn streams_do_not_meet() -> Result<(), Failed> {
    let world = World::new(150)?;
    let (calm, lake) = (world.path("calm"), world.path("lake"));
    world.load(&calm, 0)?;
    let run = |id: &str, select: &str| {
        let words = ["--run-id", id, "--stage", "extract", "--select", select];
        world.run(&lake.display().to_string(), &words)
    };
    let mut held = held_run(&world, run("held", "hubspot.contacts"))?;
    support::success(&mut run("swift", "hubspot.companies,hubspot.deals,salesforce.*,shop.*"))?;
    if held.try_wait()?.is_some() {
        return Err("the run that was held ended before the others: nothing was tried".into());
    }
    let output = held.wait_with_output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(Failed::from(format!("the run that was held ended with {}: {told}", output.status)));
    }
    world.load(&lake, 0)?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)
}
