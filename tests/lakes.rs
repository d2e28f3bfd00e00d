//! Two lakes compared row for row. Read by the deltalake crate and not by the product, so that a fault of its reader cannot
//! hide one of its writer. Left out is what names a run or an instant of it, and the run log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use affluent_connect::store::{StoreOptions, open};
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use deltalake::datafusion::prelude::SessionContext;
use deltalake::logstore::object_store::{ObjectStoreExt, path::Path as StorePath};
use deltalake::{ensure_table_uri, open_table};
use futures::TryStreamExt;
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

/// The columns that two runs over the same input may fill differently.
const LEFT_OUT: [&str; 2] = ["_extracted_at", "_run_id"];
/// The table that differs by its nature.
pub(crate) const RUN_LOG: &str = "_affluent/runs";

/// `schema/table` → its rows as text (`column=value|...`, columns by name), sorted, equal ones as often as they are there.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

/// All rows of the lake in `folder`.
pub(crate) fn read(folder: &Path) -> Result<Rows, Failed> {
    read_without(folder, &[])
}

/// All rows of the lake in `folder`, `left_out` columns left out too.
pub(crate) fn read_without(folder: &Path, left_out: &[&str]) -> Result<Rows, Failed> {
    Runtime::new()?.block_on(async {
        let mut rows = Rows::new();
        for table in tables(folder)? {
            if table != RUN_LOG {
                let read = table_rows(&folder.join(&table), left_out).await;
                rows.insert(table.clone(), read.map_err(|error| Failed::from(format!("{table}: {error}")))?);
            }
        }
        Ok(rows)
    })
}

/// What the transform and the marts made: silver and gold.
pub(crate) fn made(mut rows: Rows) -> Rows {
    rows.retain(|table, _| table.starts_with("silver/") || table.starts_with("gold/"));
    rows
}

/// `schema/table` of every table in `folder` that has a commit.
fn tables(folder: &Path) -> Result<BTreeSet<String>, Failed> {
    let mut found = BTreeSet::new();
    for schema in folders(folder)? {
        for table in folders(&schema)? {
            if commits(&table) > 0 {
                found.insert(table.strip_prefix(folder)?.display().to_string());
            }
        }
    }
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

/// Commits in a table's log.
fn commits(table: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(table.join("_delta_log")) else { return 0 };
    entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_commit)).count()
}

/// Whether a file of a log is a commit.
fn is_commit(name: &str) -> bool {
    name.len() == 25 && name.strip_suffix(".json").is_some_and(|version| version.parse::<u64>().is_ok())
}

/// `schema/table` → commits in its log, the run log included.
pub(crate) fn versions(folder: &Path) -> Result<BTreeMap<String, usize>, Failed> {
    Ok(tables(folder)?.into_iter().map(|table| (table.clone(), commits(&folder.join(table)))).collect())
}

/// The same of a lake on an object store.
pub(crate) fn versions_at(url: &str, options: &StoreOptions) -> Result<BTreeMap<String, usize>, Failed> {
    let opened = open(url, options)?;
    let listed = Runtime::new()?.block_on(opened.store.list(Some(&opened.path)).try_collect::<Vec<_>>())?;
    let mut versions = BTreeMap::new();
    for object in listed {
        let Some(below) = object.location.prefix_match(&opened.path) else { continue };
        let parts: Vec<String> = below.map(|part| part.as_ref().to_owned()).collect();
        if let [schema, table, log, name] = &parts[..]
            && log == "_delta_log"
            && is_commit(name)
        {
            *versions.entry(format!("{schema}/{table}")).or_default() += 1;
        }
    }
    Ok(versions)
}

async fn table_rows(folder: &Path, left_out: &[&str]) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let table = open_table(ensure_table_uri(folder.display().to_string())?).await?;
    let provider = table.table_provider().await?;
    let batches = SessionContext::new().read_table(provider)?.collect().await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(texts(batch, left_out)?);
    }
    rows.sort();
    Ok(rows)
}

fn texts(batch: &RecordBatch, left_out: &[&str]) -> Result<Vec<String>, arrow::error::ArrowError> {
    let options = FormatOptions::new().with_null("(null)");
    let schema = batch.schema();
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if !LEFT_OUT.contains(&field.name().as_str()) && !left_out.contains(&field.name().as_str()) {
            columns.push((field.name().clone(), ArrayFormatter::try_new(column.as_ref(), &options)?));
        }
    }
    columns.sort_by(|a, b| a.0.cmp(&b.0));
    let row = |at: usize| {
        columns.iter().map(|(name, values)| format!("{name}={}", values.value(at))).collect::<Vec<_>>().join("|")
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// Nothing where both lakes hold the same rows; else the tables that differ, with examples.
pub(crate) fn same(expected: &Rows, found: &Rows) -> Result<(), Failed> {
    let mut words = Vec::new();
    for table in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        let (Some(expected), Some(found)) = (expected.get(table), found.get(table)) else {
            words.push(format!(
                "{table} is only in the {} lake",
                if expected.contains_key(table) { "first" } else { "second" }
            ));
            continue;
        };
        let (missing, extra) = (less(expected, found), less(found, expected));
        if !missing.is_empty() || !extra.is_empty() {
            let (m, e) = (missing.len(), extra.len());
            let some = |rows: &[&String]| {
                let some = rows.iter().take(2).map(|row| row.chars().take(900).collect::<String>());
                some.fold(String::new(), |text, row| text + "\n      " + &row)
            };
            words.push(format!(
                "{table}: {} rows expected, {} found\n    {m} missing{}\n    {e} too many{}",
                expected.len(),
                found.len(),
                some(&missing),
                some(&extra)
            ));
        }
    }
    if words.is_empty() { Ok(()) } else { Err(Failed::from(format!("the lakes differ:\n  {}", words.join("\n  ")))) }
}

/// The rows of `left` beyond those of `right`, each as often as it is beyond; both are sorted.
pub(crate) fn less<'a>(left: &'a [String], right: &[String]) -> Vec<&'a String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for row in right {
        *counts.entry(row).or_default() += 1;
    }
    left.iter()
        .filter(|row| match counts.get_mut(row) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

/// Brings a lake on an object store into `folder`, byte by byte.
pub(crate) fn copy(url: &str, options: &StoreOptions, folder: &Path) -> Result<(), Failed> {
    let opened = open(url, options)?;
    Runtime::new()?.block_on(async {
        let objects: Vec<_> = opened.store.list(Some(&opened.path)).try_collect().await?;
        for object in objects {
            let below = object.location.prefix_match(&opened.path).map(StorePath::from_iter);
            let Some(below) = below else { continue };
            let target = folder.join(below.as_ref());
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            let bytes = opened.store.get(&object.location).await?.bytes().await?;
            std::fs::write(target, bytes)?;
        }
        Ok(())
    })
}
