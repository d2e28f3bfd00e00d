//! `affluent run`: the line, or one stage of it.

use affluent_engine::run::{Outcome, Selection, Stage, Status};
use affluent_engine::{Lake, Plan, Run, Session};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Context;
use crate::args::PipelineArgs;
use crate::failure::Failure;
use crate::{instant, pipeline, progress, size, stderr, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent run pipeline.yaml
  affluent run pipeline.yaml --select 'hubspot.*'
  affluent run pipeline.yaml --stage extract --run-id 2026-11-21 --as-of 2026-11-21 --json
  affluent run pipeline.yaml --select shop.orders --full-refresh

A stage is done once for a run id: called again with the same one it writes nothing. A stage that failed or was killed
goes on where it was. With --json stdout holds one object, in failure too.";

/// Run a pipeline: sources to bronze, bronze to silver, silver to gold
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// One stage only; all of them unless given
    #[arg(long, value_enum)]
    stage: Option<StageName>,
    /// Only these: streams (hubspot.contacts, hubspot.*), silver tables (silver.orders) and models (gold.rfm)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    select: Vec<String>,
    /// Exclusive upper bound of event time in gold: an instant, or a day for its midnight; now unless given
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Names the run; a new one unless given
    #[arg(long, value_name = "ID", value_parser = run_id)]
    run_id: Option<String>,
    /// Load and build anew what is selected, each table by one commit
    #[arg(long)]
    full_refresh: bool,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// Memory to stay near, as in 512MB or 2GiB; queries spill to disk
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    memory_limit: Option<usize>,
}

/// Stages by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageName {
    /// Sources to bronze.
    Extract,
    /// Bronze to silver.
    Transform,
    /// Silver to gold.
    Marts,
}

impl From<StageName> for Stage {
    fn from(name: StageName) -> Self {
        match name {
            StageName::Extract => Self::Extract,
            StageName::Transform => Self::Transform,
            StageName::Marts => Self::Marts,
        }
    }
}

fn run_id(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
    if good {
        Ok(text.to_owned())
    } else {
        Err("a run id has 1 to 200 characters, none of them a control character".to_owned())
    }
}

/// A new run id, later ones sorting after earlier ones.
pub(crate) fn new_run_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Runs a pipeline.
pub(crate) async fn run(args: &RunArgs, context: &Context) -> Result<(), Failure> {
    let started = std::time::Instant::now();
    let plan = pipeline::load(&args.pipeline)?;
    let selection = Selection::parse(&args.select, &plan)?;
    let as_of = instant::as_of(args.as_of.as_deref(), plan.timezone)?;
    let run = Run {
        run_id: args.run_id.clone().unwrap_or_else(new_run_id),
        as_of,
        full_refresh: args.full_refresh,
        session: Session::new(args.memory_limit)?,
        stop: context.stop.clone(),
        listener: progress::listener(context.quiet),
    };
    let lake = Lake::at(plan.lake.clone()).within(args.memory_limit);
    let stages = args.stage.map_or(Stage::ALL.to_vec(), |stage| vec![stage.into()]);
    let outcome = affluent_engine::run::run(&plan, &stages, &selection, &lake, &run).await;
    drop(run.listener);
    answer(args, &plan, &run.run_id, &lake, outcome, started.elapsed().as_secs_f64())
}

fn answer(
    args: &RunArgs,
    plan: &Plan,
    run_id: &str,
    lake: &Lake,
    outcome: Outcome,
    seconds: f64,
) -> Result<(), Failure> {
    let failure = outcome.error.map(Failure::from);
    if args.json {
        let mut reports = outcome.stages.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
        let status = if failure.is_some() { "failed" } else { "ok" };
        let mut object = match args.stage {
            Some(stage) => reports.pop().unwrap_or_else(|| {
                json!({ "run_id": run_id, "pipeline": plan.name, "stage": Stage::from(stage).name(), "status": status })
            }),
            None => json!({ "run_id": run_id, "pipeline": plan.name, "status": status, "stages": reports, "seconds": seconds }),
        };
        if let Some(failure) = &failure {
            object["error"] = Value::from(failure.message.clone());
            object["hint"] = failure.hint.clone().map_or(Value::Null, Value::from);
            object["exit_code"] = Value::from(failure.code);
        }
        stdout::json(&object)?;
        return failure.map_or(Ok(()), |failure| Err(failure.answered()));
    }
    if let Some(failure) = failure {
        let others: Vec<String> =
            outcome.stages.iter().flat_map(|stage| stage.errors.iter().skip(1).cloned()).collect();
        for other in others {
            stderr::error("error: ", &other, None, None);
        }
        return Err(failure);
    }
    for stage in outcome.stages.iter().filter(|stage| stage.status == Status::AlreadyDone) {
        stderr::notice(&format!("{}: run {run_id} did this stage before, nothing was written", stage.stage.name()));
    }
    let quarantined: u64 = outcome.stages.iter().map(affluent_engine::run::StageReport::quarantined).sum();
    let words = if quarantined > 0 {
        let rows = text::count(quarantined, "row");
        format!("; {rows} went to quarantine, `affluent quarantine list --lake {}` shows why", lake.root())
    } else {
        String::new()
    };
    stdout::line(&format!("{} done in {seconds:.1} s (run {run_id}), tables in {}{words}", plan.name, lake.root()))
}
