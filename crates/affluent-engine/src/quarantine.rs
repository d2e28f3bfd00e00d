//! The quarantine: rows that could not be used, each with where it came from, why, and the row itself.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use affluent_connect::Rejected;
use affluent_connect::schema::instant;
use affluent_spec::TableName;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::prelude::{Expr, SessionContext, cast, col, ident, lit};
use xxhash_rust::xxh3::xxh3_128;

use crate::columns::{EXTRACTED_AT, RUN_ID};
use crate::error::Error;
use crate::lake::{Lake, Mark, WriteMode, in_turn};

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

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("quarantine_id"),
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

/// The same fault of the same row has the same id in every run, so that none is kept twice.
fn id(stage: Stage, stream: &str, entity: &str, row: &Rejected) -> String {
    let column = row.column.as_deref().unwrap_or_default();
    let parts = [stage.name(), stream, entity, &row.position, column, &row.reason, &row.raw];
    format!("{:032x}", xxh3_128(parts.join("\u{1f}").as_bytes()))
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

fn batch(group: &Group<'_>, run_id: &str, known: &HashSet<String>) -> Result<RecordBatch, Error> {
    let mut seen = HashSet::new();
    let rows: Vec<(String, &Rejected)> = group
        .rows
        .iter()
        .map(|row| (id(group.stage, group.stream, group.entity, row), row))
        .filter(|(id, _)| !known.contains(id) && seen.insert(id.clone()))
        .collect();
    let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows.len()])) };
    let each = |of: &dyn Fn(&Rejected) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, row)| of(row)).collect::<StringArray>())
    };
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
        Arc::new(TimestampMicrosecondArray::from(vec![group.at.timestamp_micros(); rows.len()]).with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

/// Adds rows, those that are there already left out.
pub async fn add(lake: &Lake, context: &SessionContext, group: &Group<'_>, run_id: &str) -> Result<u64, Error> {
    if group.rows.is_empty() {
        return Ok(0);
    }
    // Streams and runs share this table, and two runs keep no row twice.
    in_turn(|| added(lake, context, group, run_id)).await
}

async fn added(lake: &Lake, context: &SessionContext, group: &Group<'_>, run_id: &str) -> Result<u64, Error> {
    let before = lake.table(&table()).await?;
    let known = match &before {
        None => HashSet::new(),
        Some(table) => {
            let rows = context
                .read_table(table.provider().await?)?
                .filter(of_stream(group.stream, group.stage))?
                .select(vec![cast(ident("quarantine_id"), DataType::Utf8)])?
                .collect()
                .await?;
            rows.iter()
                .flat_map(|batch| {
                    batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
                })
                .collect()
        }
    };
    let batch = batch(group, run_id, &known)?;
    if batch.num_rows() == 0 {
        return Ok(0);
    }
    let mut stager = lake.stager(&table(), schema())?;
    stager.write(&batch).await?;
    let commit = lake.commit(before.as_ref(), stager.finish().await?, WriteMode::Append, Some(mark(run_id))).await?;
    Ok(commit.rows)
}

/// Whether a row is one that `stage` refused of a stream.
fn of_stream(stream: &str, stage: Stage) -> Expr {
    col("stream").eq(lit(stream)).and(col("stage").eq(lit(stage.name())))
}

/// The mark of a commit to the quarantine: of two that know the same rows, one is refused.
fn mark(run_id: &str) -> Mark {
    Mark { run_id: run_id.to_owned(), ..Mark::default() }
}

/// Takes away what extraction refused of a stream: it is about to be loaded anew.
pub async fn forget(lake: &Lake, context: &SessionContext, stream: &str) -> Result<(), Error> {
    settle_stream(lake, context, stream, &[], "").await
}

/// What extraction refused of a stream, by the instant of its load.
pub async fn refused(
    lake: &Lake,
    context: &SessionContext,
    stream: &str,
) -> Result<BTreeMap<DateTime<Utc>, Vec<Rejected>>, Error> {
    let mut loads: BTreeMap<DateTime<Utc>, Vec<Rejected>> = BTreeMap::new();
    let Some(table) = lake.table(&table()).await? else { return Ok(loads) };
    let text = |name: &str| cast(ident(name), DataType::Utf8);
    let rows = context.read_table(table.provider().await?)?.filter(of_stream(stream, Stage::Extract))?.select(vec![
        text("position"),
        text("column_name"),
        text("reason"),
        text("raw"),
        ident(EXTRACTED_AT),
    ])?;
    for batch in rows.collect().await? {
        let text = |column: usize, row: usize| {
            let column = batch.column(column).as_string::<i32>();
            (!column.is_null(row)).then(|| column.value(row).to_owned())
        };
        let instants = batch.column(4).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let at = DateTime::from_timestamp_micros(instants.value(row)).unwrap_or_default();
            loads.entry(at).or_default().push(Rejected {
                position: text(0, row).unwrap_or_default(),
                column: text(1, row),
                reason: text(2, row).unwrap_or_default(),
                raw: text(3, row).unwrap_or_default(),
            });
        }
    }
    Ok(loads)
}

