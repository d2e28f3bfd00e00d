//! Exactly once: the process is killed (SIGKILL) again and again, in every stage, at random moments and right after commits.
//! What stands in the lake in the end is row for row what an undisturbed run makes.

mod batter;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use affluent_sandbox::{Fault, FaultKind};
use libtest_mimic::{Failed, Trial};

use self::batter::{Draw, Kills, Lake, Moment, Siege, killed_when, quiet};
use crate::lakes;
use crate::servers;
use crate::support;
use crate::world::{AS_OF, World};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("exactly_once::all_stages_of_two_months_on_disk", on_disk),
        Trial::test("exactly_once::a_file_of_several_commits", a_long_file),
        Trial::test("exactly_once::a_list_of_several_commits", a_long_list),
        Trial::test("exactly_once::a_signal_stops_and_the_next_run_goes_on", signalled),
        support::where_there(
            "exactly_once::all_stages_of_two_months_on_s3",
            support::python(&["moto", "flask"]),
            "python3 with moto[server]",
            |python| on_s3(&python),
        ),
    ]
}

const EXTRACT: usize = 0;
const TRANSFORM: usize = 1;
const MARTS: usize = 2;

/// Moments in the order in which a run comes to them.
const MOMENTS: [Moment; 14] = [
    Moment::Commits(EXTRACT, 1),
    Moment::Within(EXTRACT),
    Moment::Commits(EXTRACT, 4),
    Moment::Within(EXTRACT),
    Moment::Commits(TRANSFORM, 1),
    Moment::Within(TRANSFORM),
    Moment::Commits(TRANSFORM, 1),
    Moment::Commits(TRANSFORM, 2),
    Moment::Within(TRANSFORM),
    Moment::Commits(TRANSFORM, 3),
    Moment::Commits(MARTS, 1),
    Moment::Commits(MARTS, 2),
    Moment::Within(MARTS),
    Moment::Commits(MARTS, 3),
];

/// Fewer of them for a store that answers slowly.
const FEW: [Moment; 6] = [
    Moment::Within(EXTRACT),
    Moment::Commits(EXTRACT, 3),
    Moment::Within(TRANSFORM),
    Moment::Commits(TRANSFORM, 4),
    Moment::Within(MARTS),
    Moment::Commits(MARTS, 2),
];

/// The seconds that the stages of a run took, as it answered with `--json`.
fn seconds(answer: &serde_json::Value) -> Result<[f64; 3], Failed> {
    let of = |stage: usize| answer["stages"][stage]["seconds"].as_f64();
    match (of(EXTRACT), of(TRANSFORM), of(MARTS)) {
        (Some(extract), Some(transform), Some(marts)) => Ok([extract, transform, marts]),
        _ => Err(Failed::from(format!("a run does not tell what its stages took: {answer}"))),
    }
}

/// Requests that the sandbox has had.
fn asked(world: &World) -> Result<u64, Failed> {
    let stats = world.stats()?;
    let requests = stats["requests"].as_object().ok_or("the sandbox does not count requests")?;
    Ok(requests.values().filter_map(serde_json::Value::as_u64).sum())
}

fn on_disk() -> Result<(), Failed> {
    let world = World::new(300)?;
    let (calm, folder) = (world.path("calm"), world.path("battered"));
    let (lake, at) = (Lake::Disk(folder.clone()), folder.display().to_string());
    let (mut draw, mut all) = (Draw(2026), Kills::default());
    for (month, as_of) in AS_OF.iter().enumerate() {
        world.move_to(month as u32)?;
        let seconds = seconds(&world.load(&calm, month)?)?;
        let id = format!("month-{month}");
        let run = || world.run(&at, &["--run-id", &id, "--as-of", as_of]);
        let siege = Siege { run: &run, lake: &lake, asked: &|| asked(&world), seconds };
        all += siege.batter(&MOMENTS, &mut draw)?;
        lakes::same(&lakes::read(&calm)?, &lakes::read(&folder)?)?;
    }
    all.suffice(20)
}

/// The second month changes tables that are there: on a store, too, a merge that is killed is none.
fn on_s3(python: &Path) -> Result<(), Failed> {
    let store = servers::s3(python)?;
    let world = World::new(60)?;
    let (calm, url) = (world.path("calm"), format!("{}/battered", store.root));
    let lake = Lake::Bucket(url.clone(), store.options.clone());
    let (mut draw, mut all) = (Draw(3), Kills::default());
    for (month, as_of) in AS_OF.iter().enumerate() {
        world.move_to(month as u32)?;
        let seconds = seconds(&world.load(&calm, month)?)?;
        let id = format!("month-{month}");
        let run = || {
            let mut run = world.run(&url, &["--run-id", &id, "--as-of", as_of]);
            store.enter(&mut run);
            run
        };
        let siege = Siege { run: &run, lake: &lake, asked: &|| asked(&world), seconds };
        let kills = siege.batter(&FEW, &mut draw)?;
        if kills.all.contains(&0) {
            return Err(Failed::from(format!("some stage of month {month} was never killed: {kills:?}")));
        }
        all += kills;
        let copy = world.path(&id);
        lakes::copy(&url, &store.options, &copy)?;
        lakes::same(&lakes::read(&calm)?, &lakes::read(&copy)?)?;
    }
    all.suffice(10)
}

