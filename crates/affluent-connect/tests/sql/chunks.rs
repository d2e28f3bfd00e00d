//! What is read when: by chunks, in one snapshot, from where the last read ended.

use std::sync::Arc;

use affluent_connect::sql::SqlStream;
use affluent_connect::{Source, Window};
use affluent_spec::pipeline::Database;
use arrow::array::AsArray;
use futures::StreamExt;

use crate::bronze::{Bronze, shown};
use crate::server::Server;

const CHUNK: u32 = 10;

fn stream(cursor: Option<&str>) -> SqlStream {
    SqlStream {
        name: "things".to_owned(),
        cursor: cursor.map(str::to_owned),
        chunk: Some(CHUNK),
        ..SqlStream::default()
    }
}

/// Instants written in statements are of UTC.
fn utc(server: &Server) -> &'static str {
    match server.database {
        Database::Postgres => "SET TimeZone = 'UTC';\n",
        Database::Mysql => "",
    }
}

/// 45 things, of which 25 bear the same instant over the borders of chunks.
async fn things(server: &Server, name: &str) {
    let instant = match server.database {
        Database::Postgres => "timestamptz",
        Database::Mysql => "datetime(6)",
    };
    server.run(name, &format!("CREATE TABLE things (id int PRIMARY KEY, name varchar(20), at {instant})")).await;
    let rows: Vec<String> = (1..=45)
        .map(|id| {
            let minute = if (6..=30).contains(&id) { 6 } else { id };
            format!("({id}, 'n{id}', '2026-05-01 10:{minute:02}:00')")
        })
        .collect();
    let zone = utc(server);
    server.run(name, &format!("{zone}INSERT INTO things VALUES {}", rows.join(", "))).await;
}

fn ids(bronze: &Bronze) -> Vec<i32> {
    bronze.rows().iter().map(|row| row.split(" | ").next().unwrap().parse().unwrap()).collect()
}

pub(crate) async fn a_table_is_read_by_chunks_and_a_kill_costs_one(server: Arc<Server>, name: String) {
    things(&server, &name).await;
    let source = server.source(&name, stream(Some("at")));
    let mut whole = Bronze::default();
    assert!(whole.load(&source, "things", usize::MAX).await.unwrap());
    assert_eq!(ids(&whole), (1..=45).collect::<Vec<_>>());
    assert_eq!(source.discover("things").await.unwrap().key, ["id"]);

    // Killed after each number of pages, the next run goes on behind the last chunk and ends with the same.
    for pages in 0..=5 {
        let mut bronze = Bronze::default();
        bronze.load(&source, "things", pages).await.unwrap();
        assert_eq!(bronze.rows().len(), (pages * CHUNK as usize).min(45));
        assert!(bronze.load(&source, "things", usize::MAX).await.unwrap());
        assert_eq!(ids(&bronze), ids(&whole), "after {pages} pages");
        // What a lookback holds, the instants of minutes 40 to 45, is looked at once more.
        assert_eq!(bronze.delivered, if pages == 0 { 45 } else { 45 + 6 }, "after {pages} pages");
    }
}

pub(crate) async fn what_changes_during_a_read_comes_with_the_next(server: Arc<Server>, name: String) {
    things(&server, &name).await;
    let source = server.source(&name, stream(Some("at")));
    let mut bronze = Bronze::default();
    let mut pages = source.read("things", Window::default());
    let first = pages.next().await.unwrap().unwrap();
    // A row of the part still to come is changed, one deleted, one inserted where the read was already.
    let zone = utc(&server);
    server
        .run(
            &name,
            &format!(
                "{zone}UPDATE things SET name = 'new', at = '2026-05-01 11:00:00' WHERE id = 40;\n
                 DELETE FROM things WHERE id = 41;\nINSERT INTO things VALUES (100, 'late', '2026-05-01 10:44:00')"
            ),
        )
        .await;
    let mut seen = shown(&first.rows, false);
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        seen.extend(shown(&page.rows, false));
        bronze.cursor = page.cursor.or(bronze.cursor);
    }
    assert_eq!(seen.len(), 45, "{seen:#?}");
    assert!(seen.iter().any(|row| row.starts_with("40 | n40")), "{seen:#?}");
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    let names: Vec<String> = bronze.rows().iter().map(|row| row.split(" | ").nth(1).unwrap().to_owned()).collect();
    assert!(names.contains(&"late".to_owned()) && names.contains(&"new".to_owned()), "{names:?}");
}

