//! The quarantine: rows that could not be used, each with where it came from, why, and the row itself.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use affluent_connect::Rejected;
use affluent_connect::schema::instant;
use affluent_spec::TableName;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::common::JoinType;
use datafusion::prelude::{DataFrame, Expr, SessionContext, cast, col, ident, lit};
use datafusion::scalar::ScalarValue;

use crate::columns::{EXTRACTED_AT, RUN_ID};
use crate::error::Error;
use crate::lake::{Lake, Mark, Table, Target, WriteMode, again, anti};
use crate::udf::hash;

/// The stage that found a row at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It does not fit the stream's declared types.
    Extract,
    /// It does not fit its silver entity.
    Transform,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Transform => "transform",
        }
    }
}

/// The table.
pub fn table() -> TableName {
    TableName::new("_affluent", "quarantine")
}

const ID: &str = "quarantine_id";
/// What makes the id of a row: where it was met, why it was refused, and the row. The same fault of the same row has the same
/// id in every run, so that none is kept twice.
const IDENTITY: [&str; 7] = ["stage", "stream", "entity", "position", "column_name", "reason", "raw"];

pub(crate) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text(ID),
        text("stage"),
        text("stream"),
        text("entity"),
        text("position"),
        text("column_name"),
        text("reason"),
        text("raw"),
        text(RUN_ID),
        Field::new(EXTRACTED_AT, instant(), true),
    ]))
}

/// One group of rows at fault.
#[derive(Debug)]
pub struct Group<'a> {
    /// Who found them.
    pub stage: Stage,
    /// `source.stream`.
    pub stream: &'a str,
    /// The silver entity, empty in extraction.
    pub entity: &'a str,
    /// The rows.
    pub rows: &'a [Rejected],
    /// When they were met: for extraction the instant of the load, which rows that fit after all get too.
    pub at: DateTime<Utc>,
}

/// The rows of groups as the table holds them, each once.
fn batches(groups: &[Group<'_>], run_id: &str) -> Result<Vec<RecordBatch>, Error> {
    let mut batches = vec![RecordBatch::new_empty(schema())];
    let mut seen = HashSet::new();
    for group in groups {
        let id = |row: &Rejected| {
            let column = row.column.as_deref().unwrap_or_default();
            hash::of(&[group.stage.name(), group.stream, group.entity, &row.position, column, &row.reason, &row.raw])
        };
        let rows: Vec<(String, &Rejected)> =
            group.rows.iter().map(|row| (id(row), row)).filter(|(id, _)| seen.insert(id.clone())).collect();
        let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows.len()])) };
        let each = |of: &dyn Fn(&Rejected) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(|(_, row)| of(row)).collect::<StringArray>())
        };
        let instants = vec![group.at.timestamp_micros(); rows.len()];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|(id, _)| Some(id.as_str())).collect::<StringArray>()),
            same(group.stage.name()),
            same(group.stream),
            same(group.entity),
            each(&|row| Some(row.position.clone())),
            each(&|row| row.column.clone()),
            each(&|row| Some(row.reason.clone())),
            each(&|row| Some(row.raw.clone())),
            same(run_id),
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC")),
        ];
        batches.push(RecordBatch::try_new(schema(), columns)?);
    }
    Ok(batches)
}

/// Rows that the transform refused, as the table holds them: of `rows` with `position`, `column_name`, `reason` and `raw`.
pub(crate) fn refusals(mut rows: DataFrame, stream: &str, entity: &str, run_id: &str) -> Result<DataFrame, Error> {
    let at = ScalarValue::TimestampMicrosecond(Some(Utc::now().timestamp_micros()), Some("UTC".into()));
    let given = [("stage", Stage::Transform.name()), ("stream", stream), ("entity", entity), (RUN_ID, run_id)];
    for (name, value) in given {
        rows = rows.with_column(name, lit(value))?;
    }
    let id = hash::udf().call(IDENTITY.iter().map(|name| ident(*name)).collect());
    let rows = rows.with_column(ID, id)?.with_column(EXTRACTED_AT, lit(at))?;
    let names: Vec<Expr> = schema().fields().iter().map(|field| ident(field.name())).collect();
    Ok(rows.select(names)?.distinct()?)
}

