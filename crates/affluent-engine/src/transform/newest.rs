//! The newest version of each record in bronze, tombstones left out.

use crate::columns::{DELETED, EXTRACTED_AT, FILE, HASH, ROW};
use crate::plan::Input;
use crate::sql::identifier;

/// A query of the newest versions of an input's records.
///
/// Newest = highest (cursor, load). A tombstone without a cursor outdoes what came with its load or before, and not what came
/// later: the record is back then. Within one load the later row wins. Where each row of a file is a record of its own there
/// are no versions.
pub(super) fn newest(input: &Input, located: bool) -> String {
    let table = &input.table;
    if input.key.is_empty() {
        return format!("select * from {table} where not coalesce({DELETED}, false)");
    }
    let keys: Vec<String> = input.key.iter().map(|column| identifier(column)).collect();
    let key = keys.join(", ");
    let mut order = Vec::new();
    let mut rows = table.to_string();
    if let Some(cursor) = &input.cursor {
        let cursor = identifier(cursor);
        let same = keys.iter().map(|column| format!("v.{column} = g.{column}")).collect::<Vec<_>>().join(" and ");
        rows = format!(
            "(select v.* from {table} v left join \
             (select {key}, max({EXTRACTED_AT}) as _gone from {table} where coalesce({DELETED}, false) and {cursor} is null group by {key}) g \
             on {same} \
             where g._gone is null or v.{EXTRACTED_AT} > g._gone or (coalesce(v.{DELETED}, false) and v.{cursor} is null))"
        );
        order.push(format!("{cursor} desc nulls last"));
    }
    order.push(format!("{EXTRACTED_AT} desc"));
    if located {
        order.push(format!("{FILE} desc"));
        order.push(format!("{ROW} desc"));
    }
    order.push(HASH.to_owned());
    format!(
        "select * from (select *, row_number() over (partition by {key} order by {}) as _rank from {rows}) \
         where _rank = 1 and not coalesce({DELETED}, false)",
        order.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn the_newest_version_counts_and_a_record_may_come_back() {
        let context = SessionContext::new();
        context.sql("create schema bronze").await.unwrap();
        context
            .sql(
                "create table bronze.versions as select * from (values \
                 ('changed', 1, 1, false, 10), ('changed', 2, 1, false, 11), \
                 ('late', 5, 1, false, 20), ('late', 4, 2, false, 21), \
                 ('gone', 1, 1, false, 30), ('gone', 2, 2, true, 31), \
                 ('gone untold when', 1, 1, false, 40), ('gone untold when', null, 2, true, 41), \
                 ('gone in its load', 1, 2, false, 50), ('gone in its load', null, 2, true, 51), \
                 ('back', 3, 1, false, 60), ('back', null, 2, true, 61), ('back', 3, 3, false, 62), \
                 ('back and gone', 3, 1, false, 70), ('back and gone', null, 2, true, 71), \
                 ('back and gone', 4, 3, false, 72), ('back and gone', null, 4, true, 73)) \
                 as t(id, changed, _extracted_at, _deleted, _hash)",
            )
            .await
            .unwrap();
        let input = Input {
            stream: "s.versions".to_owned(),
            table: "bronze.versions".parse().unwrap(),
            key: vec!["id".to_owned()],
            cursor: Some("changed".to_owned()),
            columns: indexmap::IndexMap::new(),
            link: None,
        };
        let query = format!("select id, _hash from ({}) order by id", newest(&input, false));
        let batches = context.sql(&query).await.unwrap().collect().await.unwrap();
        let found: Vec<(String, i64)> = batches
            .iter()
            .flat_map(|batch| {
                let ids = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
                let hashes = batch.column(1).as_primitive::<arrow::datatypes::Int64Type>().clone();
                (0..batch.num_rows())
                    .map(move |row| (ids.as_string::<i32>().value(row).to_owned(), hashes.value(row)))
                    .collect::<Vec<_>>()
            })
            .collect();
        let expected = [("back", 62), ("changed", 11), ("late", 20)].map(|(id, hash)| (id.to_owned(), hash));
        assert_eq!(found, expected);
    }
}