pub(crate) async fn late_and_equal_cursors_are_neither_lost_nor_doubled(server: Arc<Server>, name: String) {
    things(&server, &name).await;
    let zone = utc(&server);
    let source = server.source(&name, stream(Some("at")));
    let mut bronze = Bronze::default();
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    let before = bronze.cursor.clone();
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    assert_eq!((bronze.rows().len(), &bronze.cursor), (45, &before), "nothing changed");
    server
        .run(
            &name,
            &format!(
                "{zone}INSERT INTO things VALUES (50, 'equal', '2026-05-01 10:45:00'), (51, 'late', '2026-05-01 10:41:00');\n
                 INSERT INTO things VALUES (0, 'equal and before', '2026-05-01 10:45:00');\n
                 UPDATE things SET name = 'touched' WHERE id = 44"
            ),
        )
        .await;
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    let mut new = ids(&bronze)[45..].to_vec();
    new.sort_unstable();
    assert_eq!(new, [0, 44, 50, 51]);
}

pub(crate) async fn numbers_and_days_are_cursors_too(server: Arc<Server>, name: String) {
    server
        .run(
            &name,
            "CREATE TABLE things (id int PRIMARY KEY, version bigint, big numeric(20,0), day date);\n
             INSERT INTO things VALUES (1, 10, 18446744073709551610, '2026-01-01'), (2, 20, 18446744073709551611, '2026-01-02')",
        )
        .await;
    for cursor in ["version", "big", "day", "id"] {
        server.run(&name, "DELETE FROM things WHERE id > 2").await;
        let mut by = stream(Some(cursor));
        by.lookback_count = Some(1);
        let source = server.source(&name, by);
        let mut bronze = Bronze::default();
        bronze.load(&source, "things", usize::MAX).await.unwrap();
        assert_eq!(ids(&bronze), [1, 2], "{cursor}");
        server.run(&name, "INSERT INTO things VALUES (3, 20, 18446744073709551612, '2026-01-02'), (4, 19, 18446744073709551613, '2026-01-01')").await;
        bronze.load(&source, "things", usize::MAX).await.unwrap();
        let mut all = ids(&bronze);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4], "{cursor}");
        let delivered = bronze.delivered;
        bronze.load(&source, "things", usize::MAX).await.unwrap();
        assert_eq!(bronze.rows().len(), 4, "{cursor}");
        assert!(bronze.delivered > delivered, "{cursor}: the lookback is read again");
    }
}

pub(crate) async fn rows_without_a_cursor_come_each_time(server: Arc<Server>, name: String) {
    things(&server, &name).await;
    server.run(&name, "INSERT INTO things SELECT id + 1000, name, NULL FROM things WHERE id <= 23").await;
    let source = server.source(&name, stream(Some("at")));
    let mut bronze = Bronze::default();
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    assert_eq!(bronze.rows().len(), 68);
    server.run(&name, "UPDATE things SET name = 'changed' WHERE id = 1001").await;
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    assert_eq!(ids(&bronze)[68..], [1001]);
}

