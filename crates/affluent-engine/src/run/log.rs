//! The run log, `_affluent/runs`: one row for each stage that a run id has done.

use std::sync::Arc;

use affluent_connect::schema;
use affluent_spec::TableName;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::prelude::{ident, lit};
use serde::Serialize;

use super::{Run, Stage, StageReport, Status};
use crate::error::Error;
use crate::lake::{Lake, WriteMode};
use crate::session::Session;

/// The table.
pub fn table() -> TableName {
    TableName::new("_affluent", "runs")
}

/// The status of a stage that was done.
const DONE: &str = "ok";

pub(crate) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let instant = |name: &str| Field::new(name, schema::instant(), true);
    Arc::new(Schema::new(vec![
        text("run_id"),
        text("pipeline"),
        text("stage"),
        text("selection"),
        text("status"),
        instant("as_of"),
        instant("started_at"),
        instant("finished_at"),
        text("report"),
    ]))
}

/// One row of the log.
#[derive(Debug, Clone, Serialize)]
pub struct LoggedRun {
    /// The run.
    pub run_id: String,
    /// The pipeline.
    pub pipeline: String,
    /// The stage.
    pub stage: String,
    /// What was selected; empty for all.
    pub selection: String,
    /// `ok` or `failed`.
    pub status: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// The stage's report: tables with their versions, counts, inputs.
    pub report: serde_json::Value,
}

/// The stages done in this lake, newest first.
pub async fn history(lake: &Lake, session: &Session) -> Result<Vec<LoggedRun>, Error> {
    let Some(log) = lake.table(&table()).await? else { return Ok(Vec::new()) };
    let context = session.context()?;
    let rows = context.read_table(log.provider().await?)?.sort(vec![ident("started_at").sort(false, true)])?;
    let mut runs = Vec::new();
    for batch in rows.collect().await? {
        runs.extend(decoded(&batch)?);
    }
    Ok(runs)
}

/// Whether a run id has done a stage of `pipeline` for a selection.
pub(super) async fn is_done(
    lake: &Lake,
    run: &Run,
    pipeline: &str,
    stage: Stage,
    selection: &str,
) -> Result<bool, Error> {
    let Some(log) = lake.table(&table()).await? else { return Ok(false) };
    let same = |name: &str, value: &str| ident(name).eq(lit(value));
    let done = same("run_id", &run.run_id)
        .and(same("pipeline", pipeline))
        .and(same("stage", stage.name()))
        .and(same("selection", selection))
        .and(same("status", DONE));
    let rows = run.session.context()?.read_table(log.provider().await?)?.filter(done)?.select(vec![ident("run_id")])?;
    Ok(rows.limit(0, Some(1))?.count().await? > 0)
}

fn decoded(batch: &RecordBatch) -> Result<Vec<LoggedRun>, Error> {
    let column = |name: &str, kind: &DataType| -> Result<ArrayRef, Error> {
        Ok(cast(batch.column(batch.schema().index_of(name)?), kind)?)
    };
    let texts: Vec<ArrayRef> = ["run_id", "pipeline", "stage", "selection", "status", "report"]
        .iter()
        .map(|name| column(name, &DataType::Utf8))
        .collect::<Result<_, _>>()?;
    let instants: Vec<ArrayRef> =
        ["started_at", "finished_at"].iter().map(|name| column(name, &schema::instant())).collect::<Result<_, _>>()?;
    let text = |at: usize, row: usize| {
        let array = texts[at].as_string::<i32>();
        if array.is_null(row) { String::new() } else { array.value(row).to_owned() }
    };
    let instant = |at: usize, row: usize| {
        let micros = instants[at].as_primitive::<TimestampMicrosecondType>().value(row);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    };
    Ok((0..batch.num_rows())
        .map(|row| LoggedRun {
            run_id: text(0, row),
            pipeline: text(1, row),
            stage: text(2, row),
            selection: text(3, row),
            status: text(4, row),
            started_at: instant(0, row),
            finished_at: instant(1, row),
            report: serde_json::from_str(&text(5, row)).unwrap_or_default(),
        })
        .collect())
}

/// Writes a stage down.
pub(super) async fn write(
    lake: &Lake,
    report: &StageReport,
    selection: &str,
    started: DateTime<Utc>,
) -> Result<(), Error> {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let instant = |at: DateTime<Utc>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![at.timestamp_micros()]).with_timezone("UTC"))
    };
    let status = if report.status == Status::Failed { "failed" } else { DONE };
    let json = serde_json::to_string(report).unwrap_or_default();
    let columns = vec![
        text(&report.run_id),
        text(&report.pipeline),
        text(report.stage.name()),
        text(selection),
        text(status),
        instant(report.as_of),
        instant(started),
        instant(Utc::now()),
        text(&json),
    ];
    let batch = RecordBatch::try_new(schema(), columns)?;
    let mut stager = lake.stager(&table(), schema())?;
    stager.write(&batch).await?;
    let before = lake.table(&table()).await?;
    lake.commit(before.as_ref(), stager.finish().await?, WriteMode::Append, None).await?;
    Ok(())
}
