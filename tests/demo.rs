//! `affluent demo`, month after month: its figures are those of the lake and near the truth, and a seed makes one world.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::lakes;
use crate::support::{affluent, output, success};

const CUSTOMERS: &str = "300";

/// The named segments in the order of the grid, and people without order.
const SEGMENTS: [&str; 11] = [
    "champions",
    "loyal",
    "potential_loyalist",
    "new",
    "promising",
    "need_attention",
    "about_to_sleep",
    "at_risk",
    "cant_lose",
    "hibernating",
    "no_orders",
];

/// The demo's sources record no conversion, so there is no return on campaigns.
const KPIS: [&str; 15] = [
    "average_basket",
    "churn_rate",
    "click_rate",
    "clients",
    "clients_at_end",
    "clv",
    "csat",
    "lead_conversion_rate",
    "member_retention_rate",
    "new_clients",
    "nps",
    "open_rate",
    "people",
    "retention_rate",
    "revenue_net",
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("demo::two_months_hold_against_lake_and_truth", two_months),
        Trial::test("demo::a_seed_is_a_world_and_its_summary_says_so", seeds),
    ]
}

/// The command, into `lake`.
fn command(lake: &Path, more: &[&str]) -> std::process::Command {
    let lake = lake.display().to_string();
    let mut command = affluent(&["demo", "--customers", CUSTOMERS, "--lake", &lake]);
    command.args(more);
    command
}

/// The demo's next month in `lake`; what it answers.
pub(crate) fn month(lake: &Path, more: &[&str]) -> Result<Value, Failed> {
    Ok(serde_json::from_str(&success(command(lake, more).arg("--json"))?)?)
}

/// The one value of a query.
fn ask<T: FromStr>(lake: &Path, query: &str) -> Result<T, Failed> {
    let lake = lake.display().to_string();
    let answer = success(&mut affluent(&["sql", query, "--lake", &lake, "--format", "csv"]))?;
    let value = answer.lines().nth(1).unwrap_or_default();
    value.parse().map_err(|_| Failed::from(format!("{query} gives `{value}`")))
}

fn need(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(Failed::from(what.into())) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The value of a figure of `gold.kpis`.
fn kpi(figures: &Value, metric: &str) -> Option<f64> {
    list(&figures["kpis"]).iter().find(|kpi| kpi["metric"] == metric)?["value"].as_f64()
}

/// Rows written to bronze by stream.
fn written(figures: &Value) -> Vec<(String, u64)> {
    let streams = list(&figures["stages"][0]["streams"]).iter();
    streams
        .map(|one| (one["stream"].as_str().unwrap_or_default().to_owned(), one["written"].as_u64().unwrap_or(u64::MAX)))
        .collect()
}

fn two_months() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    let first = month(&lake, &[])?;
    holds(&lake, &first, 0)?;
    let second = month(&lake, &[])?;
    holds(&lake, &second, 1)?;
    let (before, after) = (written(&first), written(&second));
    need(before.len() == 15, format!("{before:?}"))?;
    for ((stream, before), (other, after)) in before.iter().zip(&after) {
        need(stream == other && after < before, format!("{stream}: {before} rows in month 0, {after} in month 1"))?;
    }
    let total = |rows: &[(String, u64)]| rows.iter().map(|(_, rows)| rows).sum::<u64>();
    need(total(&after) > 0 && total(&after) * 10 < total(&before), format!("{after:?} after {before:?}"))
}

/// The figures of a month against the truth, against the lake, and among themselves.
fn holds(lake: &Path, figures: &Value, month: u64) -> Result<(), Failed> {
    need(figures["status"] == "ok" && figures["month"] == month, figures.to_string())?;
    let count = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
    let people = &figures["people"];
    let [found, records, truth] = ["found", "records", "truth"].map(|key| count(&people[key]));
    need(if month == 0 { truth == 300 } else { truth > 300 }, people.to_string())?;
    need(found.abs_diff(truth) * 10 <= truth, people.to_string())?;
    let share = |key: &str| people[key].as_f64();
    need(share("precision") > Some(0.95) && share("recall") > Some(0.9), people.to_string())?;
    for (told, table) in [(found, "silver.persons"), (records, "silver.person_records"), (found, "gold.rfm")] {
        let there: u64 = ask(lake, &format!("select count(*) from {table}"))?;
        need(told == there, format!("{told} told, {table} has {there}"))?;
    }
    let segments = list(&figures["segments"]);
    need(segments.iter().map(|one| &one["segment"]).eq(SEGMENTS.iter()), figures["segments"].to_string())?;
    let sizes: Vec<u64> = segments.iter().map(|one| count(&one["people"])).collect();
    let (buyers, without) = sizes.split_at(10);
    need(sizes.iter().sum::<u64>() == found && without > &[0], figures["segments"].to_string())?;
    let names: Vec<&str> = list(&figures["kpis"]).iter().filter_map(|kpi| kpi["metric"].as_str()).collect();
    need(names == KPIS, format!("{names:?}"))?;
    need(names.iter().all(|name| kpi(figures, name).is_some_and(f64::is_finite)), figures["kpis"].to_string())?;
    need(kpi(figures, "people") == Some(found as f64), "people of gold.kpis")?;
    need(
        kpi(figures, "clients") == Some(buyers.iter().sum::<u64>() as f64),
        "clients are all but those without order",
    )?;
    let nps = list(&figures["kpis"]).iter().find(|kpi| kpi["metric"] == "nps").unwrap_or(&Value::Null);
    let [low, value, high] = ["low", "value", "high"].map(|key| nps[key].as_f64().unwrap_or(f64::NAN));
    need(low < value && value < high, nps.to_string())?;
    let revenue: f64 = ask(lake, "select sum(net_amount) from gold.revenue_by_segment")?;
    let told = kpi(figures, "revenue_net").unwrap_or(f64::NAN);
    need(revenue > 0.0 && (told - revenue).abs() < 1e-3, format!("{told} told, {revenue} in gold"))?;
    let models = list(&figures["stages"][2]["models"]);
    need(models.len() == 17 && models.iter().all(|model| model["status"] == "published"), format!("{models:?}"))
}