pub(crate) async fn without_a_cursor_all_is_read_and_goes_on_by_key(server: Arc<Server>, name: String) {
    server.run(&name, "CREATE TABLE things (a varchar(5), b int, v int, PRIMARY KEY (a, b))").await;
    let rows: Vec<String> = (0..45).map(|n| format!("('{}', {}, {n})", ["é", "Z", "a''"][n % 3], n / 3)).collect();
    server.run(&name, &format!("INSERT INTO things VALUES {}", rows.join(", "))).await;
    let source = server.source(&name, stream(None));
    for pages in 0..=5 {
        let mut bronze = Bronze::default();
        bronze.load(&source, "things", pages).await.unwrap();
        bronze.load(&source, "things", usize::MAX).await.unwrap();
        assert_eq!(bronze.rows().len(), 45, "after {pages} pages");
        assert_eq!(bronze.delivered, if pages < 5 { 45 } else { 90 }, "after {pages} pages");
    }
}

pub(crate) async fn without_a_key_all_is_read_and_copies_are_kept(server: Arc<Server>, name: String) {
    server.run(&name, "CREATE TABLE things (id int, at timestamp NULL);\nINSERT INTO things VALUES (1, NULL), (1, NULL), (2, NULL)").await;
    for cursor in [None, Some("at")] {
        let source = server.source(&name, stream(cursor));
        let mut bronze = Bronze::default();
        for _ in 0..2 {
            bronze.load(&source, "things", usize::MAX).await.unwrap();
            let mut all = ids(&bronze);
            all.sort_unstable();
            assert_eq!(all, [1, 1, 2]);
        }
    }
    // By cursor alone a run goes on where the cursor moves on.
    let rows: Vec<String> = (0..45).map(|n| format!("({n}, '2026-05-01 10:{:02}:00')", n / 7)).collect();
    server.run(&name, &format!("DELETE FROM things;\nINSERT INTO things VALUES {}", rows.join(", "))).await;
    let source = server.source(&name, stream(Some("at")));
    for pages in 0..=4 {
        let mut bronze = Bronze::default();
        bronze.load(&source, "things", pages).await.unwrap();
        assert_eq!(bronze.rows().len() % 7, if bronze.rows().len() == 45 { 3 } else { 0 });
        bronze.load(&source, "things", usize::MAX).await.unwrap();
        assert_eq!(bronze.rows().len(), 45, "after {pages} pages");
    }
}

pub(crate) async fn a_query_is_read_as_a_table(server: Arc<Server>, name: String) {
    things(&server, &name).await;
    let mut own = stream(Some("at"));
    own.query = Some("SELECT id AS \"the id\", upper(name) AS name, at FROM things WHERE id < 40;".to_owned());
    if server.database == Database::Mysql {
        own.query = own.query.map(|query| query.replace('"', "`"));
    }
    own.key = vec!["the id".to_owned()];
    let source = server.source(&name, own);
    let schema = source.discover("things").await.unwrap();
    assert_eq!((schema.key, schema.cursor.as_deref()), (vec!["the_id".to_owned()], Some("at")));
    let mut bronze = Bronze::default();
    bronze.load(&source, "things", 1).await.unwrap();
    bronze.load(&source, "things", usize::MAX).await.unwrap();
    let rows = bronze.rows();
    assert_eq!(rows.len(), 39);
    assert!(rows.iter().any(|row| row.starts_with("39 | N39 | ")), "{rows:?}");
}

pub(crate) async fn deleted_rows_are_tombstones(server: Arc<Server>, name: String) {
    server
        .run(
            &name,
            "CREATE TABLE things (id int PRIMARY KEY, gone boolean, gone_at timestamp NULL);\n
             INSERT INTO things VALUES (1, false, NULL), (2, true, '2026-01-01 00:00:00'), (3, NULL, NULL)",
        )
        .await;
    for flag in ["gone", "gone_at"] {
        let mut own = stream(None);
        own.deletes = Some(flag.to_owned());
        let source = server.source(&name, own);
        let mut bronze = Bronze::default();
        bronze.load(&source, "things", usize::MAX).await.unwrap();
        let batch = bronze.batch();
        let deleted = batch.column_by_name("_deleted").unwrap().as_boolean();
        assert_eq!(deleted.iter().collect::<Vec<_>>(), [Some(false), Some(true), Some(false)], "{flag}");
    }
}
