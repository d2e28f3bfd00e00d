//! The examples run as their READMEs say, and their figures are those of independent computations.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::lakes;
use crate::support::{affluent, expect, python, root, success, where_there};

const CDNOW: &str = "examples/cdnow/pipeline.yaml";
const FEBRL: &str = "examples/febrl/pipeline.yaml";
const RFM_ORDERS: &str = "tests/data/rfm_orders/pipeline.yaml";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("examples::check", every_pipeline_is_right),
        Trial::test("examples::cdnow", cdnow),
        Trial::test("examples::febrl", febrl),
        Trial::test("examples::rfm_orders_by_the_r_variant", rfm_orders_by_the_r_variant),
        where_there("examples::cdnow_equals_pandas", python(&["pandas"]), "python3 with pandas", |python| {
            equals_pandas(&python, CDNOW, "examples/cdnow/cdnow_sample.txt", "1998-07-01", 6919)
        }),
        where_there("examples::rfm_orders_equal_pandas", python(&["pandas"]), "python3 with pandas", |python| {
            equals_pandas(&python, RFM_ORDERS, "tests/data/rfm_orders/rfm_orders.csv", "2006-12-31", 4906)
        }),
    ]
}

/// Runs the whole line of a pipeline into `lake`; its report.
pub(crate) fn run(pipeline: &str, lake: &Path, as_of: &str) -> Result<Value, Failed> {
    let lake = lake.to_string_lossy();
    let stdout = success(&mut affluent(&["run", pipeline, "--lake", &lake, "--as-of", as_of, "--json"]))?;
    Ok(serde_json::from_str(&stdout)?)
}

/// The rows of a query as CSV, without the header.
fn query(lake: &Path, sql: &str) -> Result<Vec<String>, Failed> {
    let stdout = success(&mut affluent(&["sql", sql, "--lake", &lake.to_string_lossy(), "--format", "csv"]))?;
    Ok(stdout.lines().skip(1).map(str::to_owned).collect())
}

fn every_pipeline_is_right() -> Result<(), Failed> {
    for pipeline in [CDNOW, FEBRL, RFM_ORDERS] {
        success(&mut affluent(&["check", pipeline]))?;
    }
    Ok(())
}

fn cdnow() -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    let first = run(CDNOW, lake.path(), "1998-07-01")?;
    expect("status", &first["status"], &"ok".into())?;
    let totals = "select count(*), sum(frequency), cast(sum(monetary) as varchar), \
                  count(*) filter (where segment = 'no_orders') from gold.rfm";
    let expected = vec!["2357,6919,244091.9400,0".to_owned()];
    expect("people, orders, dollars", &query(lake.path(), totals)?, &expected)?;
    // Buyers of January to March 1997, each a client in the month of the first order.
    let cohorts = "select sum(clients) from gold.retention_cohorts where month_number = 0";
    expect("people in cohorts", &query(lake.path(), cohorts)?, &vec!["2357".to_owned()])?;

    // Again, and from another folder: files are known by their place beside the pipeline, not by where the program stands.
    let versions = || {
        lakes::versions(lake.path()).map(|mut versions| {
            versions.remove(lakes::RUN_LOG);
            versions
        })
    };
    let before = versions()?;
    let pipeline = root().join(CDNOW).canonicalize()?;
    let arguments =
        ["run", &pipeline.to_string_lossy(), "--lake", &lake.path().to_string_lossy(), "--as-of", "1998-07-01"];
    success(affluent(&arguments).current_dir(lake.path()))?;
    expect("table versions after a run over the same inputs", &versions()?, &before)
}

fn febrl() -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    run(FEBRL, lake.path(), "2026-01-01")?;
    let evaluate = std::fs::read_to_string(root().join("examples/febrl/evaluate.sql"))?;
    let rows = query(lake.path(), &evaluate)?;
    let figures: Vec<f64> = rows.join(",").split(',').map(str::parse).collect::<Result<_, _>>()?;
    let [records, people, true_people, precision, recall, f1] = figures[..] else {
        return Err(format!("{rows:?}").into());
    };
    println!("febrl: {people} people of {records} records, precision {precision} recall {recall} F1 {f1}");
    expect("records", &records, &5000.0)?;
    expect("true people", &true_people, &2000.0)?;
    if precision < 0.999 || recall < 0.99 || f1 < 0.99 {
        return Err(format!("precision {precision} recall {recall} F1 {f1}").into());
    }
    let golden = "select count(*), count(distinct person_id) from silver.persons";
    expect("golden records", &query(lake.path(), golden)?, &vec![format!("{people},{people}")])
}

/// The counts that the R package `rfm` publishes for its own example data.
fn rfm_orders_by_the_r_variant() -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    run(RFM_ORDERS, lake.path(), "2006-12-31")?;
    let totals = query(lake.path(), "select count(*), sum(frequency) from gold.rfm")?;
    expect("people and orders", &totals, &vec!["995,4906".to_owned()])?;
    let counts = query(lake.path(), "select segment, count(*) from gold.rfm_r group by segment order by segment")?;
    let published = [
        "about_to_sleep,102",
        "at_risk,28",
        "cant_lose,47",
        "champions,35",
        "lost,148",
        "loyal,170",
        "need_attention,10",
        "new,104",
        "potential,342",
        "promising,9",
    ];
    expect("segments", &counts, &published.map(str::to_owned).to_vec())
}

/// Scores, cohorts and retention against a few lines of pandas over the file itself.
fn equals_pandas(python: &Path, pipeline: &str, file: &str, as_of: &str, orders: u64) -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    run(pipeline, lake.path(), as_of)?;
    let mut compare = std::process::Command::new(python);
    compare.arg(root().join("tests/interop/rfm.py")).arg(env!("CARGO_BIN_EXE_affluent"));
    compare.arg(lake.path()).arg(root().join(file)).arg(as_of).env("PYTHONDONTWRITEBYTECODE", "1");
    let compared: Value = serde_json::from_str(&success(&mut compare)?)?;
    println!("{pipeline}: {compared}");
    expect("orders compared", &compared["orders"], &orders.into())?;
    if compared["people"].as_u64() > Some(0)
        && compared["cohort_cells"].as_u64() > Some(0)
        && compared["months"].as_u64() > Some(0)
    {
        Ok(())
    } else {
        Err(format!("nothing was compared: {compared}").into())
    }
}
