//! SQL that a user writes: queries at the prompt, models and mappings that fail on the rows they meet.

use std::process::Output;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::{MORE, Shop, untouched};
use crate::support::{ends, expect, fails, has, success};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("commands::sql_writes_each_format", formats),
        Trial::test("commands::sql_tells_what_is_wrong", wrong),
        Trial::test("commands::sql_changes_nothing", changes),
        Trial::test("commands::a_model_that_fails_on_its_rows_is_told_at_its_line", failing_models),
        Trial::test("commands::a_mapping_that_fails_on_its_rows_is_named", failing_mapping),
        Trial::test("commands::an_expectation_that_fails_on_its_rows_is_named", failing_expectation),
    ]
}

/// Values that are hard to write down.
const HARD: &str = "select 'a \"b\", c' as text, cast(12.50 as decimal(8,2)) as money, cast(null as varchar) as nothing, \
                    true as yes, timestamp '2026-11-21T10:00:00' as at, 3 as n union all \
                    select e'two\nlines', cast(-1 as decimal(8,2)), 'x', false, null, null order by n";

fn formats() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let ask = |query: &str, format: &str| success(&mut shop.call(&["sql", query, "--format", format]));
    let csv = "text,money,nothing,yes,at,n\n\"a \"\"b\"\", c\",12.50,,true,2026-11-21T10:00:00,3\n\"two\nlines\",-1.00,x,false,,\n";
    expect("CSV", &ask(HARD, "csv")?.as_str(), &csv)?;
    let rows: Value = serde_json::from_str(&ask(HARD, "json")?)?;
    let expected = json!([
        { "text": "a \"b\", c", "money": 12.5, "nothing": null, "yes": true, "at": "2026-11-21T10:00:00", "n": 3 },
        { "text": "two\nlines", "money": -1.0, "nothing": "x", "yes": false, "at": null, "n": null },
    ]);
    expect("JSON", &rows, &expected)?;
    has(&ask(HARD, "table")?, &["| text", "12.50", "2 rows"])?;
    let none = "select order_id from silver.orders where false";
    expect("CSV of no rows", &ask(none, "csv")?.as_str(), &"order_id\n")?;
    expect("JSON of no rows", &serde_json::from_str::<Value>(&ask(none, "json")?)?, &json!([]))?;
    has(&ask(none, "table")?, &["order_id", "0 rows"])?;
    has(&fails(&mut shop.call(&["sql", none, "--format", "xml"]), 2)?, &["table", "csv", "json"])?;
    // The query itself may come by stdin, and from a table of gold that is named alone.
    let mut piped = std::process::Command::new("bash");
    let script = "echo 'select count(*) as people from rfm' | \"$0\" sql - --format csv";
    piped.args(["-c", script, env!("CARGO_BIN_EXE_affluent")]).current_dir(shop.folder.path());
    expect("by stdin", &success(&mut piped)?.as_str(), &"people\n4\n")
}

fn wrong() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let cases: [(&str, i32, &[&str]); 13] = [
        ("selec 1", 2, &["query:1:1: Expected: an SQL statement, found: selec"]),
        ("select a from", 2, &["query:1:1: Expected: identifier, found: EOF"]),
        ("select order_id,, amount from silver.orders", 2, &["query:1:17: Expected: an expression, found: ,"]),
        ("select * from gold.rmf", 2, &["there is no table `gold.rmf`", "did you mean `gold.rfm`?"]),
        ("select * from customers", 2, &["there is no table `gold.customers`", "known: "]),
        ("select segmnt from gold.rfm", 2, &["query:1:8: no column `segmnt` here", "did you mean `segment`?"]),
        (
            "select r.pople from gold.rfm_segments r",
            2,
            &["query:1:10: no column `pople` here", "did you mean `people`?"],
        ),
        ("select nope(1)", 2, &["Invalid function 'nope'"]),
        ("select sum(segment) from gold.rfm", 2, &["Function 'sum' failed to match any signature"]),
        ("", 2, &["there is no query", "write one `select`"]),
        ("select 1; select 2", 2, &["one query is answered at a time"]),
        (
            "select 1 / (people - people) from gold.rfm_segments",
            1,
            &["query:1:8: Divide by zero error", "nullif(divisor, 0)"],
        ),
        (
            "select cast(channel as int) from silver.orders",
            1,
            &["query:1:13: Cast error: Cannot cast string '", "`try_cast`"],
        ),
    ];
    untouched(&shop, "files after queries", || {
        for (query, code, says) in cases {
            let ended = ends(&mut shop.call(&["sql", query]), code)?;
            let stderr = String::from_utf8_lossy(&ended.stderr);
            has(&stderr, says).map_err(|error| Failed::from(format!("{query}: {error:?}")))?;
            expect("rows beside an error", &ended.stdout.is_empty(), &true)?;
            // One error and its hint, not the insides of the engine.
            let insides = ["DataFusion", "Diagnostic", "backtrace", "ParserError(", "SchemaError"];
            let found = insides.iter().find(|word| stderr.contains(**word));
            expect(&stderr, &found, &None)?;
        }
        Ok(())
    })
}

