//! `maintain`: tables get quick to read, and nothing that is known of them gets lost.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use affluent_sandbox::Edit;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::{ensure_table_uri, open_table_with_version};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{MORE, Shop, files, untouched};
use crate::lakes::{self, RUN_LOG};
use crate::support::{affluent, expect, fails, has, success};
use crate::world::World;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::maintain_keeps_rows_cursor_and_marks", keeps),
        Trial::test("commands::maintain_keeps_the_cursor_of_an_api", keeps_of_an_api),
        Trial::test("commands::maintain_outlives_the_log_that_it_cleans", cleaned),
        Trial::test("commands::versions_within_the_retention_stay_readable", readable),
        Trial::test("commands::maintain_refuses_too_short_a_retention", refused),
    ]
}

const DAY: Duration = Duration::from_hours(24);

/// A shop with two loads, so that its tables have several files.
fn twice_loaded() -> Result<Shop, Failed> {
    let shop = Shop::loaded()?;
    shop.write("orders-2.csv", MORE)?;
    shop.load(&[])?;
    Ok(shop)
}

/// Makes files look as old as that.
fn age(paths: impl IntoIterator<Item = PathBuf>, days: u32) -> Result<(), Failed> {
    for path in paths {
        File::options().write(true).open(path)?.set_modified(SystemTime::now() - DAY * days)?;
    }
    Ok(())
}

fn maintained(shop: &Shop, more: &[&str]) -> Result<BTreeMap<String, Value>, Failed> {
    let answer = super::json(&mut shop.call(&[&["maintain", "pipeline.yaml", "--json"], more].concat()))?;
    let tables = answer["tables"].as_array().cloned().unwrap_or_default();
    Ok(tables.into_iter().map(|table| (table["table"].as_str().unwrap_or_default().to_owned(), table)).collect())
}

/// A run over what is there already must write nothing, and say so.
fn writes_nothing(shop: &Shop) -> Result<(), Failed> {
    let versions = shop.versions()?;
    let done = shop.load(&[])?;
    expect("versions after a run over the same", &shop.versions()?, &versions)?;
    let stages = &done["stages"];
    expect("rows read", &stages[0]["streams"][0]["read"], &json!(0))?;
    for entity in stages[1]["entities"].as_array().into_iter().flatten() {
        expect("an entity is unchanged", &entity["unchanged"], &json!(true))?;
    }
    for model in stages[2]["models"].as_array().into_iter().flatten() {
        expect("a model is unchanged", &model["status"], &json!("unchanged"))?;
    }
    Ok(())
}

fn keeps() -> Result<(), Failed> {
    let shop = twice_loaded()?;
    let rows = shop.rows()?;
    // What a run that was killed long ago left behind, and what one in progress writes.
    let table = shop.lake().join("bronze/shop_orders");
    let (left, young) = (table.join("part-left.snappy.parquet"), table.join("part-young.snappy.parquet"));
    std::fs::write(&left, "left")?;
    std::fs::write(&young, "young")?;
    age([left.clone()], 40)?;

    let told = untouched(&shop, "files after a dry run", || maintained(&shop, &["--dry-run"]))?;
    expect("what would be removed", &told["bronze.shop_orders"]["files_vacuumed"], &json!(1))?;
    let words = success(&mut shop.call(&["maintain", "pipeline.yaml", "--dry-run"]))?;
    has(&words, &["bronze.shop_orders", "nothing was changed (--dry-run)"])?;

    let done = maintained(&shop, &[])?;
    let bronze = &done["bronze.shop_orders"];
    let figures = ["files_before", "files_after", "files_vacuumed"].map(|name| bronze[name].as_u64());
    expect("files before, after and removed", &figures, &[Some(2), Some(1), Some(1)])?;
    expect("the old file and the young one", &(left.exists(), young.exists()), &(false, true))?;
    for table in ["bronze/shop_orders", "silver/orders", "silver/persons", "gold/rfm", "_affluent/quarantine", RUN_LOG]
    {
        let log = shop.lake().join(table).join("_delta_log");
        let checkpoint = files(&log)?.into_keys().any(|path| path.to_string_lossy().ends_with(".checkpoint.parquet"));
        expect(table, &(checkpoint, log.join("_last_checkpoint").exists()), &(true, true))?;
    }
    lakes::same(&rows, &shop.rows()?)?;
    writes_nothing(&shop)?;
    lakes::same(&rows, &shop.rows()?)?;

    shop.write("orders-3.csv", &MORE.replace("\n9,", "\n11,").replace("\n10,", "\n12,"))?;
    let more = shop.load(&[])?;
    let stream = &more["stages"][0]["streams"][0];
    expect("the new file alone", &[&stream["read"], &stream["written"]], &[&json!(2), &json!(2)])?;
    expect("orders", &shop.ask("select count(*) from silver.orders")?.as_str(), &"11")?;
    // Again and again, where there is little or nothing to do.
    maintained(&shop, &[])?;
    maintained(&shop, &[])?;
    writes_nothing(&shop)
}

