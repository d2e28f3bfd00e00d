//! What may befall a lake from outside: damaged logs, strange files, another place, another pipeline, a clock that goes back.
//! Either it changes nothing, or it is told plainly and nothing is lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::lakes;
use crate::support;
use crate::world::{AS_OF, World};

pub(crate) fn trials() -> Vec<Trial> {
    let compiler = Command::new("cc").arg("--version").output().is_ok_and(|output| output.status.success());
    vec![
        Trial::test("lake_faults::a_damaged_log_is_told_and_can_be_made_anew", damaged),
        Trial::test("lake_faults::a_table_made_anew_is_read_anew", made_anew),
        Trial::test("lake_faults::strange_files_change_nothing", strangers),
        Trial::test("lake_faults::a_lake_that_was_moved_goes_on", moved),
        Trial::test("lake_faults::a_table_belongs_to_one_pipeline", two_pipelines),
        support::where_there(
            "lake_faults::a_clock_that_goes_back_changes_nothing",
            (cfg!(target_os = "linux") && compiler).then_some(()),
            "a C compiler on Linux",
            |()| clock_goes_back(),
        ),
    ]
}

/// A folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    support::success(Command::new("cp").arg("-r").args([from, to])).map(drop)
}

/// The file of a table's newest commit.
fn newest_commit(table: &Path) -> Result<PathBuf, Failed> {
    let entries = std::fs::read_dir(table.join("_delta_log"))?.collect::<Result<Vec<_>, _>>()?;
    let commits =
        entries.into_iter().map(|entry| entry.path()).filter(|path| path.extension() == Some("json".as_ref()));
    commits.max().ok_or_else(|| Failed::from(format!("{} has no commit", table.display())))
}

fn again(world: &World, lake: &Path) -> Command {
    world.run(&lake.display().to_string(), &["--run-id", "again", "--as-of", AS_OF[0]])
}

/// A copy that broke off leaves a part of a log's file, or nothing of it.
fn damaged() -> Result<(), Failed> {
    let world = World::new(40)?;
    let calm = world.path("calm");
    world.load(&calm, 0)?;
    let expected = lakes::read(&calm)?;
    for (table, bytes) in [
        ("bronze/shop_campaign_costs", 300),
        ("bronze/hubspot_contacts", 0),
        ("silver/campaigns", 0),
        ("silver/deals", 1_000),
        ("gold/rfm", 300),
    ] {
        let lake = world.path(&table.replace('/', "-"));
        copy(&calm, &lake)?;
        let folder = lake.join(table);
        std::fs::File::options().write(true).open(newest_commit(&folder)?)?.set_len(bytes)?;
        let fault = |what: &str, text: &str| Failed::from(format!("{table} cut to {bytes} bytes: {what}:\n{text}"));

        let output = support::output(&mut again(&world, &lake))?;
        let told = String::from_utf8_lossy(&output.stderr);
        let name = table.replace('/', ".");
        let plain = told.contains(&format!("error: {name}: ")) && told.contains("hint: a file of its log is damaged");
        if output.status.code() != Some(1) || !plain || told.contains("panicked") {
            return Err(fault(&format!("ended with {}", output.status), &told));
        }
        // The other tables are none the worse for it.
        let sql =
            |query: &str| support::affluent(&["sql", query, "--lake", &lake.display().to_string(), "--format", "csv"]);
        let people = support::success(&mut sql("select count(*) from silver.persons"))?;
        if people.lines().nth(1) != Some(expected["silver/persons"].len().to_string().as_str()) {
            return Err(fault("people", &people));
        }
        let output = support::output(&mut sql(&format!("select * from {name}")))?;
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(1) || !told.contains(&format!("{name} cannot be read")) {
            return Err(fault("asked for by sql", &told));
        }
        // What the hint says.
        std::fs::rename(&folder, world.path("away"))?;
        support::success(&mut again(&world, &lake))?;
        std::fs::remove_dir_all(world.path("away"))?;
        lakes::same(&expected, &lakes::read(&lake)?)
            .map_err(|error| fault("made anew", error.message().unwrap_or_default()))?;
    }
    Ok(())
}