fn changes() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let out = shop.path("out");
    let (copy, external) = (
        format!("copy (select 1) to '{}/copy.csv'", out.display()),
        format!("create external table t stored as csv location '{}/t.csv'", out.display()),
    );
    let statements = [
        "drop table gold.rfm",
        "drop view gold.rfm",
        "create table gold.mine as select 1 as a",
        "create view gold.mine as select 1 as a",
        "create schema mine",
        "insert into gold.rfm_segments select * from gold.rfm_segments",
        "insert into gold.rfm (person_id) values ('p1')",
        "delete from gold.rfm",
        "update gold.rfm set segment = 'x'",
        "truncate table gold.rfm",
        "set datafusion.execution.batch_size = 1",
        "copy gold.rfm to 'rfm.csv'",
        copy.as_str(),
        external.as_str(),
    ];
    let rows = shop.rows()?;
    untouched(&shop, "files after statements that change", || {
        for statement in statements {
            let told = fails(&mut shop.call(&["sql", statement]), 2)?;
            let says = ["are refused: the lake is written by `affluent run` alone", "write one `select`"];
            has(&told, &says).map_err(|error| Failed::from(format!("{statement}: {error:?}")))?;
        }
        expect("a place outside of the lake", &out.exists(), &false)?;
        Ok(())
    })?;
    crate::lakes::same(&rows, &shop.rows()?)
}

/// A model whose SQL begins in line 8 of its file.
fn model(name: &str, column: &str, expression: &str) -> String {
    format!(
        "/*\nmodel: gold.{name}\ndescription: for a test\ngrain: [order_id]\ncolumns:\n  order_id: {{ description: the order }}\n\
         */\nselect\n  order_id,\n  {expression} as {column}\nfrom silver.orders\n"
    )
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn failing_models() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.write("models/shares.sql", &model("shares", "share", "100 / cast(amount as bigint)"))?;
    shop.write("models/numbers.sql", &model("numbers", "number", "cast(order_id as int)"))?;
    shop.write("models/after.sql", &model("after", "share", "1").replace("silver.orders", "gold.shares"))?;
    shop.change("[rfm, rfm_segments]", "[rfm, shares, numbers, after]\n  folder: models")?;
    shop.load(&[])?;
    let (versions, rows) = (shop.versions()?, shop.rows()?);

    // An amount that is 0 when cut, and an order whose number is none.
    shop.write("orders-2.csv", &MORE.replace("99.00", "0.40").replace("\n10,", "\nten,"))?;
    let ended = ends(&mut shop.run(&["-q"]), 1)?;
    let told = stderr(&ended);
    let shares = "models/shares.sql:10:3: gold.shares cannot be built: Divide by zero error";
    let numbers = "models/numbers.sql:10:8: gold.numbers cannot be built: Cast error: Cannot cast string 'ten'";
    has(&told, &[shares, "10 |   100 / cast(amount as bigint) as share", "nullif(divisor, 0)"])?;
    has(&told, &[numbers, "`try_cast` gives null", "gold.after was not built: gold.shares was not published"])?;
    let after = shop.rows()?;
    for table in ["shares", "numbers", "after"].map(|table| format!("gold/{table}")) {
        expect(&table, &shop.versions()?.get(&table), &versions.get(&table))?;
        expect(&table, &after.get(&table), &rows.get(&table))?;
    }
    // What does not read them is built, and the report tells all of it.
    expect("people", &shop.ask("select count(*) from gold.rfm")?.as_str(), &"5")?;
    let report: Value = serde_json::from_slice(&ends(&mut shop.run(&["--stage", "marts", "--json", "-q"]), 1)?.stdout)?;
    let statuses: Vec<String> = report["models"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|model| format!("{} {}", model["model"], model["status"]).replace('"', ""))
        .collect();
    for status in ["gold.rfm unchanged", "gold.shares failed", "gold.numbers failed", "gold.after skipped"] {
        has(&statuses.join("\n"), &[status])?;
    }
    expect("the exit code in the report", &report["exit_code"], &json!(1))?;

    // Mended as the hints say, the same run comes through.
    shop.write("models/shares.sql", &model("shares", "share", "100 / nullif(cast(amount as bigint), 0)"))?;
    shop.write("models/numbers.sql", &model("numbers", "number", "try_cast(order_id as int)"))?;
    shop.load(&[])?;
    let shares = "select count(*), count(share) from gold.shares";
    expect("orders, and those with a share", &shop.ask(shares)?.as_str(), &"9,8")
}

fn failing_mapping() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.change("amount: \"decimal(12,2)\"", "amount: string")?;
    shop.change("amount: amount,", "amount: \"cast(amount as decimal(12,2))\",")?;
    let told = fails(&mut shop.run(&["-q"]), 1)?;
    has(&told, &["silver.orders cannot be built", "12;5", "by the mapping `amount: ", "of shop.orders"])?;
    expect("a table of orders", &shop.lake().join("silver/orders").exists(), &false)?;
    shop.change("cast(amount as decimal(12,2))", "try_cast(amount as decimal(12,2))")?;
    shop.load(&[])?;
    expect("orders", &shop.ask("select count(*) from silver.orders")?.as_str(), &"7")
}

fn failing_expectation() -> Result<(), Failed> {
    let shop = Shop::loaded()?;
    let versions = shop.versions()?;
    let test = "no_rows: \"select 1 / (people - people) as nothing from gold.rfm_segments\"";
    shop.change(
        "marts:\n",
        &format!("expectations: {{ gold.rfm_segments: {{ tests: [{{ {test} }}] }} }}\n\nmarts:\n"),
    )?;
    let told = fails(&mut shop.run(&["--stage", "marts", "--full-refresh", "-q"]), 1)?;
    has(&told, &["gold.rfm_segments: the test `no_rows` cannot run", "ivide by zero"])?;
    let segments = "gold/rfm_segments";
    expect("versions of what was not tested", &shop.versions()?.get(segments), &versions.get(segments))?;
    has(
        &fails(&mut shop.call(&["test", "pipeline.yaml"]), 1)?,
        &["gold.rfm_segments: the test `no_rows` cannot run", "ivide by zero"],
    )
}
