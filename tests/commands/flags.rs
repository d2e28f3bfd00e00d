//! Flags that all commands, or several, have: what is told and how, variables, manifests, building anew.

use affluent_sandbox::HUBSPOT_TOKEN;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::Shop;
use crate::lakes;
use crate::support::{affluent, ends, expect, fails, has, success};
use crate::world::World;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::manifests_of_a_folder_are_run", connectors),
        Trial::test("commands::an_env_file_gives_what_is_not_set", env_file),
        Trial::test("commands::more_and_less_is_told", verbosity),
        Trial::test("commands::a_log_of_json_is_nothing_else", log_json),
        Trial::test("commands::a_pipe_gets_no_bars_and_no_colours", piped),
        Trial::test("commands::full_refresh_builds_silver_and_gold_anew", full_refresh),
    ]
}

/// A pipeline over a connector that comes with nothing but a folder.
const OWN: &str = "pipeline: own
lake: ./lake
sources:
  shop:
    connector: shop
    with: { url: \"{sandbox}/hubspot\", token: { env: SHOP_TOKEN } }
    streams: { contacts: {} }
silver:
  persons: { from: [shop.contacts], match: none }
";

fn connectors() -> Result<(), Failed> {
    let world = World::read_by(40, OWN)?;
    let [pipeline, mine, lake] = ["pipeline.yaml", "mine", "lake"].map(|name| world.path(name).display().to_string());
    success(&mut affluent(&["connectors", "new", "shop", "--connectors", &mine]))?;
    for command in ["check", "plan", "run", "test"] {
        has(&fails(&mut affluent(&[command, &pipeline]), 2)?, &["pipeline.yaml:5:16", "unknown connector `shop`"])?;
    }
    has(&success(&mut affluent(&["check", &pipeline, "--connectors", &mine]))?, &["no fault"])?;
    success(affluent(&["run", &pipeline, "--connectors", &mine, "-q"]).env("SHOP_TOKEN", HUBSPOT_TOKEN))?;
    let all = world.records("hubspot", "contacts")?.iter().filter(|record| record["deleted"].is_null()).count();
    let rows =
        success(&mut affluent(&["sql", "select count(*) from silver.persons", "--lake", &lake, "--format", "csv"]))?;
    expect("people", &rows.lines().nth(1), &Some(all.to_string().as_str()))?;
    let told =
        fails(&mut affluent(&["check", &pipeline, "--connectors", &world.path("none").display().to_string()]), 2)?;
    has(&told, &["none"])
}

fn env_file() -> Result<(), Failed> {
    let world = World::read_by(40, OWN)?;
    let [pipeline, mine, file] = ["pipeline.yaml", "mine", ".env"].map(|name| world.path(name).display().to_string());
    success(&mut affluent(&["connectors", "new", "shop", "--connectors", &mine]))?;
    std::fs::write(
        &file,
        format!(
            "# of the sandbox\nexport SHOP_TOKEN=\"{HUBSPOT_TOKEN}\"\nAFFLUENT_LAKE={}\n",
            world.path("lake").display()
        ),
    )?;
    let run = || affluent(&["run", &pipeline, "--connectors", &mine, "--stage", "extract", "--env-file", &file, "-q"]);
    success(run().env_remove("SHOP_TOKEN"))?;
    // What is set already wins.
    has(&fails(run().env("SHOP_TOKEN", "another"), 4)?, &["401"])?;
    let sql = ["--env-file", &file, "sql", "select count(*) > 0 as some from bronze.shop_contacts", "--format", "csv"];
    let rows = success(affluent(&sql).current_dir(world.path("")).env_remove("AFFLUENT_LAKE"))?;
    expect("rows of the lake that the file names", &rows.as_str(), &"some\ntrue\n")?;
    std::fs::write(&file, "SHOP_TOKEN\n")?;
    has(&fails(&mut run(), 2)?, &[".env:1: not a variable", "NAME=value"])
}

/// A run with these flags; what it told on stderr.
fn told(shop: &Shop, flags: &[&str]) -> Result<String, Failed> {
    let ended = ends(&mut shop.run(flags), 0)?;
    has(&String::from_utf8_lossy(&ended.stdout), &["shop done in"])?;
    Ok(String::from_utf8_lossy(&ended.stderr).into_owned())
}

const DETAIL: &str = "columns that are not declared are left out";

fn verbosity() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let orders = std::fs::read_to_string(shop.path("orders-1.csv"))?;
    // A column that the pipeline does not declare is worth a word, to those who ask.
    shop.write(
        "orders-1.csv",
        &orders.replace(",channel\n", ",channel,note\n").replace(",web\n", ",web,n\n").replace(",shop\n", ",shop,n\n"),
    )?;
    let anew = |flags: &[&str]| told(&shop, &[&["--full-refresh"], flags].concat());
    let usual = anew(&[])?;
    has(&usual, &["extract", "shop.orders", "silver.orders", "gold.rfm"])?;
    expect("lines without details", &usual.contains(DETAIL), &false)?;
    let more = anew(&["-v"])?;
    has(&more, &["INFO", DETAIL, "note", "silver.orders"])?;
    let most = anew(&["-vv"])?;
    has(&most, &[DETAIL])?;
    expect("-vv tells more than -v", &(most.lines().count() > more.lines().count()), &true)?;
    expect("-q", &anew(&["-q"])?.as_str(), &"")?;
    // Nothing but errors also where there is a remark, and errors all the same.
    shop.load(&["--run-id", "once"])?;
    has(&told(&shop, &["--run-id", "once"])?, &["run once did this stage before"])?;
    expect("-q of what was done", &told(&shop, &["--run-id", "once", "-q"])?.as_str(), &"")?;
    has(&fails(&mut shop.call(&["run", "nowhere.yaml", "-q"]), 2)?, &["error: nowhere.yaml", "hint: "])
}

