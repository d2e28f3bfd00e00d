//! Another try at records that extraction refused: those that fit now go into bronze as if they had been loaded then.

use affluent_connect::{Page, Source};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use chrono::{DateTime, Utc};
use datafusion::prelude::{JoinType, SessionContext};
use serde::Serialize;

use super::slice::{Load, bronze_schema};
use super::stream::fits;
use crate::columns::{DELETED, FILE, HASH, ROW};
use crate::context::Run;
use crate::error::Error;
use crate::lake::{Lake, Mark, Table, WriteMode};
use crate::plan::StreamPlan;
use crate::quarantine::{self, Group, Stage};

/// What became of a stream's refused records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Records that were refused.
    pub tried: u64,
    /// Those that are in bronze now.
    pub mended: u64,
}

/// Tries again what extraction refused of a stream.
///
/// A record that fits gets the instant of the load that met it, so that it stands where it would have stood among the
/// versions of its key. Rows that bronze holds by now are left out, so that a replay cut off in the middle can be run again.
pub async fn replay(lake: &Lake, source: &dyn Source, plan: &StreamPlan, run: &Run) -> Result<Replayed, Error> {
    let id = plan.id();
    let context = run.session.context()?;
    let told = |error| Error::Source { stream: id.clone(), source: error };
    let loads = quarantine::refused(lake, &context, &id).await?;
    let mut report = Replayed { tried: loads.values().map(|records| records.len() as u64).sum(), mended: 0 };
    // Without a table no slice of the stream was ever committed: the next run reads all of it.
    let Some(held) = lake.table(&plan.table).await?.filter(|_| report.tried > 0) else { return Ok(report) };
    let mark = held.mark().await?.unwrap_or_default();
    if let Some(pipeline) = &plan.pipeline {
        mark.is_for(&plan.table, pipeline)?;
    }
    let cursor = mark.cursor.clone().map(affluent_connect::Cursor);
    let shape = source.discover_from(&plan.name, cursor.as_ref()).await.map_err(told)?;
    let schema = bronze_schema(&shape.arrow());
    fits(plan, &held, &schema)?;
    let identity: &[&str] = if shape.located { &[FILE, ROW] } else { &[HASH, DELETED] };

    let mut batches = Vec::new();
    let mut still = Vec::new();
    for (at, records) in &loads {
        let Page { rows, rejected, .. } =
            source.replay(&plan.name, cursor.as_ref(), records.clone()).await.map_err(told)?;
        let load = Load { schema: schema.clone(), at: *at, run_id: &run.run_id, source: id.clone() };
        batches.push(load.marked(&rows)?);
        still.push((*at, rejected));
    }
    let rows = concat_batches(&schema, &batches)?;
    report.mended = rows.num_rows() as u64;
    let mut stager = lake.stager(&plan.table, schema.clone())?;
    for batch in absent(&context, &held, rows, identity).await? {
        stager.write(&batch).await?;
    }
    let staged = stager.finish().await?;
    if staged.rows > 0 {
        let mark = Mark { run_id: run.run_id.clone(), ..mark };
        lake.commit(Some(&held), staged, WriteMode::Append, Some(mark)).await?;
    }
    let group = |at: &DateTime<Utc>, rows| Group { stage: Stage::Extract, stream: &id, entity: "", rows, at: *at };
    let tried: Vec<Group<'_>> = loads.iter().map(|(at, rows)| group(at, rows)).collect();
    let still: Vec<Group<'_>> = still.iter().map(|(at, rows)| group(at, rows)).collect();
    quarantine::retried(lake, &context, &tried, &still, &run.run_id).await?;
    Ok(report)
}

/// The rows that `held` does not have.
async fn absent(
    context: &SessionContext,
    held: &Table,
    rows: RecordBatch,
    identity: &[&str],
) -> Result<Vec<RecordBatch>, Error> {
    let known = context.read_table(held.provider().await?)?.select_columns(identity)?;
    let fresh = context.read_batch(rows)?.join(known, JoinType::LeftAnti, identity, identity, None)?;
    Ok(fresh.collect().await?)
}
