//! Any sequence of changes, late commits, reads and kills ends with bronze equal to the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use affluent_connect::sql::SqlStream;
use affluent_spec::pipeline::Database;
use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::bronze::Bronze;
use crate::server::Server;

#[derive(Debug, Clone)]
enum Step {
    /// Puts a row in, or gives it another value; a little before the present where `late`.
    Put { id: i64, late: u32 },
    /// Marks a row deleted.
    Delete { id: i64 },
    /// Time goes on.
    Wait(u32),
    /// Reads, and is killed after so many pages.
    Read { pages: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_i64..40, 0_u32..240).prop_map(|(id, late)| Step::Put { id, late }),
        1 => (0_i64..40).prop_map(|id| Step::Delete { id }),
        2 => (1_u32..200).prop_map(Step::Wait),
        2 => (0_usize..9).prop_map(|pages| Step::Read { pages }),
    ];
    prop::collection::vec(step, 30..90)
}

pub(crate) async fn any_sequence_of_changes_and_kills_ends_with_the_truth(server: Arc<Server>, name: String) {
    let mut runner = TestRunner::deterministic();
    for case in 0..12 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        run(&server, &name, &steps, case).await;
    }
}

async fn run(server: &Server, name: &str, steps: &[Step], case: usize) {
    let instant = match server.database {
        Database::Postgres => "timestamp(6)",
        Database::Mysql => "datetime(6)",
    };
    let table = format!("r{case}");
    server
        .run(
            name,
            &format!("CREATE TABLE {table} (id int PRIMARY KEY, v int, gone boolean NOT NULL, at {instant} NOT NULL)"),
        )
        .await;
    let stream = SqlStream {
        name: table.clone(),
        cursor: Some("at".to_owned()),
        deletes: Some("gone".to_owned()),
        chunk: Some(4),
        ..SqlStream::default()
    };
    let source = server.source(name, stream);
    let mut bronze = Bronze::default();
    let mut truth: BTreeMap<i64, (i64, bool)> = BTreeMap::new();
    let mut seconds = 1_000_000_i64;
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    let mut value = 0;
    for step in steps {
        let (id, gone, late) = match step {
            Step::Wait(more) => {
                seconds += i64::from(*more);
                continue;
            }
            Step::Read { pages } => {
                bronze.load(&source, &table, *pages).await.unwrap();
                continue;
            }
            Step::Put { id, late } => (*id, false, i64::from(*late)),
            Step::Delete { id } if truth.contains_key(id) => (*id, true, 0),
            Step::Delete { .. } => continue,
        };
        // A change is late within the lookback, but never before the row's last one.
        let at = (seconds - late).max(last.get(&id).map_or(0, |last| last + 1));
        seconds = seconds.max(at);
        last.insert(id, at);
        value += 1;
        let v = if gone { truth[&id].0 } else { value };
        truth.insert(id, (v, gone));
        let time = chrono::DateTime::from_timestamp(at, 0).unwrap().format("%Y-%m-%d %H:%M:%S");
        let sql =
            format!("DELETE FROM {table} WHERE id = {id};\nINSERT INTO {table} VALUES ({id}, {v}, {gone}, '{time}')");
        server.run(name, &sql).await;
    }
    assert!(bronze.load(&source, &table, usize::MAX).await.unwrap());
    assert_eq!(newest(&bronze), truth, "case {case}: {steps:?}");
    let before = bronze.rows().len();
    assert!(bronze.load(&source, &table, usize::MAX).await.unwrap());
    assert_eq!(bronze.rows().len(), before, "case {case}: nothing changed, and something was written");
    let mut versions = bronze.sorted();
    versions.dedup();
    assert_eq!(versions.len(), before, "case {case}: a version is there twice");
}

/// The newest version of each row.
fn newest(bronze: &Bronze) -> BTreeMap<i64, (i64, bool)> {
    let mut newest: BTreeMap<i64, (i64, i64, bool)> = BTreeMap::new();
    if bronze.batches.is_empty() {
        return BTreeMap::new();
    }
    let batch = bronze.batch();
    let number =
        |column: &str, row: usize| batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().value(row);
    let at = batch.column_by_name("at").unwrap().as_primitive::<TimestampMicrosecondType>();
    let deleted = batch.column_by_name("_deleted").unwrap().as_boolean();
    for row in 0..at.len() {
        let version = (at.value(row), number("v", row), deleted.value(row));
        newest.entry(number("id", row)).and_modify(|held| *held = (*held).max(version)).or_insert(version);
    }
    newest.into_iter().map(|(id, (_, v, gone))| (id, (v, gone))).collect()
}
