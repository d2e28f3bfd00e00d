//! Exactly once: the process is killed (SIGKILL) again and again, in every stage, at random moments and right after commits.
//! What stands in the lake in the end is row for row what an undisturbed run makes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use affluent_sandbox::{Fault, FaultKind};
use libtest_mimic::{Failed, Trial};

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
            "exactly_once::all_stages_on_s3",
            support::python(&["moto", "flask"]),
            "python3 with moto[server]",
            |python| on_s3(&python),
        ),
    ]
}

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// At a random time of an undisturbed run's.
    Time,
    /// As soon as so many more commits stand in the tables of a schema, or the next schema has one.
    Commits(&'static str, usize),
}

/// Moments in the order in which a run comes to them.
const MOMENTS: [Moment; 14] = [
    Moment::Commits("bronze", 1),
    Moment::Commits("bronze", 4),
    Moment::Time,
    Moment::Time,
    Moment::Commits("silver", 1),
    Moment::Time,
    Moment::Commits("silver", 1),
    Moment::Commits("silver", 2),
    Moment::Commits("silver", 3),
    Moment::Time,
    Moment::Commits("gold", 1),
    Moment::Commits("gold", 2),
    Moment::Time,
    Moment::Commits("gold", 3),
];

/// Numbers that look random and are the same each time (Steele, Lea and Flood, splitmix64).
struct Draw(u64);