/// A table that is moved away after its source has changed begins at the version that those read from it know: they are built again
/// nonetheless.
fn made_anew() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    let file = folder.path().join("a.csv");
    let run = || -> Result<(), Failed> {
        let mut run = shop(folder.path(), "first", "shop", "a.csv")?;
        support::success(&mut run).map(drop)
    };
    write_orders(&file, 2)?;
    run()?;
    write_orders(&file, 5)?;
    std::fs::rename(lake.join("bronze/shop_orders"), folder.path().join("away"))?;
    run()?;
    let versions = lakes::versions(&lake)?;
    let rows = lakes::read(&lake)?;
    let counts = ["bronze/shop_orders", "silver/orders", "gold/rfm"].map(|table| rows[table].len());
    if versions["bronze/shop_orders"] == 1 && counts == [5, 5, 5] {
        Ok(())
    } else {
        Err(Failed::from(format!("5 orders of 5 people expected everywhere: {counts:?}, {versions:?}")))
    }
}

/// Files of other programs beside a table's own, in its folder, its log and the lake.
fn strangers() -> Result<(), Failed> {
    let world = World::new(40)?;
    let (calm, lake) = (world.path("calm"), world.path("lake"));
    world.load(&calm, 0)?;
    copy(&calm, &lake)?;
    for table in ["bronze/hubspot_contacts", "silver/persons", "gold/rfm"] {
        let folder = lake.join(table);
        let stray = std::fs::read_dir(&folder)?.flatten().find(|entry| entry.path().is_file());
        let stray = stray.ok_or_else(|| Failed::from(format!("{table} has no file")))?;
        std::fs::copy(stray.path(), folder.join("copy-of-a-file.parquet"))?;
        for name in
            ["notes.txt", "_delta_log/notes.txt", "_delta_log/.DS_Store", "_delta_log/00000000000000000001.json.tmp"]
        {
            std::fs::write(folder.join(name), "{ not a commit")?;
        }
        std::fs::create_dir_all(folder.join("sub/folder"))?;
    }
    std::fs::write(lake.join("silver/notes.txt"), "no table")?;
    std::fs::create_dir_all(lake.join("gold/a folder"))?;
    std::fs::create_dir_all(lake.join("gold/half_made/_delta_log"))?;
    world.move_to(1)?;
    world.load(&calm, 1)?;
    world.load(&lake, 1)?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)
}

/// Nothing in a lake says where it lies.
fn moved() -> Result<(), Failed> {
    let world = World::new(40)?;
    let (calm, lake) = (world.path("calm"), world.path("lake"));
    world.load(&calm, 0)?;
    world.load(&lake, 0)?;
    let other = world.path("an other place/é");
    std::fs::create_dir_all(&other)?;
    let elsewhere = other.join("lake");
    std::fs::rename(&lake, &elsewhere)?;
    let before = lakes::versions(&elsewhere)?;
    support::success(&mut again(&world, &elsewhere))?;
    let after = lakes::versions(&elsewhere)?;
    let grown: Vec<_> = after.iter().filter(|(table, commits)| before.get(*table) != Some(commits)).collect();
    if grown.iter().any(|(table, _)| table.as_str() != lakes::RUN_LOG) {
        return Err(Failed::from(format!("nothing is new, and yet these were written: {grown:?}")));
    }
    world.move_to(1)?;
    world.load(&calm, 1)?;
    world.load(&elsewhere, 1)?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&elsewhere)?)
}

/// Orders, each of another person; no two files have a person in common.
fn write_orders(file: &Path, people: usize) -> Result<(), Failed> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let lines = (1..=people).map(|n| format!("{n},{n}@{name}.example,2024-01-0{n}T10:00:00Z,5.00\n"));
    let text: String = std::iter::once("order_id,email,ordered_at,amount\n".to_owned()).chain(lines).collect();
    Ok(std::fs::write(file, text)?)
}