fn seeds() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let [one, again, other] = ["one", "again", "other"].map(|name| folder.path().join(name));
    let first = month(&one, &[])?;
    let text = success(&mut command(&again, &[]))?;
    // The shop's files lie in each lake, and a row without key is known by its file.
    let made = |lake: &Path| lakes::read_without(lake, &["record_id"]).map(lakes::made);
    lakes::same(&made(&one)?, &made(&again)?)?;
    summarised(&text, &first, &again)?;

    let second = month(&other, &["--seed", "2"])?;
    for key in ["segments", "kpis"] {
        need(first[key] != second[key], format!("seed 2 has the {key} of seed 1: {}", second[key]))?;
    }
    let names =
        |figures: &Value| list(&figures["kpis"]).iter().map(|kpi| kpi["metric"].to_string()).collect::<BTreeSet<_>>();
    need(names(&first) == names(&second), "other figures")?;
    // A lake goes on with the customers that it began with.
    let refused = output(&mut command(&one, &["--seed", "2"]))?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    need(refused.status.code() == Some(2) && told.contains("go on with --customers 300 --seed 1"), told)?;
    let text = success(&mut command(&other, &["--seed", "2"]))?;
    let again = format!("affluent demo --lake {} --customers 300 --seed 2", other.display());
    need(text.contains("Records new or changed this month") && text.contains(&again), text)
}

/// The text of a first month says what its JSON does.
fn summarised(text: &str, figures: &Value, lake: &Path) -> Result<(), Failed> {
    let people = &figures["people"];
    let tests: u64 = list(&figures["stages"][2]["models"]).iter().filter_map(|model| model["tests"].as_u64()).sum();
    let mut parts = vec![
        "Records loaded\n".to_owned(),
        format!(
            "People         {} records → {} people (true: {})",
            people["records"], people["found"], people["truth"]
        ),
        format!("Marts          17 tables published, {tests} tests passed"),
        "\nRFM segments\n".to_owned(),
        "\nKPIs\n".to_owned(),
        format!("\nTables: {}/gold (Delta)", lake.display()),
        format!("affluent demo --lake {} --customers 300  ", lake.display()),
    ];
    let line = |words: &[String]| {
        let has = |line: &&str| line.split_whitespace().take(words.len()).eq(words.iter().map(String::as_str));
        text.lines().any(|text| has(&text))
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for segment in list(&figures["segments"]) {
        rows.push(vec![segment["segment"].as_str().unwrap_or_default().to_owned(), segment["people"].to_string()]);
    }
    for kpi in list(&figures["kpis"]) {
        let value = kpi["value"].as_f64().unwrap_or(f64::NAN);
        let name = kpi["metric"].as_str().unwrap_or_default().to_owned();
        match kpi["unit"].as_str() {
            Some("percent") => rows.push(vec![name, format!("{value:.1}"), "%".to_owned()]),
            Some("people") => rows.push(vec![name, format!("{value:.0}")]),
            Some("points") => rows.push(vec![name, format!("{value:.1}"), "to".to_owned(), "date".to_owned()]),
            _ => parts.push(format!("  {name} ")),
        }
    }
    let few = written(figures).into_iter().filter(|(_, rows)| *rows < 1_000);
    rows.extend(few.map(|(stream, written)| vec![stream, written.to_string()]));
    need(rows.len() > 30, format!("{rows:?}"))?;
    let missing: Vec<&String> = parts.iter().filter(|part| !text.contains(part.as_str())).collect();
    let without: Vec<&Vec<String>> = rows.iter().filter(|row| !line(row)).collect();
    need(missing.is_empty() && without.is_empty(), format!("not said: {missing:?} {without:?}\n{text}"))
}