/// Killed after the first of two commits of one file: the next run goes on within the file.
fn a_long_file() -> Result<(), Failed> {
    const ROWS: usize = 1_300_000;
    let folder = tempfile::tempdir()?;
    let mut text = String::from("order_id,amount\n");
    for row in 0..ROWS {
        let _ = writeln!(text, "{row},{}.{:02}", row % 97, row % 100);
    }
    std::fs::write(folder.path().join("orders.csv"), text)?;
    let pipeline = folder.path().join("pipeline.yaml");
    std::fs::write(&pipeline, include_str!("exactly_once/long_file.yaml"))?;
    let lake = folder.path().join("lake");
    let (pipeline, at) = (pipeline.display().to_string(), lake.display().to_string());
    let run = || support::affluent(&["run", &pipeline, "--lake", &at, "--run-id", "long", "--stage", "extract"]);
    let siege = Siege { run: &run, lake: &Lake::Disk(lake.clone()), asked: &|| Ok(0), seconds: [0.0; 3] };
    let kills = siege.batter(&[Moment::Commits(EXTRACT, 1)], &mut Draw(1))?;
    if kills.all != [1, 0, 0] {
        return Err(Failed::from("the file was loaded before it could be killed"));
    }
    let rows = lakes::read_without(&lake, &["_file", "_hash", "_deleted", "_source"])?;
    let rows = &rows["bronze/shop_orders"];
    let distinct: std::collections::BTreeSet<&String> = rows.iter().collect();
    if rows.len() != ROWS || distinct.len() != ROWS {
        return Err(Failed::from(format!(
            "{ROWS} rows in the file, {} in bronze, {} distinct",
            rows.len(),
            distinct.len()
        )));
    }
    Ok(())
}

/// The same for an API's list, read slowly enough for several commits.
fn a_long_list() -> Result<(), Failed> {
    let world = World::new(1_100)?;
    let (calm, lake) = (world.path("calm"), world.path("battered"));
    let contacts = ["--stage", "extract", "--select", "hubspot.contacts", "--run-id", "long"];
    support::success(&mut world.run(&calm.display().to_string(), &contacts))?;
    let slow = Fault { delay_ms: 6_000, ..Fault::new("/hubspot/crm/v3/objects/contacts", FaultKind::Slow) };
    world.faults(&[slow])?;
    let mut child = quiet(world.run(&lake.display().to_string(), &contacts))?;
    let watched = Lake::Disk(lake.clone());
    if !killed_when(&mut child, Duration::from_millis(2), || Ok(watched.commits(EXTRACT)? >= 1))? {
        return Err(Failed::from("the list was read before it could be killed"));
    }
    world.faults(&[])?;
    let before = watched.commits(EXTRACT)?;
    support::success(&mut world.run(&lake.display().to_string(), &contacts))?;
    if watched.commits(EXTRACT)? <= before {
        return Err(Failed::from("the first commit held the whole list"));
    }
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)
}

/// Sends a signal as soon as `due`; the run must say that it was stopped, by its exit code too, and soon.
fn stopped(run: &mut Command, signal: &str, code: i32, due: impl Fn() -> Result<bool, Failed>) -> Result<(), Failed> {
    let mut child = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let started = Instant::now();
    while !due()? && child.try_wait()?.is_none() {
        if started.elapsed() > Duration::from_mins(2) {
            child.kill()?;
            return Err("the moment of the signal never came".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    support::success(Command::new("kill").args([format!("-{signal}"), child.id().to_string()]))?;
    let sent = Instant::now();
    let output = child.wait_with_output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(code) || !stderr.contains("stopped") || sent.elapsed() > Duration::from_secs(8) {
        let took = (sent - started, sent.elapsed());
        return Err(Failed::from(format!("SIG{signal}: {}, {took:?}: {stderr}", output.status)));
    }
    Ok(())
}

/// SIGINT and SIGTERM end a run with the codes that shells know, in every stage, and cost nothing.
fn signalled() -> Result<(), Failed> {
    let world = World::new(150)?;
    let (calm, folder) = (world.path("calm"), world.path("stopped"));
    world.load(&calm, 0)?;
    let run = || world.run(&folder.display().to_string(), &["--run-id", "month-0", "--as-of", AS_OF[0]]);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = world.held()?;
        let slow = Fault { delay_ms: 20_000, ..Fault::new("/hubspot/crm/v3/objects/contacts", FaultKind::Slow) };
        world.faults(&[slow])?;
        // In the middle of it: the sandbox holds an answer back.
        stopped(&mut run(), signal, code, || Ok(world.held()? > before))?;
    }
    world.faults(&[])?;
    let lake = Lake::Disk(folder.clone());
    for stage in [TRANSFORM, MARTS] {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let before = lake.commits(stage)?;
            stopped(&mut run(), signal, code, || Ok(lake.commits(stage)? > before))?;
        }
    }
    support::success(&mut run())?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&folder)?)
}