/// Each line of a log is an object with a level and a message.
fn objects(stderr: &[u8]) -> Result<Vec<Value>, Failed> {
    let text = String::from_utf8_lossy(stderr);
    let parse = |line: &str| -> Result<Value, Failed> {
        let object: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let named = ["timestamp", "level", "message"].iter().all(|name| object[name].is_string());
        if named { Ok(object) } else { Err(format!("not a line of a log: {line}").into()) }
    };
    text.lines().map(parse).collect()
}

fn log_json() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let json_log = ["--log-format", "json"];
    let run = |more: &[&str]| shop.run(&[&json_log, more].concat());
    let lines = objects(&ends(&mut run(&["--run-id", "once"]), 0)?.stderr)?;
    let step = |name: &str| lines.iter().find(|line| line["step"] == name).cloned().unwrap_or_default();
    expect(
        "a stream",
        &[&step("shop.orders")["stage"], &step("shop.orders")["level"]],
        &[&json!("extract"), &json!("INFO")],
    )?;
    has(&step("shop.orders")["message"].to_string(), &["8 read 7 new", "1 to quarantine"])?;
    expect("a model", &step("gold.rfm")["stage"], &json!("marts"))?;
    // With details, with remarks, with failures of all kinds, by other commands.
    let details = objects(&ends(&mut run(&["-vv", "--full-refresh"]), 0)?.stderr)?;
    expect("details", &details.iter().any(|line| line["level"] == "DEBUG"), &true)?;
    let remark = objects(&ends(&mut run(&["--run-id", "once"]), 0)?.stderr)?;
    has(&remark[0]["message"].to_string(), &["did this stage before"])?;
    let failed = objects(&ends(&mut run(&["--select", "shop.ordres"]), 2)?.stderr)?;
    expect("one line for a failure", &failed.len(), &1)?;
    expect("its level and exit code", &[&failed[0]["level"], &failed[0]["exit_code"]], &[&json!("ERROR"), &json!(2)])?;
    has(&failed[0].to_string(), &["did you mean"])?;
    shop.change("country: FR", "contry: FR\ncurency: EUR")?;
    let faults = objects(&ends(&mut shop.call(&["check", "pipeline.yaml", "--log-format", "json"]), 2)?.stderr)?;
    expect("lines for a report of faults", &faults.len(), &1)?;
    has(&faults[0]["message"].to_string(), &["unknown key `contry`", "unknown key `curency`"])?;
    let refused = ends(&mut shop.call(&["sql", "drop table gold.rfm", "--log-format", "json"]), 2)?;
    expect("lines of another command", &objects(&refused.stderr)?.len(), &1)
}

