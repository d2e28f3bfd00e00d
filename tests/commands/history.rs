//! What was done and how it stands: `runs`, `state`, `quarantine`, `test`.

use std::path::Path;

use arrow::array::RecordBatch;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::protocol::SaveMode;
use deltalake::{ensure_table_uri, open_table};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Shop, untouched};
use crate::lakes;
use crate::support::{affluent, ends, expect, fails, has, success};
use crate::world::World;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::runs_lists_each_stage", runs),
        Trial::test("commands::state_is_shown_and_reset", state),
        Trial::test("commands::a_stream_of_files_is_not_reset_by_mistake", state_of_files),
        Trial::test("commands::quarantine_shows_row_reason_and_place", quarantine),
        Trial::test("commands::test_tells_a_gold_table_that_was_spoilt", test),
        Trial::test("commands::an_empty_place_is_told", no_lake),
    ]
}

fn runs() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.load(&["--run-id", "first"])?;
    shop.write("orders-2.csv", "order_id,when\n9,today\n")?;
    fails(&mut shop.run(&["--run-id", "second"]), 1)?;
    let listed = super::json(&mut shop.call(&["runs", "--json"]))?;
    let listed: Vec<Vec<&str>> = listed["runs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|run| ["run_id", "stage", "status"].map(|name| run[name].as_str().unwrap_or_default()).to_vec())
        .collect();
    let expected = [
        ["second", "extract", "failed"],
        ["first", "marts", "ok"],
        ["first", "transform", "ok"],
        ["first", "extract", "ok"],
    ];
    expect("stages, newest first", &listed, &expected.map(|run| run.to_vec()).to_vec())?;
    let table = success(&mut shop.call(&["runs", "--limit", "1"]))?;
    has(&table, &["status", "second", "extract", "failed"])?;
    expect("a heading and one stage", &table.lines().count(), &2)
}

fn state() -> Result<(), Failed> {
    let world = World::new(60)?;
    let lake = world.path("lake");
    let at = lake.display().to_string();
    let extract =
        || super::json(&mut world.run(&at, &["--stage", "extract", "--select", "hubspot.contacts", "--json", "-q"]));
    extract()?;
    let shown = || super::json(&mut affluent(&["state", "show", "--lake", &at, "--json"]));
    let cursor = shown()?["streams"][0]["cursor"]["at"].clone();
    has(cursor.as_str().ok_or("the cursor has no instant")?, &["2026-"])?;
    let table = success(&mut affluent(&["state", "show", "--lake", &at]))?;
    has(&table, &["bronze.hubspot_contacts", cursor.as_str().unwrap_or_default()])?;

    let rows = lakes::read(&lake)?;
    let followed = extract()?["streams"][0]["read"].as_u64().unwrap_or(u64::MAX);
    let answer = super::json(&mut affluent(&["state", "reset", "hubspot.contacts", "--lake", &at, "--json"]))?;
    expect("the cursor that was", &answer["was"]["at"], &cursor)?;
    expect("the cursor after a reset", &shown()?["streams"][0]["cursor"], &Value::Null)?;
    has(&success(&mut affluent(&["state", "show", "--lake", &at]))?, &["none: from the start"])?;
    let again = extract()?["streams"][0].clone();
    let held = rows["bronze/hubspot_contacts"].len() as u64;
    expect(
        "read from the start, and nothing written",
        &(&again["read"], &again["written"]),
        &(&json!(held), &json!(0)),
    )?;
    expect("what a run that follows its cursor reads is less", &(followed < held), &true)?;
    expect("the cursor in the end", &shown()?["streams"][0]["cursor"]["at"], &cursor)?;
    lakes::same(&rows, &lakes::read(&lake)?)?;
    let slip = fails(&mut affluent(&["state", "reset", "hubspot.contcts", "--lake", &at]), 2)?;
    has(&slip, &["did you mean", "hubspot_contacts"])
}

fn state_of_files() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    has(&success(&mut shop.call(&["state", "show"]))?, &["bronze.shop_orders", "1 files, the last orders-1.csv"])?;
    untouched(&shop, "files after a reset that was refused", || {
        let told = fails(&mut shop.call(&["state", "reset", "shop.orders"]), 2)?;
        has(&told, &["would stand in bronze twice", "--select shop.orders --full-refresh", "--force"])
    })
}

