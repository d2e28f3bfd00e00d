//! Rows that bronze holds already and that a read with lookback delivers again: recognised by their hash, left out.

use std::collections::HashSet;

use affluent_connect::schema::instant;
use affluent_connect::{Overlap, Page};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use datafusion::functions_aggregate::min_max::max_udaf;
use datafusion::functions_window::expr_fn::rank;
use datafusion::logical_expr::ExprFunctionExt;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::prelude::{DataFrame, Expr, SessionContext, cast, ident, lit, when};
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
    /// Those of `table`, whose records have this key, that `overlap` may deliver again.
    pub(super) async fn of(
        context: &SessionContext,
        table: Option<&Table>,
        key: &[String],
        overlap: &Overlap,
    ) -> Result<Self, Error> {
        let active = *overlap != Overlap::None;
        let mut seen = Self { active, versions: HashSet::new() };
        let (true, Some(table)) = (active, table) else { return Ok(seen) };
        let rows = known(context.read_table(table.provider().await?)?, key, overlap)?;
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

/// The rows that would add nothing if they came again: of versions that no cursor orders only the last load of a record counts,
/// for it may go back to what it was.
fn known(rows: DataFrame, key: &[String], overlap: &Overlap) -> Result<DataFrame, Error> {
    let (column, reach) = match overlap {
        Overlap::None => return Ok(rows),
        Overlap::All => return if key.is_empty() { Ok(rows) } else { last_loads(rows, key) },
        Overlap::Since { column, since } => {
            let since = ScalarValue::TimestampMicrosecond(Some(since.timestamp_micros()), Some("UTC".into()));
            // A day is the instant at which it begins.
            (column, cast(ident(column), instant()).gt_eq(lit(since)))
        }
        Overlap::AtLeast { column, value } => (column, ident(column).gt_eq(lit(*value))),
    };
    // Tombstones, and rows without a cursor, may come whenever it is.
    let rows = rows.filter(reach.or(ident(DELETED)).or(ident(column).is_null()))?;
    if key.is_empty() {
        return Ok(rows);
    }
    let order = [key, std::slice::from_ref(column)].concat();
    last_loads(not_outdone(rows, key, column)?, &order)
}

/// Rows without those that a tombstone without a cursor outdoes, as it does all that came with its load or before: what is
/// told again of such a record tells that it is back.
fn not_outdone(rows: DataFrame, key: &[String], cursor: &str) -> Result<DataFrame, Error> {
    let outdoes = ident(DELETED).is_true().and(ident(cursor).is_null());
    let load = when(outdoes.clone(), ident(EXTRACTED_AT)).end()?;
    let gone = Expr::from(WindowFunction::new(max_udaf(), vec![load]))
        .partition_by(key.iter().map(ident).collect())
        .build()?
        .alias("_gone");
    let stands = ident("_gone").is_null().or(ident(EXTRACTED_AT).gt(ident("_gone"))).or(outdoes);
    Ok(rows.window(vec![gone])?.filter(stands)?)
}

/// What came with the last load of each record, or of each of its versions that these columns tell apart.
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
    use chrono::DateTime;

    use super::*;

    const VERSIONS: &str = "
        select id, to_timestamp_micros(changed) as changed, _extracted_at, _deleted, _hash from (values
            ('back to what it was', 10, 1, false, 10), ('back to what it was', 10, 2, false, 11),
            ('untouched', 10, 1, false, 20),
            ('twice in its load', 10, 2, false, 30), ('twice in its load', 10, 2, false, 31),
            ('moved on', 10, 1, false, 40), ('moved on', 12, 2, false, 41),
            ('long ago', 1, 1, false, 50), ('long ago', 1, 2, true, 51),
            ('no cursor', null, 1, false, 60), ('no cursor', null, 2, false, 61),
            ('gone', 10, 1, false, 70), ('gone', null, 2, true, 71),
            ('gone and back', 10, 1, false, 80), ('gone and back', null, 2, true, 81), ('gone and back', 10, 3, false, 82),
            ('gone in its load', 10, 2, false, 90), ('gone in its load', null, 2, true, 91))
        as t(id, changed, _extracted_at, _deleted, _hash)";

    #[tokio::test]
    async fn what_would_be_the_newest_version_is_not_known_again() {
        let context = SessionContext::new();
        let since = Overlap::Since { column: "changed".to_owned(), since: DateTime::from_timestamp_micros(5).unwrap() };
        let at_least = Overlap::AtLeast { column: "_hash".to_owned(), value: 70 };
        for (overlap, key, expected) in [
            (&since, &["id"][..], &[11, 20, 30, 31, 40, 41, 51, 61, 71, 81, 82, 91][..]),
            (&since, &[], &[10, 11, 20, 30, 31, 40, 41, 51, 60, 61, 70, 71, 80, 81, 82, 90, 91]),
            (&at_least, &["id"], &[51, 70, 71, 80, 81, 82, 90, 91]),
            (&Overlap::All, &["id"], &[11, 20, 30, 31, 41, 51, 61, 71, 82, 90, 91]),
        ] {
            let rows = context.sql(VERSIONS).await.unwrap();
            let key: Vec<String> = key.iter().map(|column| (*column).to_owned()).collect();
            let batches =
                known(rows, &key, overlap).unwrap().select(vec![ident(HASH)]).unwrap().collect().await.unwrap();
            let mut hashes: Vec<i64> = batches
                .iter()
                .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
                .collect();
            hashes.sort_unstable();
            assert_eq!(hashes, expected, "{overlap:?} {key:?}");
        }
    }
}
