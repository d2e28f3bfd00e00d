//! What each matching did: its report with weights, in `_affluent.match_reports`, and what became of entities, in
//! `silver.identity_log`.
//!
//! Rows carry the state that matching ended in, a hash of which record is of which entity: a run that was killed and is made again
//! ends in the same state, finds its rows there, and writes none twice.

use std::collections::HashSet;
use std::sync::Arc;

use affluent_connect::schema::instant;
use affluent_match::{Decision, IdentityEvent, Learned, Settings};
use affluent_spec::TableName;
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::prelude::{Expr, SessionContext, ident, lit};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::Work;
use super::history::History;
use super::identity::Identified;
use crate::columns::{EXTRACTED_AT, RECORD_ID, RUN_ID};
use crate::error::Error;
use crate::lake::{Lake, Mark, Table, WriteMode, again, commented};

fn reports() -> TableName {
    TableName::new("_affluent", "match_reports")
}

fn log() -> TableName {
    TableName::silver("identity_log")
}

/// What an earlier run learned, and by which settings.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) settings: Settings,
    pub(crate) learned: Learned,
    /// Records that it was learned from.
    pub(crate) records: u64,
    /// What people had decided.
    pub(crate) decisions: Vec<Decision>,
}

const WHOLE: [&str; 12] = [
    "records",
    "fresh",
    "entities",
    "pairs",
    "largest",
    "created",
    "merged",
    "split",
    "moved",
    "doubts",
    "decisions_unused",
    "learned_from",
];
const TEXTS: [&str; 7] = ["rules", "comparisons", "histogram", "cluster_sizes", "settings", "learned", "decisions"];

pub(super) fn report_schema() -> SchemaRef {
    let mut fields = vec![
        Field::new("entity", DataType::Utf8, true),
        Field::new(RUN_ID, DataType::Utf8, true),
        Field::new(EXTRACTED_AT, instant(), true),
        Field::new("state", DataType::Utf8, true),
        Field::new("threshold", DataType::Float64, true),
        Field::new("expected_matches", DataType::Float64, true),
    ];
    fields.extend(WHOLE.map(|name| Field::new(name, DataType::Int64, true)));
    fields.extend(TEXTS.map(|name| Field::new(name, DataType::Utf8, true)));
    let about =
        "One row for each matching: what was compared, what was learned (JSON), what was found and what changed.";
    Arc::new(commented(Schema::new(fields), about))
}

pub(super) fn log_schema() -> SchemaRef {
    let fields = vec![
        Field::new("entity", DataType::Utf8, true),
        Field::new("event", DataType::Utf8, true),
        Field::new("from_id", DataType::Utf8, true),
        Field::new("to_id", DataType::Utf8, true),
        Field::new(RECORD_ID, DataType::Utf8, true),
        Field::new(RUN_ID, DataType::Utf8, true),
        Field::new(EXTRACTED_AT, instant(), true),
        Field::new("state", DataType::Utf8, true),
    ];
    let about = "What became of persons and companies: created (to_id), merged (from_id is now to_id), split (to_id was part of from_id), \
                 moved (the record went from from_id to to_id).";
    Arc::new(commented(Schema::new(fields), about))
}

/// Which record is of which entity, in any order, as a hash.
pub(super) fn state<'a>(entities: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let one = |(record, entity): (&str, &str)| xxh3_128(format!("{record}\u{0}{entity}").as_bytes());
    format!("{:032x}", entities.map(one).fold(0, u128::wrapping_add))
}

