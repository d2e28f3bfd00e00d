//! Writers of one table beside each other: loads, and maintenance. Each test reads the table, lets another commit, and goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use affluent_spec::TableName;
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::prelude::{SessionContext, cast, ident};
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::protocol::DeltaOperation;
use tempfile::TempDir;
use url::Url;

use super::commit::{Away, properties_of};
use super::{Lake, Mark, Staged, Table, WriteMode};
use crate::error::Error;

const DAY: Duration = Duration::from_hours(24);

fn name() -> TableName {
    TableName::silver("orders")
}

fn lake() -> (TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::at(Url::from_directory_path(folder.path()).unwrap());
    (folder, lake)
}

async fn staged(lake: &Lake, ids: &[i64]) -> Staged {
    let column: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let rows = RecordBatch::try_from_iter([("id", column)]).unwrap();
    let mut stager = lake.stager(&name(), rows.schema()).unwrap();
    stager.write(&rows).await.unwrap();
    stager.finish().await.unwrap()
}

fn mark(run: &str) -> Mark {
    Mark { run_id: run.to_owned(), ..Mark::default() }
}

async fn append(lake: &Lake, before: Option<&Table>, ids: &[i64], run: &str) -> Table {
    lake.commit(before, staged(lake, ids).await, WriteMode::Append, Some(mark(run))).await.unwrap();
    table(lake).await
}

async fn table(lake: &Lake) -> Table {
    lake.table(&name()).await.unwrap().unwrap()
}

/// A lake whose table has two files: 1 and 2, 3 and 4.
async fn two_files() -> (TempDir, Lake, Table) {
    let (folder, lake) = lake();
    let first = append(&lake, None, &[1, 2], "first").await;
    let table = append(&lake, Some(&first), &[3, 4], "second").await;
    (folder, lake, table)
}

async fn ids(table: &Table) -> Vec<i64> {
    let rows = SessionContext::new().read_table(table.provider().await.unwrap()).unwrap();
    let kind = arrow::datatypes::DataType::Int64;
    let rows = rows.select(vec![cast(ident("id"), kind)]).unwrap().collect().await.unwrap();
    let mut ids: Vec<i64> =
        rows.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    ids.sort_unstable();
    ids
}

async fn maintain(lake: &Lake, table: &Table) {
    lake.maintain(table.clone(), chrono::Duration::days(30), false).await.unwrap();
}

/// What maintenance leaves where its mark was read before a load: the old mark on top.
async fn old_mark_on_top(table: &Table, mark: &Mark) {
    let operation = DeltaOperation::VacuumEnd { status: "COMPLETED".to_owned() };
    let state = table.delta.snapshot().unwrap();
    CommitBuilder::from(properties_of(Some(mark)))
        .build(Some(state), table.delta.log_store(), operation)
        .await
        .unwrap();
}

/// Makes all files of the table look so many days old.
fn age(folder: &TempDir, days: u32) {
    fn below(folder: &Path, at: SystemTime) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, at);
            } else {
                std::fs::File::options().append(true).open(&path).unwrap().set_modified(at).unwrap();
            }
        }
    }
    below(folder.path(), SystemTime::now() - DAY * days);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_loads_of_the_same_rows_one_is_refused() {
    let (_folder, lake, before) = two_files().await;
    append(&lake, Some(&before), &[5], "third").await;
    for away in [Away::None, Away::All, Away::These(before.files().unwrap())] {
        let refused = lake.commit_files(Some(&before), staged(&lake, &[6]).await, away, Some(mark("fourth"))).await;
        assert!(matches!(refused, Err(Error::Concurrent { .. })), "{refused:?}");
    }
    assert_eq!(ids(&table(&lake).await).await, [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_tables_place_takes_the_place_of_its_joined_files_too() {
    let (_folder, lake, before) = two_files().await;
    maintain(&lake, &before).await;
    assert_eq!(table(&lake).await.files().unwrap().len(), 1);
    lake.commit(Some(&before), staged(&lake, &[7]).await, WriteMode::Replace, Some(mark("third"))).await.unwrap();
    assert_eq!(ids(&table(&lake).await).await, [7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_were_joined_meanwhile_cannot_be_taken_away() {
    let (_folder, lake, before) = two_files().await;
    let rewritten = before.files().unwrap()[..1].to_vec();
    maintain(&lake, &before).await;
    let commit =
        lake.commit_files(Some(&before), staged(&lake, &[1, 2]).await, Away::These(rewritten), Some(mark("third")));
    let refused = commit.await;
    assert!(matches!(refused, Err(Error::Concurrent { .. })), "{refused:?}");
    assert_eq!(ids(&table(&lake).await).await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_maintenances_at_once_double_nothing() {
    let (_folder, lake, before) = two_files().await;
    maintain(&lake, &before).await;
    maintain(&lake, &before).await;
    assert_eq!(ids(&table(&lake).await).await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_beside_maintenance_keeps_its_mark() {
    let (folder, lake, before) = two_files().await;
    let old = before.mark().await.unwrap().unwrap();
    let loaded = append(&lake, Some(&before), &[5], "third").await;
    old_mark_on_top(&loaded, &old).await;
    let run = |table: Table| async move { table.mark().await.unwrap().unwrap().run_id };
    assert_eq!(run(table(&lake).await).await, "third");
    // The commit that brought it goes when the log's retention is over: its mark must stand above by then. Log cleanup
    // needs a checkpoint that is as old.
    for _ in 0..2 {
        age(&folder, 40);
        maintain(&lake, &table(&lake).await).await;
    }
    assert!(!folder.path().join("silver/orders/_delta_log/00000000000000000002.json").exists());
    assert_eq!(run(table(&lake).await).await, "third");
    assert_eq!(ids(&table(&lake).await).await, [1, 2, 3, 4, 5]);
}

/// A version that was the newest 45 days ago is read where versions stay for 60.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_within_the_retention_stay_readable() {
    let (folder, lake, before) = two_files().await;
    lake.commit(Some(&before), staged(&lake, &[7]).await, WriteMode::Replace, Some(mark("third"))).await.unwrap();
    let log = folder.path().join("silver/orders/_delta_log");
    let replacing = log.join("00000000000000000002.json");
    let text = std::fs::read_to_string(&replacing).unwrap();
    let ago = (chrono::Utc::now() - chrono::Duration::days(45)).timestamp_millis().to_string();
    let text: Vec<String> = text
        .lines()
        .map(|line| {
            let mut action: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(at) = action.pointer_mut("/remove/deletionTimestamp") {
                *at = ago.parse::<i64>().unwrap().into();
            }
            action.to_string()
        })
        .collect();
    std::fs::write(&replacing, text.join("\n")).unwrap();
    age(&folder, 61);
    std::fs::File::options().append(true).open(&replacing).unwrap().set_modified(SystemTime::now() - DAY * 45).unwrap();
    for _ in 0..2 {
        lake.maintain(table(&lake).await, chrono::Duration::days(60), false).await.unwrap();
    }
    let mut old = lake.unloaded(&name()).unwrap();
    old.load_version(1).await.unwrap();
    assert_eq!(ids(&Table::new(name(), old)).await, [1, 2, 3, 4]);
    assert_eq!(ids(&table(&lake).await).await, [7]);
}
