//! `affluent runs`: what was done in a lake.

use clap::Args;
use serde_json::json;

use crate::args::LakeArgs;
use crate::failure::Failure;
use crate::{pipeline, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent runs
  affluent runs --lake s3://acme-lake/crm --limit 5 --json";

/// Show the history of a lake: each stage of each run, newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunsArgs {
    #[command(flatten)]
    lake: LakeArgs,
    /// How many stages at most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// Answer with one JSON object on stdout, the reports of the stages in it
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows the run log.
pub(crate) async fn runs(args: &RunsArgs) -> Result<(), Failure> {
    let (lake, _) = pipeline::existing(pipeline::lake_at(&args.lake.lake)?).await?;
    let mut history = affluent_engine::run::history(&lake, &pipeline::session()?).await?;
    history.truncate(args.limit);
    if args.json {
        return stdout::json(&json!({ "lake": lake.root(), "runs": history }));
    }
    let mut rows =
        vec![["started", "run", "pipeline", "stage", "selection", "status", "seconds"].map(str::to_owned).to_vec()];
    for run in &history {
        let seconds = (run.finished_at - run.started_at).as_seconds_f64();
        rows.push(vec![
            run.started_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
            run.run_id.clone(),
            run.pipeline.clone(),
            run.stage.clone(),
            run.selection.clone(),
            run.status.clone(),
            format!("{seconds:.1}"),
        ]);
    }
    stdout::line(&text::columns(&rows, &[6]))
}
