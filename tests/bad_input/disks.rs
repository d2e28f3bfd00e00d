//! Disks that are full or take nothing, in every stage: the run fails plainly, says where and what to do, and nothing is lost.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use super::{ended, told};
use crate::lakes;
use crate::support;
use crate::world::{AS_OF, World};

pub(super) fn trials() -> Vec<Trial> {
    let needs = "the right to mount a tmpfs in a namespace of its own";
    vec![
        Trial::test("bad_input::a_file_size_limit_loses_nothing", file_size_limit),
        support::where_there("bad_input::a_full_disk_loses_nothing", mounts(), needs, |()| full_disk()),
        support::where_there("bad_input::a_disk_for_reading_alone", mounts(), needs, |()| read_only()),
        Trial::test("bad_input::a_lake_that_cannot_be_written", not_writable),
    ]
}

/// A lake whose disk takes no more of `program`: it fails plainly, at a table of `schemas`, then it goes on.
fn goes_on_after(program: &mut Command, schemas: &[&str], world: &World, lake: &Path) -> Result<(), Failed> {
    let output = support::output(program)?;
    let text = told(&output)?;
    let at_table = schemas.iter().any(|schema| text.contains(&format!("error: {schema}.")));
    if output.status.code() != Some(1) || !at_table || !text.contains("hint: make room where the lake lies") {
        return Err(Failed::from(format!("a full disk ended with {}, {schemas:?}:\n{text}", output.status)));
    }
    world.load(lake, 0)?;
    let calm = world.path("calm");
    world.load(&calm, 0)?;
    lakes::same(&lakes::read(&calm)?, &lakes::read(lake)?)
}

/// `bash -c script` with the program and its arguments as `"$@"`, started by `leader`.
fn in_shell(leader: &[&str], script: &str, run: &Command) -> Command {
    let words: Vec<&str> = leader.iter().copied().chain(["bash", "-c", script, "bash"]).collect();
    let mut shell = Command::new(words[0]);
    shell.args(&words[1..]).arg(run.get_program()).args(run.get_args());
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(support::root());
    shell
}

/// What starts a program among mounts of its own.
const UNSHARED: [&str; 2] = ["unshare", "--mount"];

/// Whether a mount of our own can be made.
fn mounts() -> Option<()> {
    let mut command = Command::new("unshare");
    let output = command.args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    output.is_ok_and(|output| output.status.success()).then_some(())
}

fn run(world: &World, lake: &Path, stage: &str) -> Command {
    world.run(&lake.display().to_string(), &["--run-id", "month-0", "--as-of", AS_OF[0], "--stage", stage])
}

/// No file may grow beyond 16 KiB: large tables cannot be written, small ones can.
fn file_size_limit() -> Result<(), Failed> {
    let world = World::new(100)?;
    let lake = world.path("lake");
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let run = world.run(&lake.display().to_string(), &["--run-id", "month-0", "--as-of", AS_OF[0]]);
    goes_on_after(&mut in_shell(&[], script, &run), &["bronze", "_affluent"], &world, &lake)
}

/// In each stage, the lake lies on a disk with so many KiB left; what fits is moved to a larger one, where the run goes on.
fn full_disk() -> Result<(), Failed> {
    let world = World::new(100)?;
    let small = world.path("small");
    std::fs::create_dir(&small)?;
    let mut before: Vec<&str> = Vec::new();
    for (stage, room, schemas) in [
        ("extract", 300, ["bronze", "_affluent"]),
        ("transform", 150, ["silver", "_affluent"]),
        ("transform", 8, ["silver", "_affluent"]),
        ("marts", 80, ["gold", "_affluent"]),
        ("marts", 4, ["gold", "_affluent"]),
    ] {
        if before.last() != Some(&stage) {
            before.push(stage);
        }
        let lake = world.path(&format!("lake-{stage}-{room}"));
        for done in &before[..before.len() - 1] {
            support::success(&mut run(&world, &lake, done))?;
        }
        let script = format!(
            "mount -t tmpfs none '{small}' && mkdir -p '{lake}' && cp -r '{lake}' '{small}/lake' \
             && used=$(df -k --output=used '{small}' | tail -n 1) && mount -o remount,size=$((used + {room}))k '{small}' || exit 9; \
             \"$@\"; code=$?; rm -r '{lake}' && cp -r '{small}/lake' '{lake}' || exit 9; exit $code",
            small = small.display(),
            lake = lake.display()
        );
        let mut filled = in_shell(&UNSHARED, &script, &run(&world, &small.join("lake"), stage));
        goes_on_after(&mut filled, &schemas, &world, &lake).map_err(|error| {
            Failed::from(format!("{stage} with {room} KiB: {}", error.message().unwrap_or_default()))
        })?;
    }
    Ok(())
}

/// A disk that is mounted for reading alone, which binds the superuser too: before there is a lake, and in every stage of one.
fn read_only() -> Result<(), Failed> {
    let world = World::new(20)?;
    let (lake, disk) = (world.path("lake"), world.path("disk"));
    std::fs::create_dir(&disk)?;
    std::fs::create_dir(&lake)?;
    let place = disk.join("lake").display().to_string();
    for stage in ["extract", "transform", "marts"] {
        let script = format!(
            "mount -t tmpfs none '{disk}' && cp -r '{lake}' '{disk}/lake' && mount -o remount,ro '{disk}' || exit 9; exec \"$@\"",
            disk = disk.display(),
            lake = lake.display()
        );
        let mut refused = in_shell(&UNSHARED, &script, &run(&world, &disk.join("lake"), stage));
        let says = [place.as_str(), "Read-only file system", "hint: mount the disk for writing"];
        ended(&support::output(&mut refused)?, 4, &says)
            .map_err(|error| Failed::from(format!("{stage}: {}", error.message().unwrap_or_default())))?;
        support::success(&mut run(&world, &lake, stage))?;
    }
    Ok(())
}

fn not_writable() -> Result<(), Failed> {
    let world = World::new(20)?;
    let locked = world.path("locked");
    std::fs::create_dir(&locked)?;
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555))?;
    let lake = locked.join("lake");
    let run = world.run(&lake.display().to_string(), &["--stage", "extract", "--select", "shop.exchange_rates"]);
    // For the superuser nothing is locked; a device that takes no files is, for everybody.
    let writable = std::fs::write(locked.join("probe"), "").is_ok();
    let (mut run, code) = if writable {
        (world.run("/dev/null/lake", &["--stage", "extract", "--select", "shop.exchange_rates"]), 1)
    } else {
        (run, 4)
    };
    let place = if writable { "/dev/null" } else { "locked" };
    ended(&support::output(&mut run)?, code, &[place]).map(drop)
}