/// Writes the report and the events of one matching, unless they are there.
pub(super) async fn write(
    work: &Work<'_>,
    entity: &str,
    records: &[String],
    history: &History,
    identified: &Identified,
    decisions: &[Decision],
) -> Result<(), Error> {
    let Some((matched, settings)) = &identified.compared else { return Ok(()) };
    let state = state(records.iter().map(String::as_str).zip(identified.entity_of.iter().map(String::as_str)));
    if !identified.events.is_empty() {
        // A state may be left and come back to: only the step that was told last is not told again.
        let before = self::state(history.entities.iter().map(|(record, entity)| (record.as_str(), entity.as_str())));
        let step = format!("{before}-{state}");
        if last_step(work, entity).await?.as_ref() != Some(&step) {
            append(work, &log(), &events(work, entity, &step, &identified.events)?, lit(false)).await?;
        }
    }
    let learned_from = match &history.kept {
        Some(kept) if matched.report.is_learned_before => kept.records,
        _ => matched.report.records as u64,
    };
    let report = &identified.report;
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let json = |value: &dyn Fn() -> serde_json::Result<String>| -> Result<ArrayRef, Error> {
        let written = value().map_err(|error| Error::Query(format!("the report of matching: {error}")))?;
        Ok(text(&written))
    };
    let settings_text = to_json(settings).map_err(|error| Error::Query(format!("the report of matching: {error}")))?;
    let mut columns: Vec<ArrayRef> = vec![
        text(entity),
        text(&work.run.run_id),
        Arc::new(now(1)),
        text(&state),
        Arc::new(Float64Array::from(vec![report.threshold])),
        Arc::new(Float64Array::from(vec![matched.report.expected_matches])),
    ];
    let [created, merged, split, moved] = report.changes;
    let whole = [
        report.records,
        report.fresh,
        report.entities,
        report.pairs,
        report.largest,
        created,
        merged,
        split,
        moved,
        report.doubts,
        report.decisions_unused,
        learned_from,
    ];
    columns.extend(whole.map(|value| Arc::new(Int64Array::from(vec![value as i64])) as ArrayRef));
    columns.push(json(&|| to_json(&matched.report.rules))?);
    columns.push(json(&|| to_json(&matched.report.comparisons))?);
    columns.push(json(&|| to_json(&matched.report.histogram))?);
    columns.push(json(&|| to_json(&matched.report.cluster_sizes))?);
    columns.push(text(&settings_text));
    columns.push(json(&|| to_json(&matched.learned))?);
    let decided = to_json(&decisions).map_err(|error| Error::Query(format!("the report of matching: {error}")))?;
    columns.push(text(&decided));
    let mut there = these(entity, &state).and(ident("settings").eq(lit(settings_text)));
    if has_decisions(work.lake.table(&reports()).await?.as_ref())? {
        there = there.and(ident("decisions").eq(lit(decided)));
    }
    append(work, &reports(), &RecordBatch::try_new(report_schema(), columns)?, there).await
}

/// Whether the reports tell of decisions; those of earlier releases do not.
fn has_decisions(reports: Option<&Table>) -> Result<bool, Error> {
    reports.map_or(Ok(false), |table| Ok(table.schema()?.field_with_name("decisions").is_ok()))
}

/// The step that the log told last of an entity.
async fn last_step(work: &Work<'_>, entity: &str) -> Result<Option<String>, Error> {
    let Some(table) = work.lake.table(&log()).await? else { return Ok(None) };
    let rows = work
        .context
        .read_table(table.provider().await?)?
        .filter(ident("entity").eq(lit(entity)))?
        .sort(vec![ident(EXTRACTED_AT).sort(false, true)])?
        .limit(0, Some(1))?
        .select(vec![ident("state")])?
        .collect()
        .await?;
    let Some(row) = rows.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let state = cast(row.column(0), &DataType::Utf8)?;
    Ok(state.as_string::<i32>().iter().next().flatten().map(str::to_owned))
}

fn these(entity: &str, state: &str) -> Expr {
    ident("entity").eq(lit(entity)).and(ident("state").eq(lit(state)))
}

fn to_json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value)
}

fn now(rows: usize) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(vec![chrono::Utc::now().timestamp_micros(); rows]).with_timezone("UTC")
}

