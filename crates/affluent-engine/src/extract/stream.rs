//! One stream into its bronze table.

use affluent_connect::{Overlap, Source, Window};
use affluent_spec::TableName;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Duration, Utc};
use futures::StreamExt;
use serde::Serialize;

use super::overlap::Seen;
use super::slice::{Load, Slice, Target, bronze_schema};
use crate::context::{Event, Run};
use crate::error::Error;
use crate::lake::{Lake, Mark, Table, WriteMode};
use crate::plan::StreamPlan;
use crate::quarantine::{self, Group, Stage};

/// What extraction did with one stream.
#[derive(Debug, Clone, Serialize)]
pub struct StreamReport {
    /// `source.stream`.
    pub stream: String,
    /// Records read, those left out as known included.
    pub read: u64,
    /// Rows written to bronze.
    pub written: u64,
    /// Rows put in quarantine.
    pub quarantined: u64,
    /// Requests sent, or files opened.
    pub requests: u64,
    /// The bronze table.
    pub table: String,
    /// Its version; `None` where there is no table yet.
    pub version: Option<i64>,
    /// Where the stream stands.
    pub cursor: Option<serde_json::Value>,
    /// Why it broke off; `written` was committed before, and the next run goes on from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Wall time.
    pub seconds: f64,
}

/// Loads what is new in a stream; with an error, the report is of the part that was committed before it.
pub async fn extract(lake: &Lake, source: &dyn Source, plan: &StreamPlan, run: &Run) -> (StreamReport, Option<Error>) {
    let began = std::time::Instant::now();
    let mut report = StreamReport {
        stream: plan.id(),
        read: 0,
        written: 0,
        quarantined: 0,
        requests: 0,
        table: plan.table.to_string(),
        version: None,
        cursor: None,
        error: None,
        seconds: 0.0,
    };
    let error = Box::pin(load(lake, source, plan, run, &mut report)).await.err();
    report.error = error.as_ref().map(ToString::to_string);
    report.seconds = began.elapsed().as_secs_f64();
    if error.is_none() {
        run.tell(&Event::Extracted(report.clone()));
    }
    (report, error)
}

async fn load(
    lake: &Lake,
    source: &dyn Source,
    plan: &StreamPlan,
    run: &Run,
    report: &mut StreamReport,
) -> Result<(), Error> {
    let id = plan.id();
    let told = |error| Error::Source { stream: id.clone(), source: error };
    let context = run.session.context()?;
    let anew = run.full_refresh && source.is_repeatable();
    if run.full_refresh && !anew {
        tracing::warn!(stream = %id, "its records come once and bronze is their only copy: it is not loaded anew");
    }
    let held = lake.table(&plan.table).await?;
    let mark = match &held {
        Some(table) => table.mark().await?,
        None => None,
    };
    let handed_over = match (&mark, &plan.pipeline) {
        (Some(mark), Some(pipeline)) if run.full_refresh => mark.pipeline.as_ref() != Some(pipeline),
        (Some(mark), Some(pipeline)) => mark.is_for(&plan.table, pipeline).map(|()| false)?,
        _ => false,
    };
    let from = mark.as_ref().filter(|_| !anew).and_then(|mark| mark.cursor.clone()).map(affluent_connect::Cursor);
    let shape = run.unless_stopped(source.discover_from(&plan.name, from.as_ref())).await?.map_err(told)?;
    let schema = bronze_schema(&shape.arrow());
    if let Some(table) = held.as_ref().filter(|_| !anew) {
        fits(plan, table, &schema)?;
    }
    let overlap = if anew { Overlap::None } else { source.overlap(&plan.name, from.as_ref()) };
    let mut seen = Seen::of(&context, held.as_ref().filter(|_| !anew), &shape.key, &overlap).await?;
    let load = Load { schema: schema.clone(), at: loaded_at(mark.as_ref()), run_id: &run.run_id, source: id.clone() };

    report.version = held.as_ref().map(Table::version);
    report.cursor = from.as_ref().map(|cursor| cursor.0.clone());
    let writer = Writer { lake, context: &context, plan, run, anew, handed_over, at: load.at };
    let target = Target { lake, table: &plan.table, schema: schema.clone() };
    let mut before = held;
    let mut slice = Slice::new(&target)?;
    let mut pages = source.read(&plan.name, Window { from: from.clone() });
    let mut broken = None;
    loop {
        let page = match run.unless_stopped(pages.next()).await {
            Ok(Some(Ok(page))) => page,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                broken = Some(told(error));
                break;
            }
            Err(stopped) => {
                broken = Some(stopped);
                break;
            }
        };
        report.read += (page.rows.num_rows() + page.rejected.len()) as u64;
        report.requests += u64::from(page.requests);
        let fresh = load.marked(&seen.fresh(&page)?)?;
        slice.write(fresh, page.rejected).await?;
        run.tell(&Event::Read { stream: id.clone(), rows: report.read, requests: report.requests });
        if page.cursor.is_some() {
            slice.close(page.cursor).await?;
            if slice.is_full() && !anew {
                let full = std::mem::replace(&mut slice, Slice::new(&target)?);
                before = writer.commit(before, full, report).await?;
            }
        }
    }
    match broken {
        None => slice.close(None).await?,
        // What takes the place of a table is whole or nothing.
        Some(error) if anew || slice.cursor.is_none() => {
            slice.abort().await;
            return Err(error);
        }
        Some(error) => {
            slice.cut().await;
            if let Err(other) = writer.commit(before, slice, report).await {
                tracing::warn!(stream = %id, "what was read before could not be committed either: {other}");
            }
            return Err(error);
        }
    }
    writer.commit(before, slice, report).await?;
    Ok(())
}

