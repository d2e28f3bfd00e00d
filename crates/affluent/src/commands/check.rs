//! `affluent check`: all faults of a pipeline at once, and on request whether its sources let us in.

use affluent_engine::{Error, Plan, extract};
use clap::Args;
use serde_json::json;

use crate::args::PipelineArgs;
use crate::failure::Failure;
use crate::{pipeline, stderr, stdout};

const EXAMPLES: &str = "Examples:
  affluent check pipeline.yaml
  affluent check pipeline.yaml --online     also asks each source whether it lets us in";

/// Tell all faults of a pipeline, each with file, line, column and a hint
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Also make one cheap call to each source, which proves address and credentials
    #[arg(long)]
    online: bool,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks a pipeline.
pub(crate) async fn check(args: &CheckArgs) -> Result<(), Failure> {
    let plan = pipeline::load(&args.pipeline)?;
    if args.online {
        online(&plan).await?;
    }
    let streams: usize = plan.sources.iter().map(|source| source.streams.len()).sum();
    if args.json {
        return stdout::json(&json!({
            "status": "ok", "pipeline": plan.name, "sources": plan.sources.len(), "streams": streams,
            "entities": plan.entities.len(), "models": plan.models.len(),
        }));
    }
    stdout::line(&format!(
        "{}: no fault (sources: {}, streams: {streams}, silver entities: {}, models: {})",
        args.pipeline.pipeline.display(),
        plan.sources.len(),
        plan.entities.len(),
        plan.models.len()
    ))
}

async fn online(plan: &Plan) -> Result<(), Failure> {
    let mut first: Option<Failure> = None;
    for source in &plan.sources {
        let asked = match extract::open(source, &plan.base) {
            Ok(opened) => opened.check().await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(()) => stderr::notice(&format!("{}: lets us in", source.name)),
            Err(error) => {
                let failure = Failure::from(Error::Source { stream: source.name.clone(), source: error });
                match &mut first {
                    None => first = Some(failure),
                    // Each has its own way out.
                    Some(first) => {
                        let hint = first.hint.take().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
                        first.message = format!("{}{hint}\n{}", first.message, failure.message);
                        first.hint = failure.hint;
                    }
                }
            }
        }
    }
    first.map_or(Ok(()), Err)
}
