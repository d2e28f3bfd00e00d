//! The exit codes that a scheduler acts on, each by what really leads to it.

use std::time::{Duration, Instant};

use affluent_sandbox::{Fault, FaultKind};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{Shop, untouched};
use crate::lakes;
use crate::support::{affluent, ends, expect, fails, has, success};
use crate::world::World;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::a_server_that_stays_away_ends_with_75", unavailable),
        Trial::test("commands::a_wait_beyond_patience_is_told_at_once", asks_too_long),
        Trial::test("commands::a_refused_token_ends_with_4", refused),
        Trial::test("commands::wrong_usage_ends_with_2", usage),
    ]
}

const CONTACTS: [&str; 8] = ["--stage", "extract", "--select", "hubspot.contacts", "--run-id", "night", "--json", "-q"];

/// A run of the contacts while everything of HubSpot fails so; how long it took, and what it answered.
fn temporary(world: &World, fault: Fault) -> Result<(Duration, String), Failed> {
    let lake = world.path("lake");
    world.faults(&[fault])?;
    let began = Instant::now();
    let ended = ends(&mut world.run(&lake.display().to_string(), &CONTACTS), 75)?;
    let took = began.elapsed();
    let report: Value = serde_json::from_slice(&ended.stdout)?;
    expect("the exit code in the report", &report["exit_code"], &75.into())?;
    expect("tables of a stream that was never read", &lakes::read(&lake)?.keys().collect::<Vec<_>>(), &Vec::new())?;
    Ok((took, format!("{} {}", report["error"], report["hint"])))
}

/// When the server is back, the same run goes on as if nothing had been.
fn goes_on(world: &World) -> Result<(), Failed> {
    world.faults(&[])?;
    let lake = world.path("lake");
    success(&mut world.run(&lake.display().to_string(), &CONTACTS))?;
    let all = world.records("hubspot", "contacts")?.len();
    expect("rows", &lakes::read(&lake)?["bronze/hubspot_contacts"].len(), &all)
}

fn unavailable() -> Result<(), Failed> {
    let world = World::new(40)?;
    let (took, told) = temporary(&world, Fault::new("/hubspot", FaultKind::Unavailable))?;
    has(&told, &["hubspot.contacts", "503"])?;
    let tries = world.stats()?["faults"]["503"].as_u64();
    // It was tried again, for some seconds.
    expect("tries", &tries, &Some(6))?;
    expect("seconds, each try a second after the last", &(took > Duration::from_secs(5)), &true)?;
    goes_on(&world)
}

fn asks_too_long() -> Result<(), Failed> {
    let world = World::new(40)?;
    let fault = Fault { retry_after: 86_400, ..Fault::new("/hubspot", FaultKind::Unavailable) };
    let (_, told) = temporary(&world, fault)?;
    has(&told, &["hubspot.contacts", "asks to wait 86400 s, which is longer than a run waits", "run again later"])?;
    expect("tries", &world.stats()?["faults"]["503"].as_u64(), &Some(1))?;
    goes_on(&world)
}

fn refused() -> Result<(), Failed> {
    let world = World::new(40)?;
    let lake = world.path("lake").display().to_string();
    let mut run = world.run(&lake, &CONTACTS);
    let report: Value = serde_json::from_slice(&ends(run.env("SANDBOX_HUBSPOT_TOKEN", "open-sesame"), 4)?.stdout)?;
    expect("the exit code in the report", &report["exit_code"], &4.into())?;
    has(&report["error"].to_string(), &["hubspot.contacts", "401"])?;
    expect("requests with a token that is refused", &world.stats()?["faults"], &serde_json::json!({}))?;
    let pipeline = world.path("pipeline.yaml").display().to_string();
    let check = |token: &str, secret: &str| {
        let mut command = affluent(&["check", &pipeline, "--online"]);
        command.env("SANDBOX_HUBSPOT_TOKEN", token).env("SANDBOX_SALESFORCE_SECRET", secret);
        command
    };
    let good = (affluent_sandbox::HUBSPOT_TOKEN, affluent_sandbox::SALESFORCE_CLIENT_SECRET);
    let ended = ends(&mut check(good.0, good.1), 0)?;
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    has(&told, &["hubspot: lets us in", "salesforce: lets us in", "shop: lets us in"])?;
    has(&String::from_utf8_lossy(&ended.stdout), &["no fault"])?;
    // One that is refused does not keep the others from being asked, and all that refuse are told.
    let told = fails(&mut check("open-sesame", good.1), 4)?;
    has(&told, &["hubspot: ", "salesforce: lets us in", "hint: "])?;
    let told = fails(&mut check("open-sesame", "open-sesame"), 4)?;
    has(&told, &["hubspot: ", "salesforce: ", "shop: lets us in"])?;
    expect("hints, one for each that refuses", &told.matches("hint: ").count(), &2)?;
    expect("the secret in what is told", &told.contains("open-sesame"), &false)
}

fn usage() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let cases: [(&[&str], &[&str]); 12] = [
        (&[], &["Usage: affluent", "Commands:"]),
        (&["rnu", "pipeline.yaml"], &["unrecognized subcommand 'rnu'", "run"]),
        (&["run"], &["<PIPELINE>"]),
        (&["run", "pipeline.yaml", "--ful-refresh"], &["unexpected argument '--ful-refresh'", "--full-refresh"]),
        (&["run", "pipeline.yaml", "--stage", "load"], &["extract, transform, marts"]),
        (&["run", "nowhere.yaml"], &["nowhere.yaml", "affluent init"]),
        (&["run", "pipeline.yaml", "--select", "shop.ordres"], &["shop.ordres", "did you mean `shop.orders`"]),
        (&["run", "pipeline.yaml", "--as-of", "yesterday"], &["`yesterday` is not an instant", "2026-11-21"]),
        (&["run", "pipeline.yaml", "--memory-limit", "lots"], &["512MB"]),
        (&["run", "pipeline.yaml", "--run-id", ""], &["1 to 200 characters"]),
        (&["run", "pipeline.yaml", "-q", "-v"], &["cannot be used with"]),
        (&["runs", "--env-file", "nowhere.env"], &["nowhere.env"]),
    ];
    untouched(&shop, "files after wrong usage", || {
        for (arguments, says) in cases {
            let told = fails(&mut shop.call(arguments), 2)?;
            has(&told, says).map_err(|error| Failed::from(format!("{arguments:?}: {error:?}")))?;
        }
        Ok(())
    })
}