struct Writer<'a> {
    lake: &'a Lake,
    context: &'a datafusion::prelude::SessionContext,
    plan: &'a StreamPlan,
    run: &'a Run,
    /// Whether what is read takes the place of what the table holds.
    anew: bool,
    /// Whether the table comes from another pipeline, and a commit must say so although it may have no rows.
    handed_over: bool,
    at: DateTime<Utc>,
}

impl Writer<'_> {
    /// Commits a slice, its rejected rows first: killed in between, the next run finds them there and adds none twice. Where
    /// the slice takes a table's place, those that are not refused any more leave after it.
    async fn commit(
        &self,
        before: Option<Table>,
        mut slice: Slice<'_>,
        report: &mut StreamReport,
    ) -> Result<Option<Table>, Error> {
        let table: &TableName = &self.plan.table;
        let rejected = std::mem::take(&mut slice.rejected);
        let stream = self.plan.id();
        let group = Group { stage: Stage::Extract, stream: &stream, entity: "", rows: &rejected, at: self.at };
        let added = quarantine::add(self.lake, self.context, &group, &self.run.run_id).await?;
        report.quarantined += if self.anew { rejected.len() as u64 } else { added };
        let cursor = slice.cursor.as_ref().map(|cursor| cursor.0.clone()).or_else(|| report.cursor.clone());
        let replaces = self.anew && before.is_some();
        if slice.rows == 0 && cursor == report.cursor && !replaces && !self.handed_over && before.is_some() {
            return Ok(before);
        }
        let mark = Mark {
            run_id: self.run.run_id.clone(),
            pipeline: self.plan.pipeline.clone(),
            cursor: cursor.clone(),
            loaded_at: Some(self.at),
            ..Mark::default()
        };
        let staged = slice.finish().await?;
        let mode = if replaces { WriteMode::Replace } else { WriteMode::Append };
        let commit = self.lake.commit(before.as_ref(), staged, mode, Some(mark)).await?;
        if self.anew {
            quarantine::renew(self.lake, self.context, &group, &self.run.run_id).await?;
        }
        report.written += commit.rows;
        report.version = Some(commit.version);
        report.cursor = cursor;
        self.lake.table(table).await
    }
}

