//! The first steps of a user: `init`, and what the READMEs show, word for word.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use super::{Shop, files};
use crate::support::{affluent, expect, fails, has, root, success};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::init_writes_a_pipeline_that_runs", init),
        Trial::test("commands::init_overwrites_nothing", init_again),
        Trial::test("commands::the_readme_runs_word_for_word", readme),
        Trial::test("commands::the_pipeline_reference_is_one_pipeline", reference),
        Trial::test("commands::the_model_of_the_sql_reference_is_built", model),
    ]
}

/// The text between fences of a kind (` ```yaml `), each block of it.
fn fenced(text: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks.into_iter().filter(|(of, _)| of == kind).map(|(_, block)| block).collect()
}

/// The commands among `lines`, as a shell runs them in `folder`, where `affluent` is the program under test.
fn in_shell(folder: &Path, lines: &str) -> Result<String, Failed> {
    let commands: Vec<&str> = lines.lines().map(str::trim).filter(|line| line.starts_with("affluent ")).collect();
    if commands.is_empty() {
        return Err(format!("there are no commands in\n{lines}").into());
    }
    let function = "affluent() { \"$AFFLUENT_UNDER_TEST\" \"$@\"; }";
    let script = format!("set -euo pipefail\n{function}\n{}", commands.join("\n"));
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder).env("AFFLUENT_UNDER_TEST", env!("CARGO_BIN_EXE_affluent"));
    success(shell.env_remove("AFFLUENT_LAKE"))
}

fn init() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let next = success(affluent(&["init", "shop"]).current_dir(folder.path()))?;
    has(&next, &["Wrote shop/pipeline.yaml", "affluent check", "affluent run", "affluent sql"])?;
    // What it says to do next is done as it says it.
    has(&in_shell(folder.path(), &next)?, &["no fault", "segment", "champions"])?;
    let orders = std::fs::read_to_string(folder.path().join("shop/data/orders.csv"))?;
    let buyers: BTreeSet<&str> = orders.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
    let people = "select sum(people) as people, (select count(*) from silver.orders) as orders from gold.rfm_segments";
    let lake = folder.path().join("shop/lake").display().to_string();
    let found = success(&mut affluent(&["sql", people, "--lake", &lake, "--format", "csv"]))?;
    let expected = format!("people,orders\n{},{}\n", buyers.len(), orders.lines().count() - 1);
    expect("people in segments, and orders", &found, &expected)
}

fn init_again() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let init = || {
        let mut command = affluent(&["init"]);
        command.current_dir(folder.path());
        command
    };
    success(&mut init())?;
    let mine = folder.path().join("pipeline.yaml");
    std::fs::write(&mine, "pipeline: mine\n")?;
    let before = files(folder.path())?;
    has(&fails(&mut init(), 2)?, &["pipeline.yaml is there already", "affluent init DIR"])?;
    expect("files after a second init", &files(folder.path())?, &before)?;
    // Neither is a half of it written where only its data is there.
    std::fs::remove_file(&mine)?;
    has(&fails(&mut init(), 2)?, &["data/orders.csv is there already"])?;
    expect("a pipeline beside data that were there", &mine.exists(), &false)
}

fn readme() -> Result<(), Failed> {
    let text = std::fs::read_to_string(root().join("README.md"))?;
    let (_, section) = text.split_once("## A pipeline of your own").ok_or("the section is not there")?;
    let pipeline = fenced(section, "yaml").into_iter().next().ok_or("no pipeline")?;
    let commands = fenced(section, "").into_iter().next().ok_or("no commands")?;
    has(&commands, &["affluent check", "affluent plan", "affluent run", "affluent sql"])?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("pipeline.yaml"), pipeline)?;
    let orders = "order_id,email,ordered_at,amount\n\
                  1,ada@mail.fr,2026-01-02T10:00:00Z,10.00\n2,bob@mail.fr,2026-02-03T10:00:00Z,20.50\n\
                  3,ada@mail.fr,2026-03-04T10:00:00Z,30.00\n";
    std::fs::write(folder.path().join("orders.csv"), orders)?;
    has(&in_shell(folder.path(), &commands)?, &["no fault", "first into", "first done", "segment"])?;
    let query =
        "select count(*) as people, sum(frequency) as orders, cast(sum(monetary) as varchar) as money from gold.rfm";
    let found = success(affluent(&["sql", query, "--format", "csv"]).current_dir(folder.path()))?;
    expect("the figures", &found.as_str(), &"people,orders,money\n2,3,60.5000\n")?;
    in_shell(folder.path(), "affluent schema > pipeline.schema.json")?;
    let schema = std::fs::read_to_string(folder.path().join("pipeline.schema.json"))?;
    has(&schema, &["\"silver\"", "\"$schema\""])
}

/// Its sources have accounts that nobody has here, so it is checked and planned, which asks no source.
fn reference() -> Result<(), Failed> {
    let text = std::fs::read_to_string(root().join("pipelines/README.md"))?;
    let folder = tempfile::tempdir()?;
    let blocks = fenced(&text, "yaml");
    std::fs::write(folder.path().join("pipeline.yaml"), blocks.concat())?;
    std::fs::create_dir(folder.path().join("models"))?;
    std::fs::write(folder.path().join("models/orders_by_channel.sql"), own_model()?)?;
    let commands = fenced(&text, "").into_iter().next().ok_or("no commands")?;
    let offline: Vec<&str> =
        commands.lines().filter(|line| !line.contains("--online") && !line.contains("affluent run")).collect();
    expect("commands that ask no source", &offline.len(), &3)?;
    let told = in_shell(folder.path(), &offline.join("\n"))?;
    has(
        &told,
        &["no fault (sources: 4", "crm360 into", "hubspot.contacts", "silver.persons", "gold.orders_by_channel"],
    )?;
    expect("a lake after check and plan", &folder.path().join("lake").exists(), &false)?;
    // The query that follows an id through the log of identities.
    let shop = Shop::loaded()?;
    let query = fenced(&text, "sql").into_iter().next().ok_or("no query")?;
    expect("an id that nothing became of", &shop.ask(&query)?.as_str(), &"p0f3a")
}

/// The model that the SQL reference writes.
fn own_model() -> Result<String, Failed> {
    let text = std::fs::read_to_string(root().join("sql/README.md"))?;
    let mut models = fenced(&text, "sql").into_iter().filter(|block| block.starts_with("/*"));
    models.next().ok_or_else(|| "the reference shows no model".into())
}

fn model() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.write("models/orders_by_channel.sql", &own_model()?)?;
    let marts = "{ folder: models, models: [orders_by_channel], parameters: { orders_by_channel: { smallest: 20 } } }";
    shop.change("marts:\n  models: [rfm, rfm_segments]\n", &format!("marts: {marts}\n"))?;
    shop.load(&[])?;
    let query = "select channel, orders, cast(net_amount as varchar) from gold.orders_by_channel order by 1";
    expect("orders of at least 20", &shop.ask(query)?.as_str(), &"shop,2,45.5000\nweb,4,213.0000")
}