impl Draw {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn commits(lake: &Path, schema: &str) -> Result<usize, Failed> {
    let of = |table: &&String| table.starts_with(&format!("{schema}/"));
    let versions = lakes::versions(lake)?;
    Ok(versions.keys().filter(of).map(|table| versions[table]).sum())
}

/// Waits for `due` or the child's end; killed, or ended by itself with success.
fn killed_when(child: &mut Child, due: impl Fn() -> Result<bool, Failed>) -> Result<bool, Failed> {
    let patience = Instant::now() + Duration::from_mins(2);
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(false) } else { Err(Failed::from(format!("a run ended with {status}"))) };
        }
        if due()? {
            child.kill()?;
            child.wait()?;
            return Ok(true);
        }
        if Instant::now() > patience {
            child.kill()?;
            child.wait()?;
            return Err(Failed::from("a run does not end"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn quiet(mut command: Command) -> Result<Child, Failed> {
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Runs again and again until a run comes through; how often it was killed in extract, transform and marts.
fn batter(
    run: impl Fn() -> Command,
    lake: &Path,
    moments: &[Moment],
    whole: Duration,
    draw: &mut Draw,
) -> Result<[usize; 3], Failed> {
    let mut kills = [0; 3];
    let at_first = (commits(lake, "silver")?, commits(lake, "gold")?);
    for moment in moments {
        let mut child = quiet(run())?;
        let began = Instant::now();
        let killed = match *moment {
            Moment::Time => {
                // Early in what is left to do: a later moment would find the run at its end.
                let delay = whole.mul_f64(0.25 * draw.share());
                killed_when(&mut child, || Ok(began.elapsed() >= delay))?
            }
            Moment::Commits(schema, more) => {
                let later = |schema: &str| match schema {
                    "bronze" => commits(lake, "silver"),
                    "silver" => commits(lake, "gold"),
                    _ => Ok(0),
                };
                // A stage that has fewer commits left is over when the next one begins.
                let (before, after) = (commits(lake, schema)?, later(schema)?);
                killed_when(&mut child, || Ok(commits(lake, schema)? >= before + more || later(schema)? > after))?
            }
        };
        if !killed {
            break;
        }
        let stage = match (commits(lake, "silver")? > at_first.0, commits(lake, "gold")? > at_first.1) {
            (_, true) => 2,
            (true, false) => 1,
            (false, false) => 0,
        };
        kills[stage] += 1;
    }
    support::success(&mut run())?;
    Ok(kills)
}

fn on_disk() -> Result<(), Failed> {
    let world = World::new(300)?;
    let (calm, lake) = (world.path("calm"), world.path("battered"));
    let mut draw = Draw(2026);
    let mut all = [0; 3];
    for (month, as_of) in AS_OF.iter().enumerate() {
        world.move_to(month as u32)?;
        let began = Instant::now();
        world.load(&calm, month)?;
        let whole = began.elapsed();
        let id = format!("month-{month}");
        let run = || world.run(&lake.display().to_string(), &["--run-id", &id, "--as-of", as_of]);
        let kills = batter(run, &lake, &MOMENTS, whole, &mut draw)?;
        for (sum, kills) in all.iter_mut().zip(kills) {
            *sum += kills;
        }
        lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)?;
    }
    if all.contains(&0) {
        return Err(Failed::from(format!("some stage was never killed: {all:?} kills in extract, transform, marts")));
    }
    Ok(())
}

fn on_s3(python: &Path) -> Result<(), Failed> {
    let store = servers::s3(python)?;
    let world = World::new(100)?;
    let calm = world.path("calm");
    world.load(&calm, 0)?;
    let whole = {
        let began = Instant::now();
        let mut run = world.run(&format!("{}/calm", store.root), &["--run-id", "once", "--as-of", AS_OF[0]]);
        support::success(store.enter(&mut run))?;
        began.elapsed()
    };
    let url = format!("{}/battered", store.root);
    let mut draw = Draw(3);
    let mut kills = 0;
    for attempt in 0.. {
        let mut run = world.run(&url, &["--run-id", "month-0", "--as-of", AS_OF[0]]);
        store.enter(&mut run);
        if attempt == 10 {
            support::success(&mut run)?;
            break;
        }
        let mut child = quiet(run)?;
        let (began, delay) = (Instant::now(), whole.mul_f64(0.1 + 0.6 * draw.share()));
        if !killed_when(&mut child, || Ok(began.elapsed() >= delay))? {
            break;
        }
        kills += 1;
    }
    if kills < 2 {
        return Err(Failed::from(format!("only {kills} kills landed in {whole:?}")));
    }
    let copy = world.path("copy");
    lakes::copy(&url, &store.options, &copy)?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&copy)?)
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
    let moments = [Moment::Commits("bronze", 1)];
    let kills = batter(run, &lake, &moments, Duration::ZERO, &mut Draw(1))?;
    if kills != [1, 0, 0] {
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
    if !killed_when(&mut child, || Ok(commits(&lake, "bronze")? >= 1))? {
        return Err(Failed::from("the list was read before it could be killed"));
    }
    world.faults(&[])?;
    let before = commits(&lake, "bronze")?;
    support::success(&mut world.run(&lake.display().to_string(), &contacts))?;
    if commits(&lake, "bronze")? <= before {
        return Err(Failed::from("the first commit held the whole list"));
    }
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)
}

/// SIGINT and SIGTERM end a run with the codes that shells know, and cost nothing.
/// How many answers the sandbox has begun to hold back.
fn held(world: &World) -> Result<u64, Failed> {
    Ok(world.stats()?["faults"]["slow"].as_u64().unwrap_or(0))
}

fn signalled() -> Result<(), Failed> {
    let world = World::new(150)?;
    let (calm, lake) = (world.path("calm"), world.path("stopped"));
    let extract = ["--stage", "extract", "--run-id", "stopped"];
    support::success(&mut world.run(&calm.display().to_string(), &extract))?;
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = held(&world)?;
        let slow = Fault { delay_ms: 20_000, ..Fault::new("/hubspot/crm/v3/objects/contacts", FaultKind::Slow) };
        world.faults(&[slow])?;
        let mut run = world.run(&lake.display().to_string(), &extract);
        let mut child = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        // In the middle of it: the sandbox holds an answer back.
        let started = Instant::now();
        while held(&world)? == before && child.try_wait()?.is_none() {
            if started.elapsed() > Duration::from_mins(1) {
                child.kill()?;
                return Err("the slow list was never asked for".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        support::success(Command::new("kill").args([format!("-{signal}"), child.id().to_string()]))?;
        let asked = Instant::now();
        let output = child.wait_with_output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(code) || !stderr.contains("stopped") || asked.elapsed() > Duration::from_secs(8)
        {
            let took = (asked - started, asked.elapsed());
            return Err(Failed::from(format!("SIG{signal}: {}, {took:?}: {stderr}", output.status)));
        }
    }
    world.faults(&[])?;
    support::success(&mut world.run(&lake.display().to_string(), &extract))?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)
}
