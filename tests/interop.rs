//! Silver and gold open in readers not written here, with the same rows and sums as `affluent sql` gives.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support::{python, root, success, where_there};
use crate::{demo, examples, lakes};

const PACKAGES: &[&str] = &["deltalake", "polars", "duckdb", "pyarrow"];

pub(crate) fn trials() -> Vec<Trial> {
    let there = || python(PACKAGES);
    let what = "python3 with deltalake, polars, duckdb and pyarrow";
    vec![where_there("interop::demo", there(), what, two_months), where_there("interop::cdnow", there(), what, cdnow)]
}

fn two_months(python: PathBuf) -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    demo::month(lake.path(), &[])?;
    demo::month(lake.path(), &[])?;
    // Silver of the second month is what was merged into that of the first.
    let merged = lakes::versions(lake.path())?;
    for table in ["silver/persons", "silver/orders", "gold/rfm"] {
        if merged.get(table) != Some(&2) {
            return Err(format!("{table} does not have two versions: {merged:?}").into());
        }
    }
    readers_agree(&python, lake.path(), &["silver/persons", "silver/orders", "gold/rfm", "gold/kpis"])
}

fn cdnow(python: PathBuf) -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    examples::run("examples/cdnow/pipeline.yaml", lake.path(), "1998-07-01")?;
    readers_agree(&python, lake.path(), &["silver/persons", "silver/orders", "gold/rfm", "gold/retention_cohorts"])
}

fn readers_agree(python: &Path, lake: &Path, tables: &[&str]) -> Result<(), Failed> {
    let mut readers = std::process::Command::new(python);
    readers.arg(root().join("tests/interop/readers.py")).arg(env!("CARGO_BIN_EXE_affluent")).arg(lake);
    let compared: Value = serde_json::from_str(&success(readers.env("PYTHONDONTWRITEBYTECODE", "1"))?)?;
    println!("{compared}");
    let read: Vec<&str> = compared["tables"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match tables.iter().find(|table| !read.contains(table)) {
        None => Ok(()),
        Some(table) => Err(format!("{table} was not among the tables compared: {read:?}").into()),
    }
}
