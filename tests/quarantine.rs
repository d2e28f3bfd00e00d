//! Rows that could not be used, and files that broke off: what is mended comes in, what was sound is not held back.

use std::fmt::Write;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::support::{affluent, output, success};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("quarantine::refused_csv_rows_come_back", || {
            come_back("orders.csv", "id,day,amount\n1,2026-01-02,10\n2,02/01/2026,n/a\n3,03/01/2026,12;5\n")
        }),
        Trial::test("quarantine::refused_json_rows_come_back", || {
            let lines = [("1", "2026-01-02", "10"), ("2", "02/01/2026", "n/a"), ("3", "03/01/2026", "12;5")]
                .map(|(id, day, amount)| format!(r#"{{"id":"{id}","day":"{day}","amount":"{amount}"}}"#));
            come_back("orders.ndjson", &format!("{}\n", lines.join("\n")))
        }),
        Trial::test("quarantine::a_changed_file_is_not_replayed", a_changed_file),
        Trial::test("quarantine::a_broken_file_holds_no_other_back", a_broken_file),
        Trial::test("quarantine::a_stream_loaded_anew_leaves_none_behind", loaded_anew),
    ]
}

const SOUND: &str = "day: string, amount: string";

/// A pipeline over `path` whose rows have an id and `columns`.
fn pipeline(folder: &Path, path: &str, columns: &str) -> Result<String, Failed> {
    let text = format!(
        "pipeline: kept\nlake: ./lake\ncurrency: EUR\nsources:\n  shop:\n    connector: files\n    with: {{ path: \"{path}\" }}\n    \
         streams:\n      orders: {{ key: [id], columns: {{ id: string, {columns} }} }}\nsilver:\n  orders:\n    \
         from: shop.orders\n    map: {{ order_id: id, ordered_at: \"date '2026-01-01'\", amount: '1', person: {{ id: id }} }}\n  persons: {{ from: [orders], match: none }}\n"
    );
    let file = folder.join("pipeline.yaml");
    std::fs::write(&file, text)?;
    Ok(file.display().to_string())
}

fn ask(lake: &str, query: &str) -> Result<String, Failed> {
    success(&mut affluent(&["sql", query, "--lake", lake, "--format", "csv"]))
}

fn equal(what: &str, found: &str, expected: &str) -> Result<(), Failed> {
    if found.trim() == expected { Ok(()) } else { Err(Failed::from(format!("{what}: {found:?}, not {expected:?}"))) }
}

/// Three rows: one fits, one fits when the day is declared as it is written, one never.
fn come_back(file: &str, text: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake").display().to_string();
    std::fs::write(folder.path().join(file), text)?;
    let strict = pipeline(folder.path(), file, "day: date, amount: string")?;
    success(&mut affluent(&["run", &strict, "-q"]))?;
    let rows = "select id, count(*) as n from bronze.shop_orders group by 1 order by 1";
    equal("the first load", &ask(&lake, rows)?, "id,n\n1,1")?;

    let mended = pipeline(folder.path(), file, "day: date(%d/%m/%Y), amount: string")?;
    let replay = |pipeline: &str| success(&mut affluent(&["quarantine", "replay", pipeline, "--json", "-q"]));
    equal("the replay", &replay(&mended)?, r#"{"status":"ok","tried":2,"left_quarantine":2,"still_in_it":0}"#)?;
    equal("bronze", &ask(&lake, rows)?, "id,n\n1,1\n2,1\n3,1")?;
    let day = "select cast(day as varchar) as day, count(distinct _extracted_at) over () as loads from bronze.shop_orders \
               order by 1 limit 1";
    equal("the instant of the load", &ask(&lake, day)?, "day,loads\n2026-01-02,1")?;
    equal("silver", &ask(&lake, "select count(*) as n from silver.orders")?, "n\n3")?;
    equal("a second replay", &replay(&mended)?, r#"{"status":"ok","tried":0,"left_quarantine":0,"still_in_it":0}"#)?;
    success(&mut affluent(&["run", &mended, "-q"]))?;
    equal("the next run", &ask(&lake, rows)?, "id,n\n1,1\n2,1\n3,1")
}

fn a_changed_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, "id,day,amount\n1,02/01/2026,1\n")?;
    let strict = pipeline(folder.path(), "orders.csv", "day: date, amount: string")?;
    success(&mut affluent(&["run", &strict, "-q", "--stage", "extract"]))?;
    std::fs::write(&file, "id,day,amount\n7,02/01/2026,1\n8,02/01/2026,1\n")?;
    let mended = pipeline(folder.path(), "orders.csv", "day: date(%d/%m/%Y), amount: string")?;
    let answer = success(&mut affluent(&["quarantine", "replay", &mended, "--json", "-q"]))?;
    equal("the replay", &answer, r#"{"status":"ok","tried":1,"left_quarantine":0,"still_in_it":1}"#)?;
    let lake = folder.path().join("lake").display().to_string();
    let reason = ask(&lake, "select reason from _affluent.quarantine")?;
    if reason.contains("changed after it was loaded") { Ok(()) } else { Err(Failed::from(reason)) }
}

/// Whole files before one that breaks off are kept, and the rest comes once it is mended.
fn a_broken_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut long = String::from("id,day,amount\n");
    for id in 0..400_000 {
        writeln!(long, "b{id},2026-01-01,1")?;
    }
    std::fs::write(folder.path().join("a.csv"), "id,day,amount\na1,2026-01-01,1\n")?;
    // Several pages of rows, and a quote that is never closed behind them.
    std::fs::write(folder.path().join("b.csv"), format!("{long}\"b,2026-01-01,1\n"))?;
    let pipeline = pipeline(folder.path(), "*.csv", SOUND)?;
    let lake = folder.path().join("lake").display().to_string();
    let first = output(&mut affluent(&["run", &pipeline, "-q", "--stage", "extract"]))?;
    let stderr = String::from_utf8_lossy(&first.stderr).into_owned();
    if first.status.success() || !stderr.contains("never closed") {
        return Err(Failed::from(format!("{}: {stderr}", first.status)));
    }
    let files = "select _file, count(*) as n from bronze.shop_orders group by 1 order by 1";
    equal("after the fault", &ask(&lake, files)?, "_file,n\na.csv,1")?;
    std::fs::write(folder.path().join("b.csv"), long)?;
    success(&mut affluent(&["run", &pipeline, "-q", "--stage", "extract"]))?;
    equal("when mended", &ask(&lake, files)?, "_file,n\na.csv,1\nb.csv,400000")
}

/// A full refresh takes the place of the table and of the stream's lines in the quarantine.
fn loaded_anew() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, "id,day,amount\n1,2026-01-02,1\n2,02/01/2026,1\n")?;
    let strict = pipeline(folder.path(), "orders.csv", "day: date, amount: string")?;
    success(&mut affluent(&["run", &strict, "-q"]))?;
    std::fs::write(&file, "id,day,amount\n1,2026-01-02,1\n2,2026-01-03,1\n")?;
    success(&mut affluent(&["run", &strict, "-q", "--full-refresh", "--select", "shop.orders"]))?;
    let lake = folder.path().join("lake").display().to_string();
    equal("bronze", &ask(&lake, "select count(*) as n from bronze.shop_orders")?, "n\n2")?;
    equal("the quarantine", &ask(&lake, "select count(*) as n from _affluent.quarantine")?, "n\n0")
}
