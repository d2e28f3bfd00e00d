//! Runs the stages of a plan.

use chrono::Utc;
use futures::StreamExt;

use super::{Event, Run, Selection, Stage, StageReport, Status, log};
use affluent_spec::TableName;

use crate::error::Error;
use crate::extract;
use crate::lake::Lake;
use crate::marts;
use crate::plan::{ModelPlan, Plan, StreamPlan};
use crate::transform;

/// Streams that are read at once.
const STREAMS_AT_ONCE: usize = 4;

/// What a run did: the stages in order, and why it ended where it did not do all.
#[derive(Debug)]
pub struct Outcome {
    /// A report for each stage that began.
    pub stages: Vec<StageReport>,
    /// The first failure.
    pub error: Option<Error>,
}

/// Runs `stages` (those of [`Stage::ALL`] that are wanted, in order) for what `selection` picks.
///
/// A stage that this run id has done is told as such and not done again. A failed stage ends the run; what it committed
/// stays, and the same run id goes on from there.
pub async fn run(plan: &Plan, stages: &[Stage], selection: &Selection, lake: &Lake, run: &Run) -> Outcome {
    let mut outcome = Outcome { stages: Vec::new(), error: None };
    for &stage in stages {
        match one(plan, stage, selection, lake, run).await {
            Ok((report, error)) => {
                outcome.stages.push(report);
                if error.is_some() {
                    outcome.error = error;
                    break;
                }
            }
            Err(error) => {
                outcome.error = Some(error);
                break;
            }
        }
    }
    outcome
}

/// The names of the steps of a stage, for a look at what a run would do.
pub fn step_names(plan: &Plan, stage: Stage, selection: &Selection) -> Vec<String> {
    let all: Vec<String> = match stage {
        Stage::Extract => plan.sources.iter().flat_map(|source| source.streams.iter().map(StreamPlan::id)).collect(),
        Stage::Transform => plan.entities.iter().map(|entity| format!("silver.{}", entity.name())).collect(),
        Stage::Marts => plan.models.iter().map(|model| model.table.to_string()).collect(),
    };
    all.into_iter().filter(|name| selection.picks(name)).collect()
}

async fn one(
    plan: &Plan,
    stage: Stage,
    selection: &Selection,
    lake: &Lake,
    run: &Run,
) -> Result<(StageReport, Option<Error>), Error> {
    let started = Utc::now();
    let mut report = StageReport {
        run_id: run.run_id.clone(),
        pipeline: plan.name.clone(),
        stage,
        status: Status::Ok,
        as_of: run.as_of,
        streams: Vec::new(),
        entities: Vec::new(),
        models: Vec::new(),
        errors: Vec::new(),
        seconds: 0.0,
    };
    if log::is_done(lake, run, &plan.name, stage, &selection.text()).await? {
        report.status = Status::AlreadyDone;
        return Ok((report, None));
    }
    run.tell(&Event::Began { stage, steps: step_names(plan, stage, selection).len() });
    let error = match stage {
        Stage::Extract => extracted(plan, selection, lake, run, &mut report).await,
        Stage::Transform => transformed(plan, selection, lake, run, &mut report).await,
        Stage::Marts => built(plan, selection, lake, run, &mut report).await,
    };
    report.seconds = (Utc::now() - started).as_seconds_f64();
    if let Some(error) = &error {
        report.status = Status::Failed;
        if report.errors.is_empty() {
            report.errors.push(error.to_string());
        }
    }
    match log::write(lake, &report, &selection.text(), started).await {
        // What made the stage fail is told rather than that the log could not be written either.
        Err(unlogged) if error.is_some() => tracing::warn!("the run log could not be written: {unlogged}"),
        result => result?,
    }
    Ok((report, error))
}

/// Streams are read side by side; one that fails does not stop the others.
async fn extracted(
    plan: &Plan,
    selection: &Selection,
    lake: &Lake,
    run: &Run,
    report: &mut StageReport,
) -> Option<Error> {
    let mut tasks = Vec::new();
    let mut first: Option<Error> = None;
    for source in &plan.sources {
        let wanted: Vec<&StreamPlan> = source.streams.iter().filter(|stream| selection.picks(&stream.id())).collect();
        if wanted.is_empty() {
            continue;
        }
        match extract::open(source, &plan.base) {
            Ok(opened) => tasks.extend(wanted.into_iter().map(|stream| (opened.clone(), stream.clone()))),
            Err(error) => {
                let error = Error::Source { stream: source.name.clone(), source: error };
                report.errors.push(told(&error));
                first.get_or_insert(error);
            }
        }
    }
    let mut results = futures::stream::iter(tasks)
        .map(|(source, stream)| {
            let (lake, run) = (lake.clone(), run.clone());
            async move {
                // A task of its own for each stream, so that decoding and encoding use all cores.
                let id = stream.id();
                let task = tokio::spawn(async move { extract::extract(&lake, source.as_ref(), &stream, &run).await });
                match task.await {
                    Ok((report, error)) => (id, Some(report), error),
                    Err(error) => (id.clone(), None, Some(Error::Query(format!("{id}: {error}")))),
                }
            }
        })
        .buffer_unordered(STREAMS_AT_ONCE);
    while let Some((id, stream, error)) = results.next().await {
        report.streams.extend(stream);
        if let Some(error) = error {
            run.tell(&Event::Failed { stream: id, message: error.to_string() });
            report.errors.push(told(&error));
            first.get_or_insert(error);
        }
    }
    report.streams.sort_by(|a, b| a.stream.cmp(&b.stream));
    first
}

fn told(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

/// Refuses a stage whose inputs were never made: a mistyped lake must not end as a success with empty tables.
async fn ready(tables: Vec<TableName>, lake: &Lake, before: Stage) -> Option<Error> {
    for table in &tables {
        match lake.table(table).await {
            Ok(None) => {}
            Ok(Some(_)) => return None,
            Err(error) => return Some(error),
        }
    }
    (!tables.is_empty()).then(|| Error::Lake {
        table: lake.root(),
        message: format!(
            "nothing of this pipeline is here yet: run the {} stage first, or give another --lake",
            before.name()
        ),
    })
}

async fn transformed(
    plan: &Plan,
    selection: &Selection,
    lake: &Lake,
    run: &Run,
    report: &mut StageReport,
) -> Option<Error> {
    let bronze =
        plan.sources.iter().flat_map(|source| source.streams.iter().map(|stream| stream.table.clone())).collect();
    if let Some(error) = ready(bronze, lake, Stage::Extract).await {
        return Some(error);
    }
    for entity in plan.entities.iter().filter(|entity| selection.picks(&format!("silver.{}", entity.name()))) {
        match transform::build(plan, entity, lake, run).await {
            Ok(entity) => report.entities.push(entity),
            Err(error) => return Some(error),
        }
    }
    None
}

async fn built(plan: &Plan, selection: &Selection, lake: &Lake, run: &Run, report: &mut StageReport) -> Option<Error> {
    let silver = plan.entities.iter().flat_map(crate::plan::EntityPlan::tables).collect();
    if let Some(error) = ready(silver, lake, Stage::Transform).await {
        return Some(error);
    }
    let wanted = |model: &ModelPlan| selection.picks(&model.table.to_string());
    let failed = match marts::build_all(plan, &wanted, lake, run, &mut report.models).await {
        Ok(failed) => failed,
        Err(error) => return Some(error),
    };
    let tests = report.failed_tests();
    report.errors.extend(failed.iter().chain(&tests).map(told));
    failed.into_iter().next().or(tests)
}