/// Refuses columns that bronze cannot take: another type for a known one, and new ones where the stream is frozen.
pub(super) fn fits(plan: &StreamPlan, table: &Table, schema: &SchemaRef) -> Result<(), Error> {
    let held = table.schema()?;
    let mut faults = Vec::new();
    for field in schema.fields() {
        match held.field_with_name(field.name()) {
            Ok(known) if known.data_type() == field.data_type() => {}
            Ok(known) => {
                let (was, is) = (known.data_type(), field.data_type());
                faults.push(format!("column `{}` is {was} in bronze and declared as {is} now", field.name()));
            }
            Err(_) if plan.frozen() => {
                faults.push(format!("column `{}` is new, and the stream's contract is freeze", field.name()));
            }
            Err(_) => {}
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Lake {
        table: plan.table.to_string(),
        message: format!("{}; run with --full-refresh --select {} to load it anew", faults.join("; "), plan.id()),
    })
}

/// The instant of this load: now, but always after the loads that the table holds, whatever the clock says.
fn loaded_at(mark: Option<&Mark>) -> DateTime<Utc> {
    let now = Utc::now();
    match mark.and_then(|mark| mark.loaded_at) {
        Some(last) if last >= now => last + Duration::microseconds(1),
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use affluent_spec::Pipeline;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::catalog::Catalog;
    use crate::plan::{Plan, resolve};
    use crate::session::Session;

    const PIPELINE: &str = "pipeline: shop\nlake: ./lake\nsources:\n  shop:\n    connector: files\n    with: { path: orders.csv }\n    \
                            streams:\n      orders: { key: [id], columns: { id: string, day: date } }\n";

    async fn load(
        plan: &Plan,
        lake: &Lake,
        full_refresh: bool,
        heard: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let run = Run {
            run_id: "run".to_owned(),
            as_of: Utc::now(),
            full_refresh,
            session: Session::new(None)?,
            stop: tokio_util::sync::CancellationToken::new(),
            listener: Arc::new(heard),
        };
        let source = super::super::open(&plan.sources[0], &plan.base).unwrap();
        extract(lake, source.as_ref(), &plan.sources[0].streams[0], &run).await.1.map_or(Ok(()), Err)
    }

    /// Another run's commit to the same table.
    async fn forestall(lake: &Lake, table: &TableName) {
        let before = lake.table(table).await.unwrap().unwrap();
        let none = lake.stager(table, before.schema().unwrap()).unwrap().finish().await.unwrap();
        let mark = Mark { run_id: "other".to_owned(), ..before.mark().await.unwrap().unwrap() };
        lake.commit(Some(&before), none, WriteMode::Append, Some(mark)).await.unwrap();
    }

    /// What was refused stands in the quarantine until what takes its place stands in bronze.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_full_refresh_that_is_cut_off_loses_no_refused_row() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.csv");
        std::fs::write(&file, "id,day\n1,2026-01-02\n2,02/01/2026\n3,03/01/2026\n").unwrap();
        let pipeline = affluent_spec::read::<Pipeline>("pipeline.yaml", PIPELINE).unwrap();
        let plan = resolve(pipeline, Catalog::builtin().unwrap(), folder.path(), None).unwrap();
        let lake = Lake::at(plan.lake.clone());
        let refused = async || {
            let loads = quarantine::refused(&lake, &SessionContext::new(), "shop.orders").await.unwrap();
            loads.into_iter().flat_map(|(at, rows)| rows.into_iter().map(move |row| (at, row.raw))).collect::<Vec<_>>()
        };
        load(&plan, &lake, false, |_| {}).await.unwrap();
        let before = refused().await;
        assert_eq!(before.len(), 2);

        std::fs::write(&file, "id,day\n1,2026-01-02\n2,2026-01-02\n3,03/01/2026\n").unwrap();
        let (other, table, done) = (lake.clone(), plan.sources[0].streams[0].table.clone(), AtomicBool::new(false));
        let cut_off = load(&plan, &lake, true, move |event| {
            if matches!(event, Event::Read { .. }) && !done.swap(true, Ordering::Relaxed) {
                let (other, table) = (other.clone(), table.clone());
                let runtime = tokio::runtime::Runtime::new().unwrap();
                std::thread::spawn(move || runtime.block_on(forestall(&other, &table))).join().unwrap();
            }
        });
        let error = cut_off.await.unwrap_err();
        assert!(matches!(error, Error::Concurrent { .. }), "{error}");
        assert_eq!(refused().await, before);

        load(&plan, &lake, true, |_| {}).await.unwrap();
        let after = refused().await;
        let loaded = lake.table(&plan.sources[0].streams[0].table).await.unwrap().unwrap().mark().await.unwrap();
        // The one row that still does not fit is of the new load, and would stand among its rows.
        assert_eq!(after.len(), 1, "{after:?}");
        assert_eq!(Some(after[0].0.timestamp_micros()), loaded.unwrap().loaded_at.map(|at| at.timestamp_micros()));
        assert!(after[0].1.contains("03/01/2026"), "{after:?}");
    }

    #[test]
    fn loads_follow_each_other_whatever_the_clock_says() {
        let of = |at: DateTime<Utc>| Mark { loaded_at: Some(at), ..Mark::default() };
        let began = Utc::now();
        for mark in [None, Some(Mark::default()), Some(of(began - Duration::days(1)))] {
            assert!(loaded_at(mark.as_ref()) >= began, "{mark:?}");
        }
        // The clock has gone back by a day.
        let ahead = began + Duration::days(1);
        let first = loaded_at(Some(&of(ahead)));
        let second = loaded_at(Some(&of(first)));
        assert!(ahead < first && first < second, "{ahead} {first} {second}");
        assert!(second.timestamp_micros() > first.timestamp_micros());
    }
}