fn keeps_of_an_api() -> Result<(), Failed> {
    let world = World::new(60)?;
    let lake = world.path("lake");
    let at = lake.display().to_string();
    let extract = || -> Result<Value, Failed> {
        let contacts = ["--stage", "extract", "--select", "hubspot.contacts", "--json", "-q"];
        Ok(super::json(&mut world.run(&at, &contacts))?["streams"][0].clone())
    };
    let edit = |id: &str, name: &str| {
        let set = [("lastname".to_owned(), name.to_owned())].into();
        // A day after the world's "now".
        world.edit(&[Edit {
            object: "contacts".to_owned(),
            id: id.to_owned(),
            at: 1_793_577_600_000,
            set,
            delete: false,
        }])
    };
    let ids: Vec<String> = world
        .records("hubspot", "contacts")?
        .iter()
        .filter(|record| record["deleted"].is_null())
        .filter_map(|record| record["id"].as_str().map(str::to_owned))
        .collect();
    extract()?;
    edit(&ids[0], "Martin")?;
    expect("the first change", &extract()?["written"], &json!(1))?;
    let rows = lakes::read(&lake)?;
    success(&mut affluent(&["maintain", "--lake", &at]))?;
    lakes::same(&rows, &lakes::read(&lake)?)?;
    expect("nothing new", &extract()?["written"], &json!(0))?;
    edit(&ids[1], "Durand")?;
    let more = extract()?;
    expect("a later change", &more["written"], &json!(1))?;
    expect("read by the cursor, not from the start", &(more["read"].as_u64() < Some(ids.len() as u64 / 2)), &true)
}

/// A month later the commits that wrote the rows are gone from the log, the marks are not.
fn cleaned() -> Result<(), Failed> {
    let shop = twice_loaded()?;
    let rows = shop.rows()?;
    maintained(&shop, &[])?;
    let versions = shop.versions()?;
    age(files(&shop.lake())?.into_keys(), 60)?;
    maintained(&shop, &[])?;
    let left = shop.versions()?;
    let fewer = |table: &str| left[table] < versions[table];
    expect("commits were cleaned away", &["bronze/shop_orders", "silver/orders", "gold/rfm"].map(fewer), &[true; 3])?;
    lakes::same(&rows, &shop.rows()?)?;
    writes_nothing(&shop)?;
    lakes::same(&rows, &shop.rows()?)
}

/// Makes the past of a table so many days older: what its log says of deletions, and its files.
fn let_days_pass(table: &Path, days: u32) -> Result<(), Failed> {
    for path in files(&table.join("_delta_log"))?.into_keys() {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut lines = Vec::new();
        for line in std::fs::read_to_string(&path)?.lines() {
            let mut action: Value = serde_json::from_str(line)?;
            if let Some(at) = action["remove"]["deletionTimestamp"].as_i64() {
                action["remove"]["deletionTimestamp"] = json!(at - DAY.as_millis() as i64 * i64::from(days));
            }
            lines.push(action.to_string());
        }
        std::fs::write(&path, lines.join("\n"))?;
    }
    age(files(table)?.into_keys().filter(|path| path.extension().is_some_and(|kind| kind == "parquet")), 100)
}

/// The rows of a table's version.
fn version(table: &Path, version: u64) -> Result<usize, Failed> {
    Runtime::new()?.block_on(async {
        let opened = open_table_with_version(ensure_table_uri(table.display().to_string())?, version).await?;
        // The rows themselves: their number stands in the log too.
        let rows = SessionContext::new().read_table(opened.table_provider().await?)?.collect().await?;
        Ok(rows.iter().map(arrow::array::RecordBatch::num_rows).sum())
    })
}

/// Files that a younger version needs are kept for as long as that version is within the retention, by every later
/// maintenance too.
fn readable() -> Result<(), Failed> {
    let shop = twice_loaded()?;
    let table = shop.lake().join("gold/rfm");
    expect("rows of the first version", &version(&table, 0)?, &4)?;
    let_days_pass(&table, 10)?;
    for _ in 0..3 {
        maintained(&shop, &[])?;
    }
    expect("rows of the first version, superseded 10 days ago", &version(&table, 0)?, &4)?;
    // A user who says so keeps them for less.
    let freed = super::json(&mut shop.call(&["maintain", "--retention-days", "7", "--json"]))?;
    let rfm = freed["tables"].as_array().into_iter().flatten().find(|table| table["table"] == "gold.rfm");
    expect("files removed", &rfm.map(|rfm| rfm["files_vacuumed"].as_u64() > Some(0)), &Some(true))?;
    expect("the first version can be read", &version(&table, 0).is_ok(), &false)?;
    expect("rows now", &shop.ask("select count(*) from gold.rfm")?.as_str(), &"5")?;
    writes_nothing(&shop)
}

fn refused() -> Result<(), Failed> {
    let shop = twice_loaded()?;
    shop.change("country: FR\n", "country: FR\nretention_days: 60\n")?;
    untouched(&shop, "files after what was refused", || {
        let six = fails(&mut shop.call(&["maintain", "--retention-days", "6"]), 2)?;
        has(&six, &["6 is not in 7..="])?;
        let less = fails(&mut shop.call(&["maintain", "pipeline.yaml", "--retention-days", "30"]), 2)?;
        has(&less, &["the pipeline keeps versions for 60 days", "change retention_days in the pipeline"])
    })?;
    shop.change("retention_days: 60", "retention_days: 6")?;
    has(&fails(&mut shop.call(&["check", "pipeline.yaml"]), 2)?, &["pipeline.yaml:6:17", "7 is the least"])
}