/// A run of a pipeline over the orders of a file in `folder`, into the lake there.
fn shop(folder: &Path, pipeline: &str, source: &str, file: &str) -> Result<Command, Failed> {
    let path = folder.join(format!("{pipeline}.yaml"));
    let text = include_str!("lake_faults/shop.yaml");
    std::fs::write(&path, text.replace("{pipeline}", pipeline).replace("{source}", source).replace("{file}", file))?;
    Ok(support::affluent(&["run", &path.display().to_string(), "--as-of", "2024-06-01", "-q"]))
}

/// Two pipelines over one lake that both make persons, or read another file into one table of bronze: the second is refused, and
/// what the first made stays; what they do not share both may write; a table goes to another pipeline by a full refresh alone.
fn two_pipelines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    write_orders(&folder.path().join("a.csv"), 2)?;
    write_orders(&folder.path().join("b.csv"), 3)?;
    let run = |pipeline: &str, source: &str, file: &str, more: &[&str]| -> Result<_, Failed> {
        support::output(shop(folder.path(), pipeline, source, file)?.args(more))
    };
    let refused = |output: std::process::Output, table: &str| -> Result<(), Failed> {
        let told = String::from_utf8_lossy(&output.stderr);
        let plain =
            told.contains(&format!("error: {table} belongs to pipeline `first`")) && told.contains("a lake of its own");
        if output.status.code() == Some(2) && plain {
            Ok(())
        } else {
            Err(Failed::from(format!("{table}: ended with {}: {told}", output.status)))
        }
    };
    let done = |output: std::process::Output| {
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(())
        } else {
            Err(Failed::from(format!("ended with {}: {told}", output.status)))
        }
    };
    done(run("first", "shop", "a.csv", &[])?)?;
    let first = lakes::read(&lake)?;
    // Another source, the same silver.
    refused(run("second", "web", "b.csv", &[])?, "silver.persons")?;
    // The same source by name, with other rows.
    refused(run("third", "shop", "b.csv", &[])?, "bronze.shop_orders")?;
    let mut now = lakes::read(&lake)?;
    let web = now.remove("bronze/web_orders").map(|rows| rows.len());
    if web != Some(3) {
        return Err(Failed::from(format!("what the pipelines do not share was not written: {web:?} rows")));
    }
    lakes::same(&first, &now)?;
    done(run("first", "shop", "a.csv", &["--run-id", "again"])?)?;
    // Handed over, it is the other's.
    done(run("second", "web", "b.csv", &["--full-refresh"])?)?;
    done(run("second", "web", "b.csv", &[])?)?;
    let people = lakes::read(&lake)?["gold/rfm"].len();
    let output = run("first", "shop", "a.csv", &[])?;
    let told = String::from_utf8_lossy(&output.stderr);
    if people == 3 && output.status.code() == Some(2) && told.contains("belongs to pipeline `second`") {
        Ok(())
    } else {
        Err(Failed::from(format!("{people} people; the first pipeline ended with {}: {told}", output.status)))
    }
}

/// The second month is loaded by a machine whose clock is two days behind, the third run by one that is right again.
fn clock_goes_back() -> Result<(), Failed> {
    let world = World::new(40)?;
    let shim = world.path("clock_back.so");
    let source = world.path("clock_back.c");
    std::fs::write(&source, include_str!("lake_faults/clock_back.c"))?;
    support::success(Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).arg("-ldl"))?;
    let (calm, lake) = (world.path("calm"), world.path("lake"));
    world.load(&calm, 0)?;
    world.load(&lake, 0)?;
    world.move_to(1)?;
    world.load(&calm, 1)?;
    let mut behind = world.run(&lake.display().to_string(), &["--run-id", "month-1", "--as-of", AS_OF[1], "--json"]);
    support::success(behind.env("LD_PRELOAD", &shim).env("CLOCK_BACK", "172800"))?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)?;
    let log = ["sql", "select run_id from _affluent.runs order by started_at limit 1", "--format", "csv", "--lake"];
    let first = support::success(support::affluent(&log).arg(&lake))?;
    if first.lines().nth(1) != Some("month-1") {
        return Err(Failed::from(format!("the clock did not go back: the run that began first is {first}")));
    }
    let mut right = world.run(&lake.display().to_string(), &["--run-id", "right", "--as-of", AS_OF[1]]);
    support::success(&mut right)?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(&lake)?)
}