/// Which of the rows that are there a new state speaks of.
enum Ours {
    /// Those that this is true of.
    Where(Expr),
    /// Those with these ids.
    Ids(DataFrame),
}

impl Ours {
    fn of(&self, held: DataFrame) -> Result<DataFrame, Error> {
        match self {
            Self::Where(these) => Ok(held.filter(these.clone())?),
            Self::Ids(ids) => Ok(held.join(ids.clone(), JoinType::LeftSemi, &[ID], &["_id"], None)?),
        }
    }
}

/// Adds rows, those that are there already left out.
pub async fn add(lake: &Lake, context: &SessionContext, group: &Group<'_>, run_id: &str) -> Result<u64, Error> {
    if group.rows.is_empty() {
        return Ok(0);
    }
    let rows = context.read_batches(batches(std::slice::from_ref(group), run_id)?)?;
    again(|| added(lake, context, &rows, run_id)).await
}

async fn added(lake: &Lake, context: &SessionContext, rows: &DataFrame, run_id: &str) -> Result<u64, Error> {
    let before = lake.table(&table()).await?;
    let fresh = match &before {
        None => rows.clone(),
        Some(table) => anti(context, rows.clone(), held(context, table, &[ID]).await?, &[ID.to_owned()])?,
    };
    let staged = lake.stage(&table(), schema(), fresh.execute_stream().await?).await?;
    if staged.rows == 0 {
        return Ok(0);
    }
    Ok(lake.commit(before.as_ref(), staged, WriteMode::Append, Some(mark(run_id))).await?.rows)
}

/// Columns of the rows that are there.
async fn held(context: &SessionContext, table: &Table, columns: &[&str]) -> Result<DataFrame, Error> {
    let kinds = schema();
    let columns: Vec<Expr> = columns
        .iter()
        .map(|name| Ok(cast(ident(*name), kinds.field_with_name(name)?.data_type().clone()).alias(*name)))
        .collect::<Result<_, Error>>()?;
    Ok(context.read_table(table.provider().await?)?.select(columns)?)
}

/// Whether a row is one that `stage` refused of a stream.
fn of_stream(stream: &str, stage: Stage) -> Expr {
    col("stream").eq(lit(stream)).and(col("stage").eq(lit(stage.name())))
}

/// The mark of a commit to the quarantine: of two that know the same rows, one is refused.
fn mark(run_id: &str) -> Mark {
    Mark { run_id: run_id.to_owned(), ..Mark::default() }
}

/// What extraction refused of a stream, by the instant of its load.
pub async fn refused(
    lake: &Lake,
    context: &SessionContext,
    stream: &str,
) -> Result<BTreeMap<DateTime<Utc>, Vec<Rejected>>, Error> {
    let mut loads: BTreeMap<DateTime<Utc>, Vec<Rejected>> = BTreeMap::new();
    let Some(table) = lake.table(&table()).await? else { return Ok(loads) };
    let rows = held(context, &table, &["stream", "stage", "position", "column_name", "reason", "raw", EXTRACTED_AT])
        .await?
        .filter(of_stream(stream, Stage::Extract))?;
    for batch in rows.collect().await? {
        let text = |column: usize, row: usize| {
            let column = batch.column(column).as_string::<i32>();
            (!column.is_null(row)).then(|| column.value(row).to_owned())
        };
        let instants = batch.column(6).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let at = DateTime::from_timestamp_micros(instants.value(row)).unwrap_or_default();
            loads.entry(at).or_default().push(Rejected {
                position: text(2, row).unwrap_or_default(),
                column: text(3, row),
                reason: text(4, row).unwrap_or_default(),
                raw: text(5, row).unwrap_or_default(),
            });
        }
    }
    Ok(loads)
}