fn events(work: &Work<'_>, entity: &str, state: &str, events: &[IdentityEvent]) -> Result<RecordBatch, Error> {
    type Row<'a> = (&'a str, Option<&'a str>, &'a str, Option<&'a str>);
    let row = |event: &'_ IdentityEvent| -> (&'static str, Option<String>, String, Option<String>) {
        match event.clone() {
            IdentityEvent::Created { entity_id } => ("created", None, entity_id, None),
            IdentityEvent::Merged { from, into } => ("merged", Some(from), into, None),
            IdentityEvent::Split { from, into } => ("split", Some(from), into, None),
            IdentityEvent::Moved { record_id, from, to } => ("moved", Some(from), to, Some(record_id)),
        }
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    let column = |of: &dyn for<'a> Fn(Row<'a>) -> Option<&'a str>| -> ArrayRef {
        let cells =
            rows.iter().map(|(event, from, to, record)| of((*event, from.as_deref(), to.as_str(), record.as_deref())));
        Arc::new(cells.collect::<StringArray>())
    };
    let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows.len()])) };
    let columns: Vec<ArrayRef> = vec![
        same(entity),
        column(&|row| Some(row.0)),
        column(&|row| row.1),
        column(&|row| Some(row.2)),
        column(&|row| row.3),
        same(&work.run.run_id),
        Arc::new(now(rows.len())),
        same(state),
    ];
    Ok(RecordBatch::try_new(log_schema(), columns)?)
}

/// Adds rows, unless some of `there` are in the table.
async fn append(work: &Work<'_>, name: &TableName, batch: &RecordBatch, there: Expr) -> Result<(), Error> {
    again(|| appended(work, name, batch, there.clone())).await
}

async fn appended(work: &Work<'_>, name: &TableName, batch: &RecordBatch, there: Expr) -> Result<(), Error> {
    let before = work.lake.table(name).await?;
    if let Some(table) = &before {
        let rows = work.context.read_table(table.provider().await?)?.filter(there)?.select(vec![ident("state")])?;
        if rows.limit(0, Some(1))?.count().await? > 0 {
            return Ok(());
        }
    }
    let mut stager = work.lake.stager(name, batch.schema())?;
    stager.write(batch).await?;
    let mark = Mark { run_id: work.run.run_id.clone(), ..Mark::default() };
    work.lake.commit(before.as_ref(), stager.finish().await?, WriteMode::Append, Some(mark)).await?;
    Ok(())
}

/// What was learned last; by the matching that ended in `state` where one is named.
pub(crate) async fn newest(
    lake: &Lake,
    context: &SessionContext,
    entity: &str,
    state: Option<&str>,
) -> Result<Option<Kept>, Error> {
    let Some(table) = lake.table(&reports()).await? else { return Ok(None) };
    let mut columns = vec![ident("settings"), ident("learned"), ident("learned_from")];
    columns.extend(has_decisions(Some(&table))?.then(|| ident("decisions")));
    let these = state.map_or_else(|| ident("entity").eq(lit(entity)), |state| these(entity, state));
    let rows = context
        .read_table(table.provider().await?)?
        .filter(these)?
        .sort(vec![ident(EXTRACTED_AT).sort(false, true)])?
        .limit(0, Some(1))?
        .select(columns)?
        .collect()
        .await?;
    let Some(row) = rows.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let text = |at: usize| -> Result<String, Error> {
        let column = cast(row.column(at), &DataType::Utf8)?;
        let column = column.as_string::<i32>();
        Ok(if column.is_null(0) { String::new() } else { column.value(0).to_owned() })
    };
    let records = cast(row.column(2), &DataType::Int64)?.as_primitive::<Int64Type>().value(0);
    // What another release wrote may not be understood: then all is learned anew.
    let kept = serde_json::from_str(&text(0)?).ok().zip(serde_json::from_str(&text(1)?).ok());
    let decisions =
        if row.num_columns() > 3 { serde_json::from_str(&text(3)?).unwrap_or_default() } else { Vec::new() };
    Ok(kept.map(|(settings, learned)| Kept { settings, learned, records: records as u64, decisions }))
}

/// The ids that stand for another entity now.
pub(super) async fn retired(lake: &Lake, context: &SessionContext, entity: &str) -> Result<HashSet<String>, Error> {
    let Some(table) = lake.table(&log()).await? else { return Ok(HashSet::new()) };
    let rows = context
        .read_table(table.provider().await?)?
        .filter(ident("entity").eq(lit(entity)).and(ident("event").eq(lit("merged"))))?
        .select(vec![ident("from_id")])?
        .collect()
        .await?;
    let mut retired = HashSet::new();
    for batch in &rows {
        let ids = cast(batch.column(0), &DataType::Utf8)?;
        retired.extend(ids.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(retired)
}