fn quarantine() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let listed = super::json(&mut shop.call(&["quarantine", "list", "--format", "json"]))?;
    let row = &listed[0];
    expect("rows in quarantine", &listed.as_array().map(Vec::len), &Some(1))?;
    expect("its stream and stage", &[&row["stream"], &row["stage"]], &[&json!("shop.orders"), &json!("extract")])?;
    expect(
        "its place and column",
        &[&row["position"], &row["column_name"]],
        &[&json!("orders-1.csv:5"), &json!("amount")],
    )?;
    has(row["reason"].as_str().unwrap_or_default(), &["12;5"])?;
    has(row["raw"].as_str().unwrap_or_default(), &["cleo@mail.fr", "12;5"])?;
    let list = |more: &[&str]| success(&mut shop.call(&[&["quarantine", "list"], more].concat()));
    has(&list(&[])?, &["orders-1.csv:5", "12;5", "1 row"])?;
    has(&list(&["--stream", "shop.orders", "--format", "csv"])?, &["orders-1.csv:5"])?;
    expect("rows of another stream", &list(&["--stream", "shop.others"])?.trim(), &"no row is in quarantine")?;
    expect(
        "no row at most",
        &list(&["--limit", "0", "--format", "json"])?.split_whitespace().collect(),
        &"[]".to_owned(),
    )
}

/// Appends the rows of a table to itself, as another tool might by mistake.
pub(super) fn doubled(table: &Path) -> Result<(), Failed> {
    Runtime::new()?.block_on(async {
        let opened = open_table(ensure_table_uri(table.display().to_string())?).await?;
        let rows: Vec<RecordBatch> =
            SessionContext::new().read_table(opened.table_provider().await?)?.collect().await?;
        opened.write(rows).with_save_mode(SaveMode::Append).await?;
        Ok(())
    })
}

fn test() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let test = |more: &[&str]| shop.call(&[&["test", "pipeline.yaml"], more].concat());
    has(&success(&mut test(&[]))?, &[" tests, 0 failed"])?;
    let sound = shop.rows()?;
    doubled(&shop.lake().join("gold/rfm"))?;
    let ended = ends(&mut test(&[]), 3)?;
    has(
        &String::from_utf8_lossy(&ended.stdout),
        &["failed: gold.rfm: unique (person_id) (4 rows", "failed: gold.rfm: person_id: unique"],
    )?;
    has(&String::from_utf8_lossy(&ended.stderr), &["data tests failed"])?;
    let answer: Value = serde_json::from_slice(&ends(&mut test(&["--json"]), 3)?.stdout)?;
    expect("the status", &answer["status"], &json!("failed"))?;
    expect("the table", &answer["failures"][0]["table"], &json!("gold.rfm"))?;
    // Built anew it is what it was.
    shop.load(&["--stage", "marts", "--full-refresh"])?;
    success(&mut test(&[]))?;
    lakes::same(&sound, &shop.rows()?)?;
    // What the pipeline demands more than the tables hold, and a table that is not there.
    shop.change("marts:\n", "expectations: { gold.rfm: { tests: [{ min_rows: 100 }] } }\n\nmarts:\n")?;
    let ended = ends(&mut test(&[]), 3)?;
    has(&String::from_utf8_lossy(&ended.stdout), &["failed: gold.rfm:", "100", "rows_found=4"])?;
    shop.change("[rfm, rfm_segments]", "[rfm, rfm_segments, retention]")?;
    shop.change("min_rows: 100", "min_rows: 4")?;
    has(&fails(&mut test(&[]), 1)?, &["not built yet: gold.retention", "run the pipeline first"])
}

/// Commands on a lake where there is none, which is told by all in the same words.
fn no_lake() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let commands: [&[&str]; 6] = [
        &["runs"],
        &["state", "show"],
        &["state", "reset", "shop.orders"],
        &["quarantine", "list"],
        &["maintain"],
        &["sql", "select 1"],
    ];
    untouched(&shop, "files after looks at nothing", || {
        for command in commands {
            has(&fails(&mut shop.call(command), 2)?, &["there is no lake at", "--lake"])?;
        }
        has(&fails(&mut shop.call(&["test", "pipeline.yaml"]), 1)?, &["not built yet: gold.rfm"])
    })
}