/// Makes extraction's rows of `stream` those of `groups`.
pub async fn settle_stream(
    lake: &Lake,
    context: &SessionContext,
    stream: &str,
    groups: &[Group<'_>],
    run_id: &str,
) -> Result<(), Error> {
    in_turn(|| settle_where(lake, context, of_stream(stream, Stage::Extract), groups, run_id)).await
}

/// Makes the transform's rows of `entity` those of `groups`: what was mended leaves, what is new comes, the rest stays.
pub async fn settle(
    lake: &Lake,
    context: &SessionContext,
    entity: &str,
    groups: &[Group<'_>],
    run_id: &str,
) -> Result<(), Error> {
    let ours = col("entity").eq(lit(entity)).and(col("stage").eq(lit(Stage::Transform.name())));
    in_turn(|| settle_where(lake, context, ours.clone(), groups, run_id)).await
}

/// Makes the rows that `ours` is true of those of `groups`.
async fn settle_where(
    lake: &Lake,
    context: &SessionContext,
    ours: Expr,
    groups: &[Group<'_>],
    run_id: &str,
) -> Result<(), Error> {
    let before = lake.table(&table()).await?;
    let empty = groups.iter().all(|group| group.rows.is_empty());
    let Some(before) = before else {
        for group in groups {
            add(lake, context, group, run_id).await?;
        }
        return Ok(());
    };
    let held = context.read_table(before.provider().await?)?;
    if empty && held.clone().filter(ours.clone())?.count().await? == 0 {
        return Ok(());
    }
    let current: Vec<RecordBatch> =
        groups.iter().map(|group| batch(group, run_id, &HashSet::new())).collect::<Result<_, _>>()?;
    let ids: Vec<_> = current
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(lit).collect::<Vec<_>>())
        .collect();
    // Rows known already are kept as they are, with the run that found them first.
    let kept = held.clone().filter(ours.clone().is_not_true().or(col("quarantine_id").in_list(ids, false)))?;
    let known: HashSet<String> = held
        .filter(ours)?
        .select(vec![cast(ident("quarantine_id"), DataType::Utf8)])?
        .collect()
        .await?
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let fresh: Vec<RecordBatch> = groups.iter().map(|group| batch(group, run_id, &known)).collect::<Result<_, _>>()?;
    let rows = if fresh.is_empty() { kept } else { kept.union(context.read_batches(fresh)?)? };
    lake.merge(context, &table(), schema(), rows, "quarantine_id", Some(mark(run_id))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use url::Url;

    use super::*;
    use crate::session::Session;

    /// Each entity of a run, and each stream of another, settles what is its own at the same time.
    #[tokio::test]
    async fn all_who_write_it_at_once_come_through() {
        const WRITERS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::at(Url::from_directory_path(folder.path()).unwrap());
        let context = Session::new(None).unwrap().context().unwrap();
        let row = |writer: usize, reason: &str| Rejected {
            position: format!("orders.csv:{writer}"),
            column: Some("amount".to_owned()),
            reason: reason.to_owned(),
            raw: "134;137".to_owned(),
        };
        for reason in ["is no number", "has no rate"] {
            let (lake, context) = (&lake, &context);
            let writers = (0..WRITERS).map(|writer| async move {
                let rows = [row(writer, reason)];
                let name = format!("silver_{writer}");
                let at = DateTime::from_timestamp_micros(0).unwrap();
                if writer % 2 == 0 {
                    let group =
                        Group { stage: Stage::Transform, stream: "shop.orders", entity: &name, rows: &rows, at };
                    settle(lake, context, &name, &[group], "one").await
                } else {
                    let group = Group { stage: Stage::Extract, stream: &name, entity: "", rows: &rows, at };
                    settle_stream(lake, context, &name, &[group], "other").await
                }
            });
            for written in join_all(writers).await {
                written.unwrap();
            }
            let held =
                context.read_table(lake.table(&table()).await.unwrap().unwrap().provider().await.unwrap()).unwrap();
            assert_eq!(held.clone().count().await.unwrap(), WRITERS);
            assert_eq!(held.filter(col("reason").eq(lit(reason))).unwrap().count().await.unwrap(), WRITERS);
        }
    }
}