/// Makes extraction's rows of a stream those of `group`: the stream was loaded anew, so that all are of this load.
pub async fn renew(lake: &Lake, context: &SessionContext, group: &Group<'_>, run_id: &str) -> Result<(), Error> {
    let rows = context.read_batches(batches(std::slice::from_ref(group), run_id)?)?;
    let ours = Ours::Where(of_stream(group.stream, group.stage));
    again(|| settled(lake, context, &ours, &rows, &[ID, EXTRACTED_AT], run_id)).await
}

/// Puts the rows of `still` in the place of those that were tried again.
pub async fn retried(
    lake: &Lake,
    context: &SessionContext,
    tried: &[Group<'_>],
    still: &[Group<'_>],
    run_id: &str,
) -> Result<(), Error> {
    let rows = context.read_batches(batches(still, run_id)?)?;
    let tried = context.read_batches(batches(tried, run_id)?)?.select(vec![ident(ID).alias("_id")])?;
    let ours = Ours::Ids(tried);
    again(|| settled(lake, context, &ours, &rows, &[ID], run_id)).await
}

/// Makes the transform's rows of `entity` those of `rows`: what was mended leaves, what is new comes, the rest stays. How many
/// they are.
pub(crate) async fn settle(
    lake: &Lake,
    context: &SessionContext,
    entity: &str,
    refused: Vec<DataFrame>,
    run_id: &str,
) -> Result<u64, Error> {
    let mut rows = context.read_batch(RecordBatch::new_empty(schema()))?;
    for more in refused {
        rows = rows.union(more)?;
    }
    let ours = Ours::Where(col("entity").eq(lit(entity)).and(col("stage").eq(lit(Stage::Transform.name()))));
    // They are found by a query over all of bronze and looked at several times: on disk they cost no memory.
    let staged = lake.stage(&table(), schema(), rows.execute_stream().await?).await?;
    let rows = context.read_table(lake.staged_rows(context, &staged)?)?;
    let result = again(|| settled(lake, context, &ours, &rows, &[ID], run_id)).await;
    let count = staged.rows;
    lake.discard(staged).await;
    result.map(|()| count)
}

/// Makes `ours` those of `rows`; one that is there already, by the columns of `same`, stays as it is.
async fn settled(
    lake: &Lake,
    context: &SessionContext,
    ours: &Ours,
    rows: &DataFrame,
    same: &[&str],
    run_id: &str,
) -> Result<(), Error> {
    let Some(before) = lake.table(&table()).await? else {
        added(lake, context, rows, run_id).await?;
        return Ok(());
    };
    let names: Vec<String> = same.iter().map(|name| (*name).to_owned()).collect();
    let ids = |rows: DataFrame| rows.select(vec![ident(ID)]);
    let held = ours.of(held(context, &before, &[ID, "stage", "stream", "entity", EXTRACTED_AT]).await?)?;
    let known: Vec<Expr> = same.iter().map(|name| ident(*name)).collect();
    let changed = anti(context, rows.clone(), held.clone().select(known)?, &names)?;
    let gone = anti(context, ids(held)?, ids(rows.clone())?, &[ID.to_owned()])?;
    let to = Target { name: &table(), before: Some(&before), schema: schema(), key: ID };
    lake.patch(context, &to, changed, gone, mark(run_id)).await
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn rejected(position: &str) -> Rejected {
        let text = |text: &str| text.to_owned();
        Rejected { position: text(position), column: None, reason: text("unfit"), raw: text("{}") }
    }

    fn group<'a>(stream: &'a str, rows: &'a [Rejected], at: i64) -> Group<'a> {
        let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
        Group { stage: Stage::Extract, stream, entity: "", rows, at }
    }

    fn lake() -> (tempfile::TempDir, Lake) {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::at(Url::from_directory_path(folder.path()).unwrap());
        (folder, lake)
    }

    /// Positions by the second of their load.
    async fn positions(lake: &Lake, stream: &str) -> Vec<(i64, String)> {
        let loads = refused(lake, &SessionContext::new(), stream).await.unwrap();
        let mut found: Vec<(i64, String)> =
            loads.iter().flat_map(|(at, rows)| rows.iter().map(|row| (at.timestamp(), row.position.clone()))).collect();
        found.sort();
        found
    }

    /// Streams are read at once: each has its own rows in the end, whoever came first.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn streams_that_settle_at_once_lose_nothing_of_each_other() {
        let (_folder, lake) = lake();
        let streams: Vec<String> = (0..6).map(|number| format!("shop.stream_{number}")).collect();
        let mut tasks = Vec::new();
        for stream in streams.clone() {
            let lake = lake.clone();
            tasks.push(tokio::spawn(async move {
                let context = SessionContext::new();
                let all = [rejected("1"), rejected("2"), rejected("3")];
                add(&lake, &context, &group(&stream, &all, 1), "run").await.unwrap();
                renew(&lake, &context, &group(&stream, &all[1..], 2), "run").await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        for stream in &streams {
            assert_eq!(positions(&lake, stream).await, [(2, "2".to_owned()), (2, "3".to_owned())], "{stream}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_comes_while_rows_are_tried_again_stays() {
        let (_folder, lake) = lake();
        let context = SessionContext::new();
        let (old, new) = ([rejected("1"), rejected("2")], [rejected("3")]);
        add(&lake, &context, &group("shop.orders", &old, 1), "first").await.unwrap();
        let tried = [group("shop.orders", &old, 1)];
        add(&lake, &context, &group("shop.orders", &new, 2), "second").await.unwrap();
        let still = [group("shop.orders", &old[..1], 1)];
        retried(&lake, &context, &tried, &still, "replay").await.unwrap();
        assert_eq!(positions(&lake, "shop.orders").await, [(1, "1".to_owned()), (2, "3".to_owned())]);
    }

    /// The transform's rows have the ids that they would have in extraction's way of writing them.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn rows_of_a_query_settle_and_those_that_stay_keep_who_found_them() {
        let (_folder, lake) = lake();
        let context = SessionContext::new();
        let found = |run: &'static str, values: &'static str| {
            let context = context.clone();
            async move {
                let sql = format!("select * from (values {values}) as t(position, column_name, reason, raw)");
                let rows = context.sql(&sql).await.unwrap();
                refusals(rows, "shop.orders", "orders", run).unwrap()
            }
        };
        let both = found("first", "('1', 'amount', 'unfit', ''), ('2', 'amount', 'unfit', '')").await;
        assert_eq!(settle(&lake, &context, "orders", vec![both], "first").await.unwrap(), 2);
        let one = found("second", "('2', 'amount', 'unfit', ''), ('3', 'amount', 'unfit', '')").await;
        assert_eq!(settle(&lake, &context, "orders", vec![one], "second").await.unwrap(), 2);
        let there = lake.table(&table()).await.unwrap().unwrap();
        let rows = held(&context, &there, &["position", RUN_ID, ID]).await.unwrap();
        let mut rows: Vec<[String; 3]> = rows
            .collect()
            .await
            .unwrap()
            .iter()
            .flat_map(|batch| {
                let of = |row: usize| [0, 1, 2].map(|at| batch.column(at).as_string::<i32>().value(row).to_owned());
                (0..batch.num_rows()).map(of).collect::<Vec<_>>()
            })
            .collect();
        rows.sort();
        let id = |position| hash::of(&["transform", "shop.orders", "orders", position, "amount", "unfit", ""]);
        assert_eq!(rows, [["2", "first", &id("2")], ["3", "second", &id("3")]]);
        // Where nothing changes, nothing is written.
        let again = found("third", "('2', 'amount', 'unfit', ''), ('3', 'amount', 'unfit', '')").await;
        settle(&lake, &context, "orders", vec![again], "third").await.unwrap();
        assert_eq!(lake.table(&table()).await.unwrap().unwrap().version(), there.version());
    }
}
