//! Silver and gold open in readers not written here, with the same rows and sums as `affluent sql` gives.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::examples;
use crate::support::{affluent, python, root, success, where_there};

const PACKAGES: &[&str] = &["deltalake", "polars", "duckdb", "pyarrow"];

pub(crate) fn trials() -> Vec<Trial> {
    let there = || python(PACKAGES);
    let what = "python3 with deltalake, polars, duckdb and pyarrow";
    vec![where_there("interop::demo", there(), what, demo), where_there("interop::cdnow", there(), what, cdnow)]
}

fn demo(python: PathBuf) -> Result<(), Failed> {
    let lake = tempfile::tempdir()?;
    let path = lake.path().to_string_lossy();
    success(&mut affluent(&["demo", "--customers", "500", "--lake", &path, "--json"]))?;
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
