//! What a run would do, told from the marks of the tables alone: no source is asked and nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use affluent_spec::TableName;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Selection, Stage, step_names};
use crate::error::Error;
use crate::lake::{Lake, Mark, Table};
use crate::plan::{EntityPlan, Plan, StreamPlan};
use crate::{marts, transform};

/// One step of a run that is still to come.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Its stage.
    pub stage: Stage,
    /// Its name, as `--select` takes it.
    pub name: String,
    /// The table that it writes first.
    pub table: String,
    /// That table's version; `None` where it is not there yet.
    pub version: Option<i64>,
    /// That table's rows, where known.
    pub rows: Option<u64>,
    /// Where a stream stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<serde_json::Value>,
    /// The tables that it reads.
    pub reads: Vec<String>,
    /// Why it has something to do; empty where it has not, as far as is known before the steps ahead of it are done.
    pub because: Vec<Because>,
}

/// Why a step has something to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// A stream is asked for what is new.
    Stream,
    /// Its table is not there yet.
    New,
    /// Its definition, or a setting that it uses, changed.
    Plan,
    /// A table that it reads changed.
    Input(String),
    /// A table that it reads will be built by a step before.
    Before(String),
    /// The bound of event time moves.
    AsOf,
}

/// The steps of a run for `selection` as of an instant.
pub async fn preview(
    plan: &Plan,
    selection: &Selection,
    lake: &Lake,
    as_of: DateTime<Utc>,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let mut due = BTreeSet::new();
    for stage in Stage::ALL {
        for name in step_names(plan, stage, selection) {
            let writes = written(plan, &name);
            let step = match stage {
                Stage::Extract => stream(plan, lake, name).await?,
                Stage::Transform | Stage::Marts => Some(built(plan, lake, stage, name, as_of, &due).await?),
            };
            let Some(step) = step else { continue };
            if step.because.iter().any(|because| *because != Because::Stream) {
                due.insert(step.table.clone());
                due.extend(writes);
            }
            steps.push(step);
        }
    }
    Ok(steps)
}

/// The tables that the step of an entity writes; none for others.
fn written(plan: &Plan, step: &str) -> Vec<String> {
    let entity = plan.entities.iter().find(|entity| format!("silver.{}", entity.name()) == step);
    entity.into_iter().flat_map(EntityPlan::tables).map(|table| table.to_string()).collect()
}

async fn stream(plan: &Plan, lake: &Lake, name: String) -> Result<Option<Step>, Error> {
    let mut streams = plan.sources.iter().flat_map(|source| &source.streams);
    let Some(stream) = streams.find(|stream| StreamPlan::id(stream) == name) else { return Ok(None) };
    let (held, mark) = held(lake, &stream.table).await?;
    let because = vec![if held.is_some() { Because::Stream } else { Because::New }];
    let cursor = mark.and_then(|mark| mark.cursor);
    Ok(Some(step(Stage::Extract, name, &stream.table, held.as_ref(), cursor, Vec::new(), because)))
}

async fn built(
    plan: &Plan,
    lake: &Lake,
    stage: Stage,
    name: String,
    as_of: DateTime<Utc>,
    due: &BTreeSet<String>,
) -> Result<Step, Error> {
    let short = name.split_once('.').map_or(name.as_str(), |(_, short)| short);
    let model = plan.models.iter().find(|model| model.table.to_string() == name);
    let entity = plan.entities.iter().find(|entity| entity.name() == short);
    let (table, reads, made_by, dated) = match (model, entity) {
        (Some(model), _) => {
            (model.table.clone(), model.reads.iter().cloned().collect(), marts::plan_of(plan, model), true)
        }
        (None, Some(entity)) => {
            let made_by = transform::plan_of(plan, entity, as_of);
            (TableName::silver(short), transform::tables(plan, entity), made_by, false)
        }
        (None, None) => (TableName::silver(short), Vec::new(), String::new(), false),
    };
    let (held, mark) = held(lake, &table).await?;
    let mut because = Vec::new();
    let mut stamps = BTreeMap::new();
    for read in &reads {
        if let Some(read) = lake.table(read).await? {
            stamps.insert(read.name.to_string(), read.stamp().await?);
        }
    }
    match mark {
        None => because.push(Because::New),
        Some(mark) => {
            if mark.plan.as_ref() != Some(&made_by) {
                because.push(Because::Plan);
            }
            let names: BTreeSet<&String> = stamps.keys().chain(mark.inputs.keys()).collect();
            let changed = names.into_iter().filter(|name| stamps.get(*name) != mark.inputs.get(*name));
            because.extend(changed.map(|name| Because::Input(name.clone())));
            let before = reads.iter().map(ToString::to_string).filter(|read| due.contains(read));
            because.extend(before.map(Because::Before));
            if dated && mark.as_of != Some(as_of) {
                because.push(Because::AsOf);
            }
        }
    }
    let reads = reads.iter().map(ToString::to_string).collect();
    Ok(step(stage, name, &table, held.as_ref(), None, reads, because))
}

async fn held(lake: &Lake, name: &TableName) -> Result<(Option<Table>, Option<Mark>), Error> {
    let table = lake.table(name).await?;
    let mark = match &table {
        Some(table) => table.mark().await?,
        None => None,
    };
    Ok((table, mark))
}

fn step(
    stage: Stage,
    name: String,
    table: &TableName,
    held: Option<&Table>,
    cursor: Option<serde_json::Value>,
    reads: Vec<String>,
    because: Vec<Because>,
) -> Step {
    let (version, rows) = (held.map(Table::version), held.and_then(Table::rows));
    Step { stage, name, table: table.to_string(), version, rows, cursor, reads, because }
}