fn piped() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let commands: [&[&str]; 6] = [
        &["run", "pipeline.yaml", "-v"],
        &["run", "pipeline.yaml", "--full-refresh", "--log-format", "json"],
        &["sql", "select * from gold.rfm"],
        &["sql", "selec"],
        &["check", "nowhere.yaml"],
        &["--help"],
    ];
    for command in commands {
        let ended = shop.call(command).env("TERM", "xterm-256color").env("COLORTERM", "truecolor").output()?;
        for (what, bytes) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
            let moved = bytes.iter().any(|byte| [0x1b, b'\r', 0x08].contains(byte));
            expect(&format!("{what} of {command:?} moves or colours"), &moved, &false)?;
        }
        expect("something was told", &(ended.stdout.len() + ended.stderr.len() > 20), &true)?;
    }
    // One line for each step, complete.
    let lines = told(&shop, &["--full-refresh"])?;
    for step in
        ["extract   shop.orders ", "transform silver.persons ", "transform silver.orders ", "marts     gold.rfm "]
    {
        let of = lines.lines().filter(|line| line.starts_with(step)).count();
        expect(step, &of, &1)?;
    }
    Ok(())
}

fn full_refresh() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let (rows, before) = (shop.rows()?, shop.versions()?);
    let grown = |before: &std::collections::BTreeMap<String, usize>| -> Result<Vec<String>, Failed> {
        let now = shop.versions()?;
        Ok(now
            .into_iter()
            .filter(|(table, commits)| before.get(table) != Some(commits))
            .map(|(table, _)| table)
            .collect())
    };
    shop.load(&["--stage", "transform"])?;
    expect("written again without a reason", &grown(&before)?, &Vec::new())?;
    let silver = shop.load(&["--stage", "transform", "--full-refresh"])?;
    let built: Vec<&Value> =
        silver["entities"].as_array().into_iter().flatten().map(|entity| &entity["unchanged"]).collect();
    expect("entities left alone", &built, &vec![&json!(false); 2])?;
    let tables =
        ["silver/orders", "silver/person_records", "silver/persons", "silver/review_queue"].map(str::to_owned).to_vec();
    expect("silver built anew", &grown(&before)?, &tables)?;
    lakes::same(&rows, &shop.rows()?)?;

    let before = shop.versions()?;
    shop.load(&["--stage", "marts", "--full-refresh", "--select", "gold.rfm_segments"])?;
    expect("the model that was selected", &grown(&before)?, &vec!["gold/rfm_segments".to_owned()])?;
    let before = shop.versions()?;
    let gold = shop.load(&["--stage", "marts", "--full-refresh"])?;
    let statuses: Vec<&Value> = gold["models"].as_array().into_iter().flatten().map(|model| &model["status"]).collect();
    expect("models built anew", &statuses.iter().all(|status| **status == "published"), &true)?;
    let tables: Vec<String> = grown(&before)?;
    expect("tables of gold", &(tables.len() > 1 && tables.iter().all(|table| table.starts_with("gold/"))), &true)?;
    lakes::same(&rows, &shop.rows()?)?;

    // Rows that another tool put there twice are gone when the table is built anew.
    super::history::doubled(&shop.lake().join("silver/orders"))?;
    expect("orders, doubled", &shop.ask("select count(*) from silver.orders")?.as_str(), &"14")?;
    shop.load(&["--stage", "transform", "--full-refresh", "--select", "silver.orders"])?;
    expect("orders, anew", &shop.ask("select count(*) from silver.orders")?.as_str(), &"7")?;
    lakes::same(&rows, &shop.rows()?)
}
