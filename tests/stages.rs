//! What a stage does again, builds anew or holds back, and what it does not.

use std::path::PathBuf;
use std::sync::Arc;

use affluent_engine::Lake;
use affluent_engine::lake::{Mark, WriteMode, location};
use affluent_spec::TableName;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{affluent, output, root, success};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("stages::a_model_that_fails_hides_no_other", a_model_that_fails),
        Trial::test("stages::a_new_test_is_run_on_an_unchanged_model", a_new_test),
        Trial::test("stages::a_test_may_read_what_no_model_reads", a_test_of_other_tables),
        Trial::test("stages::a_test_that_cannot_run_is_told_by_check", tests_that_cannot_run),
        Trial::test("stages::a_full_refresh_of_silver_replaces_the_table", silver_anew),
        Trial::test("stages::plan_tells_no_step_that_is_not_due", steps_that_are_due),
    ]
}

/// A shop with its orders and the clients of a CRM, and models of its own.
struct Shop {
    folder: TempDir,
}

const PIPELINE: &str = "pipeline: shop
lake: ./lake
currency: EUR
sources:
  shop:
    connector: files
    streams:
      orders: { path: \"orders-*.csv\", key: [id], columns: { id: string, client: string, channel: string, amount: 'decimal(18,4)' } }
      channels: { path: channels.csv, key: [code], columns: { code: string, family: string } }
      clients: { path: clients.csv, key: [id], columns: { id: string, name: string } }
      tickets: { path: tickets.csv, key: [id], columns: { id: string, client: string } }
silver:
  orders:
    from: shop.orders
    map: { order_id: id, ordered_at: \"timestamp '2026-01-01 10:00:00'\", channel: channel, amount: amount, person: { of: shop.clients, id: client } }
    enrich: {ENRICH}
  tickets:
    from: shop.tickets
    map: { ticket_id: id, opened_at: \"timestamp '2026-01-01 10:00:00'\", person: { of: shop.clients, id: client } }
  persons: { from: [{ stream: shop.clients, map: { last_name: name } }], match: none }
marts: { models: [MODELS], folder: models }
";
const LOOKED_UP: &str = "{ family: { from: shop.channels, on: { channel: code }, take: family } }";

impl Shop {
    fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("orders-1.csv", "id,client,channel,amount\no1,c1,web,10\no2,c2,fair,20\n")?;
        write("channels.csv", "code,family\nweb,online\nfair,offline\n")?;
        write("clients.csv", "id,name\nc1,Ada\nc2,Ben\n")?;
        write("tickets.csv", "id,client\nt1,c1\n")?;
        std::fs::create_dir(folder.path().join("models"))?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lake(&self) -> String {
        self.path("lake").display().to_string()
    }

    /// A model of its own.
    fn model(&self, name: &str, column: &str, query: &str) -> Result<(), Failed> {
        let text = format!(
            "/*\nmodel: gold.{name}\ndescription: d\ncolumns:\n  {column}: {{ description: d }}\n*/\n{query}\n"
        );
        Ok(std::fs::write(self.path(&format!("models/{name}.sql")), text)?)
    }

    /// Its pipeline with these models, and more of the file.
    fn pipeline(&self, models: &[&str], enrich: &str, more: &str) -> Result<String, Failed> {
        let text = PIPELINE.replace("{ENRICH}", enrich).replace("MODELS", &models.join(", "));
        let file = self.path("pipeline.yaml");
        std::fs::write(&file, text + more)?;
        Ok(file.display().to_string())
    }

    /// One run; its exit code and what it answers.
    fn run(&self, pipeline: &str, id: &str, more: &[&str]) -> Result<(Option<i32>, Value), Failed> {
        let lake = self.lake();
        let mut run =
            affluent(&["run", pipeline, "--lake", &lake, "--run-id", id, "--as-of", "2026-06-01", "--json", "-q"]);
        let output = output(run.args(more))?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let answer = serde_json::from_str(&stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let answer = answer.map_err(|error| Failed::from(format!("{error}: {stdout}\n{stderr}")))?;
        Ok((output.status.code(), answer))
    }

    fn ask(&self, query: &str) -> Result<String, Failed> {
        let answer = success(&mut affluent(&["sql", query, "--lake", &self.lake(), "--format", "csv"]))?;
        Ok(answer.trim().to_owned())
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(Failed::from(format!("{what}: {found:?}, not {expected:?}"))) }
}

/// `name: status` of the models in an answer.
fn statuses(answer: &Value) -> Vec<String> {
    let stages = answer["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let models = stages.iter().flat_map(|stage| stage["models"].as_array().map(Vec::as_slice).unwrap_or_default());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    models.map(|model| format!("{}: {}", text(&model["model"]), text(&model["status"]))).collect()
}

fn a_model_that_fails() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.model("before", "orders", "select count(*) as orders from silver.orders")?;
    // The ids are no numbers: only the rows tell.
    shop.model("failing", "number", "select cast(order_id as bigint) as number from silver.orders")?;
    shop.model("needing", "number", "select number from gold.failing")?;
    shop.model("other", "tickets", "select count(*) as tickets from silver.tickets")?;
    let pipeline = shop.pipeline(&["before", "failing", "needing", "other"], "{}", "")?;
    let (code, answer) = shop.run(&pipeline, "one", &[])?;
    equal("the exit code", &code, &Some(1))?;
    let told: Vec<String> = ["before: published", "failing: failed", "needing: skipped", "other: published"]
        .map(|line| format!("gold.{line}"))
        .to_vec();
    equal("the answer", &statuses(&answer), &told)?;
    let log = shop.ask("select report from _affluent.runs where stage = 'marts' and status = 'failed'")?;
    for model in ["gold.before", "gold.other"] {
        if !log.contains(model) {
            return Err(Failed::from(format!("the run log does not name {model}: {log}")));
        }
    }
    equal("gold.other", &shop.ask("select tickets from gold.other")?, &"tickets\n1".to_owned())
}

fn a_new_test() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.model("counts", "orders", "select count(*) as orders from silver.orders")?;
    let pipeline = shop.pipeline(&["counts"], "{}", "")?;
    equal("the first run", &shop.run(&pipeline, "one", &[])?.0, &Some(0))?;
    equal(
        "the same again",
        &statuses(&shop.run(&pipeline, "two", &[])?.1),
        &vec!["gold.counts: unchanged".to_owned()],
    )?;
    let strict = shop.pipeline(&["counts"], "{}", "expectations:\n  gold.counts: { tests: [{ min_rows: 5 }] }\n")?;
    let (code, answer) = shop.run(&strict, "three", &[])?;
    equal("the statuses", &statuses(&answer), &vec!["gold.counts: test_failed".to_owned()])?;
    equal("the exit code", &code, &Some(3))
}

/// Tables that no model reads, one of them not even built by this pipeline, and a model that is built after the one under test.
fn a_test_of_other_tables() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.model("first", "channel", "select distinct channel from silver.orders")?;
    shop.model("second", "code", "select distinct channel as code from silver.orders")?;
    let expectations = "expectations:
  silver.orders:
    tests: [{ no_rows: \"select * from silver.orders where person_record_id not in (select record_id from silver.person_records)\" }]
  gold.first:
    columns: { channel: [{ references: gold.second.code }] }
    tests: [{ no_rows: \"select * from silver.deals\" }]
";
    let pipeline = shop.pipeline(&["first"], "{}", expectations)?;
    let (code, answer) = shop.run(&pipeline, "one", &[])?;
    let told = ["gold.second: published", "gold.first: published"].map(str::to_owned).to_vec();
    equal("the models", &statuses(&answer), &told)?;
    equal("the exit code", &code, &Some(0))
}

fn tests_that_cannot_run() -> Result<(), Failed> {
    let shop = Shop::new()?;
    shop.model("first", "channel", "select distinct channel from silver.orders")?;
    shop.model("second", "channel", "select channel from gold.first")?;
    let cases = [
        ("gold.first: { columns: { chanel: [not_null] } }", "has no column `chanel`"),
        ("gold.first: { columns: { channel: [{ references: silver.order.channel }] } }", "no table `silver.order`"),
        ("gold.first: { columns: { channel: [{ references: silver.orders.chanel }] } }", "no column `chanel`"),
        ("gold.first: { tests: [{ no_rows: \"select * from gold.frst\" }] }", "no table `gold.frst`"),
        ("gold.first: { tests: [{ no_rows: \"selct 1\" }] }", "no_rows"),
        ("gold.first: { tests: [{ no_rows: \"select * from gold.second\" }] }", "in a circle"),
        ("silver.orders: { tests: [{ no_rows: \"select * from gold.first\" }] }", "no table `gold.first`"),
        ("silver.orders: { tests: [{ unique: [numbr] }] }", "no column `numbr`"),
    ];
    for (line, words) in cases {
        let pipeline = shop.pipeline(&["first", "second"], "{}", &format!("expectations:\n  {line}\n"))?;
        let checked = output(&mut affluent(&["check", &pipeline]))?;
        let stderr = String::from_utf8_lossy(&checked.stderr);
        if checked.status.code() != Some(2) || !stderr.contains(words) {
            return Err(Failed::from(format!("{line}: {}: {stderr}", checked.status)));
        }
    }
    Ok(())
}

/// A table of silver whose `order_id` is of another type, as an older release might have left it.
fn of_another_type(lake: &str) -> Result<(), Failed> {
    let lake = Lake::at(location(lake, &root())?);
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let records: ArrayRef = Arc::new(StringArray::from(vec!["shop.orders:o1"]));
    let rows = RecordBatch::try_from_iter([("record_id", records), ("order_id", ids)])?;
    Runtime::new()?.block_on(async {
        let name = TableName::silver("orders");
        let before = lake.table(&name).await?;
        let mut stager = lake.stager(&name, rows.schema())?;
        stager.write(&rows).await?;
        lake.commit(before.as_ref(), stager.finish().await?, WriteMode::Replace, Some(Mark::default())).await?;
        Ok(())
    })
}

fn silver_anew() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let columns = || {
        let of = "select column_name from information_schema.columns";
        shop.ask(&format!("{of} where table_schema = 'silver' and table_name = 'orders'"))
    };
    let with = shop.pipeline(&[], LOOKED_UP, "")?;
    equal("the first run", &shop.run(&with, "one", &[])?.0, &Some(0))?;
    let families = shop.ask("select family from silver.orders order by 1")?;
    equal("what was looked up", &families, &"family\noffline\nonline".to_owned())?;
    let without = shop.pipeline(&[], "{}", "")?;
    let anew = ["--full-refresh", "--select", "silver.orders"];
    let (_, answer) = shop.run(&without, "two", &anew)?;
    let entities = answer["stages"].as_array().into_iter().flatten().filter_map(|stage| stage["entities"].as_array());
    let changed: Vec<&Value> = entities.flatten().map(|entity| &entity["changed"]).collect();
    equal("the rows written", &changed, &vec![&Value::from(2)])?;
    if columns()?.contains("family") {
        return Err(Failed::from(format!("a column that was dropped is still there: {}", columns()?)));
    }
    of_another_type(&shop.lake())?;
    let (code, answer) = shop.run(&without, "three", &[])?;
    if code != Some(1) || !answer.to_string().contains("full refresh") {
        return Err(Failed::from(format!("another type: {code:?} {answer}")));
    }
    equal("the refresh", &shop.run(&without, "four", &anew)?.0, &Some(0))?;
    equal("the orders", &shop.ask("select order_id from silver.orders order by 1")?, &"order_id\no1\no2".to_owned())
}

/// New orders are no reason to look at tickets again, whose persons are as they were.
fn steps_that_are_due() -> Result<(), Failed> {
    let shop = Shop::new()?;
    let pipeline = shop.pipeline(&[], "{}", "")?;
    equal("the first run", &shop.run(&pipeline, "one", &[])?.0, &Some(0))?;
    std::fs::write(shop.path("orders-2.csv"), "id,client,channel,amount\no3,c1,web,5\n")?;
    equal("more orders", &shop.run(&pipeline, "two", &["--stage", "extract"])?.0, &Some(0))?;
    let answer = success(&mut affluent(&["plan", &pipeline, "--as-of", "2026-06-01", "--json"]))?;
    let answer: Value = serde_json::from_str(&answer)?;
    let steps = answer["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let silver = steps.iter().filter(|step| step["stage"] == "transform");
    let due = silver.filter(|step| step["because"].as_array().is_some_and(|because| !because.is_empty()));
    let due: Vec<&str> = due.filter_map(|step| step["name"].as_str()).collect();
    equal("what is due", &due, &vec!["silver.orders"])
}
