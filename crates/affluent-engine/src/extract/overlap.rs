//! Rows that bronze holds already and that a read with lookback delivers again: recognised by their hash, left out.

use std::collections::HashSet;

use affluent_connect::schema::instant;
use affluent_connect::{Overlap, Page};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use datafusion::functions_window::expr_fn::rank;
use datafusion::logical_expr::ExprFunctionExt;
use datafusion::prelude::{DataFrame, Expr, SessionContext, cast, ident, lit};
use datafusion::scalar::ScalarValue;

use crate::columns::{DELETED, EXTRACTED_AT, HASH};
use crate::error::Error;
use crate::lake::Table;

/// The record versions that need not be written again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    active: bool,
    versions: HashSet<(i64, bool)>,
}

impl Seen {
    /// Those of `table`, whose records have this key, that `overlap` may deliver again. Where that is all of them only the
    /// newest load of each record counts, for a record may go back to what it was.
    pub(super) async fn of(
        context: &SessionContext,
        table: Option<&Table>,
        key: &[String],
        overlap: &Overlap,
    ) -> Result<Self, Error> {
        let active = *overlap != Overlap::None;
        let mut seen = Self { active, versions: HashSet::new() };
        let (true, Some(table)) = (active, table) else { return Ok(seen) };
        let rows = context.read_table(table.provider().await?)?;
        let rows = match overlap {
            Overlap::Since { column, since } => {
                let since = ScalarValue::TimestampMicrosecond(Some(since.timestamp_micros()), Some("UTC".into()));
                // A day is the instant at which it begins.
                again(rows, column, cast(ident(column), instant()).gt_eq(lit(since)))?
            }
            Overlap::AtLeast { column, value } => again(rows, column, ident(column).gt_eq(lit(*value)))?,
            Overlap::All if !key.is_empty() => last_loads(rows, key)?,
            Overlap::None | Overlap::All => rows,
        };
        for batch in rows.select(vec![ident(HASH), ident(DELETED)])?.collect().await? {
            let hashes = batch.column(0).as_primitive::<Int64Type>();
            let deleted = batch.column(1).as_boolean();
            seen.versions.extend((0..batch.num_rows()).map(|row| (hashes.value(row), is_set(deleted, row))));
        }
        Ok(seen)
    }

    /// The rows of a page that are new, each of them seen from now on.
    pub(super) fn fresh(&mut self, page: &Page) -> Result<RecordBatch, Error> {
        let rows = &page.rows;
        let (true, Some(hashes), Some(deleted)) =
            (self.active, rows.column_by_name(HASH), rows.column_by_name(DELETED))
        else {
            return Ok(rows.clone());
        };
        let hashes = hashes.as_primitive::<Int64Type>();
        let deleted = deleted.as_boolean();
        let mask: BooleanArray = (0..rows.num_rows())
            .map(|row| Some(self.versions.insert((hashes.value(row), is_set(deleted, row)))))
            .collect();
        Ok(filter_record_batch(rows, &mask)?)
    }
}

/// Rows within reach of the read: those of the overlap, tombstones, and those whose cursor is null.
fn again(rows: DataFrame, column: &str, reach: Expr) -> Result<DataFrame, Error> {
    Ok(rows.filter(reach.or(ident(DELETED)).or(ident(column).is_null()))?)
}

/// What came with the last load of each record.
fn last_loads(rows: DataFrame, key: &[String]) -> Result<DataFrame, Error> {
    let latest = rank()
        .partition_by(key.iter().map(ident).collect())
        .order_by(vec![ident(EXTRACTED_AT).sort(false, false)])
        .build()?
        .alias("_load");
    Ok(rows.window(vec![latest])?.filter(ident("_load").eq(lit(1_u64)))?)
}

fn is_set(flags: &BooleanArray, row: usize) -> bool {
    !flags.is_null(row) && flags.value(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_load_of_each_record_is_known_again() {
        let context = SessionContext::new();
        let rows = context
            .sql(
                "select * from (values \
                 ('back to what it was', 1, 10), ('back to what it was', 2, 11), \
                 ('untouched', 1, 20), ('twice in its load', 2, 30), ('twice in its load', 2, 31)) \
                 as t(id, _extracted_at, _hash)",
            )
            .await
            .unwrap();
        let known = last_loads(rows, &["id".to_owned()]).unwrap().select(vec![ident(HASH)]).unwrap();
        let batches = known.collect().await.unwrap();
        let mut hashes: Vec<i64> =
            batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        hashes.sort_unstable();
        assert_eq!(hashes, [11, 20, 30, 31]);
    }
}
