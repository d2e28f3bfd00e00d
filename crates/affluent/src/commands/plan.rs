//! `affluent plan`: what a run would do, nothing written.

use affluent_engine::Lake;
use affluent_engine::run::{Because, Selection, Step, preview};
use clap::Args;
use serde_json::json;

use crate::args::PipelineArgs;
use crate::failure::Failure;
use crate::{instant, pipeline, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent plan pipeline.yaml
  affluent plan pipeline.yaml --select 'shop.*' --json
  affluent plan pipeline.yaml --as-of 2026-12-01";

/// Show what a run would do; nothing is read from the sources and nothing written
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Only these: streams, silver tables and models
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    select: Vec<String>,
    /// The `--as-of` of that run; now unless given
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows the steps of a run.
pub(crate) async fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let plan = pipeline::load(&args.pipeline)?;
    let selection = Selection::parse(&args.select, &plan)?;
    let as_of = instant::as_of(args.as_of.as_deref(), plan.timezone)?;
    let lake = Lake::at(plan.lake.clone());
    let steps = preview(&plan, &selection, &lake, as_of).await?;
    if args.json {
        return stdout::json(&json!({ "pipeline": plan.name, "lake": lake.root(), "steps": steps }));
    }
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| vec![step.stage.name().to_owned(), step.name.clone(), held(step), todo(step)])
        .collect();
    stdout::line(&format!("{} into {}\n{}", plan.name, lake.root(), text::columns(&rows, &[])))
}

fn held(step: &Step) -> String {
    match (step.version, step.rows) {
        (Some(version), Some(rows)) => format!("{}, version {version}", text::count(rows, "row")),
        (Some(version), None) => format!("version {version}"),
        (None, _) => "new".to_owned(),
    }
}

fn todo(step: &Step) -> String {
    match &step.because[..] {
        [] if step.reads.is_empty() => "nothing to do".to_owned(),
        [] => format!("nothing to do while {} stay as they are", step.reads.join(", ")),
        [Because::Stream] => match &step.cursor {
            Some(cursor) => format!("read what is new since {}", super::state::brief(cursor)),
            None => "read all of it".to_owned(),
        },
        [Because::New] if step.reads.is_empty() => "read all of it".to_owned(),
        [Because::New] => format!("build from {}", step.reads.join(", ")),
        because => {
            let reasons: Vec<String> = because.iter().map(reason).collect();
            format!("build again: {}", reasons.join(", "))
        }
    }
}

fn reason(because: &Because) -> String {
    match because {
        Because::Stream | Because::New => "new".to_owned(),
        Because::Plan => "its definition changed".to_owned(),
        Because::Input(table) => format!("{table} changed"),
        Because::Before(table) => format!("after {table}"),
        Because::AsOf => "as_of moves".to_owned(),
    }
}
