//! `affluent maintain`: small files joined, checkpoints written, files of versions past their retention removed.

use std::path::PathBuf;

use affluent_engine::Lake;
use chrono::Duration;
use clap::Args;
use serde_json::json;

use crate::args::PipelineArgs;
use crate::failure::Failure;
use crate::{pipeline, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent maintain --lake ./lake
  affluent maintain pipeline.yaml                  lake and retention as the pipeline says
  affluent maintain --lake ./lake --retention-days 7 --dry-run";

/// Join small files, write checkpoints, remove files that only versions past the retention need
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MaintainArgs {
    /// A pipeline file, whose lake and retention are taken
    pipeline: Option<PathBuf>,
    /// The lake, in the place of the pipeline's; without either `$AFFLUENT_LAKE`, else ./lake
    #[arg(long, value_name = "URL")]
    lake: Option<String>,
    /// A folder of connector manifests of your own
    #[arg(long, value_name = "DIR", requires = "pipeline")]
    connectors: Option<PathBuf>,
    /// For how many days old versions stay readable, 7 at least; 30 unless given here or in the pipeline
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(7..=36_500))]
    retention_days: Option<u32>,
    /// Tell what would be removed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

const DAYS: u32 = 30;

/// Maintains all tables of a lake.
pub(crate) async fn maintain(args: &MaintainArgs) -> Result<(), Failure> {
    let (lake, declared) = place(args)?;
    let days = args.retention_days.unwrap_or(declared);
    if days < declared && args.pipeline.is_some() {
        return Err(Failure::usage(format!(
            "the pipeline keeps versions for {declared} days, --retention-days {days} is less"
        ))
        .hint("change retention_days in the pipeline"));
    }
    let (lake, tables) = pipeline::existing(lake).await?;
    let mut done = Vec::new();
    for name in tables {
        if let Some(table) = lake.table(&name).await? {
            done.push(lake.maintain(table, Duration::days(days.into()), args.dry_run).await?);
        }
    }
    if args.json {
        return stdout::json(
            &json!({ "status": "ok", "lake": lake.root(), "retention_days": days, "dry_run": args.dry_run, "tables": done }),
        );
    }
    let mut rows = vec![["table", "files before", "files after", "removed"].map(str::to_owned).to_vec()];
    rows.extend(done.iter().map(|table| {
        vec![
            table.table.clone(),
            table.files_before.to_string(),
            table.files_after.to_string(),
            table.files_vacuumed.to_string(),
        ]
    }));
    let words = if args.dry_run { "\nnothing was changed (--dry-run)" } else { "" };
    stdout::line(&format!("{}{words}", text::columns(&rows, &[1, 2, 3])))
}

/// The lake, and for how long it keeps versions.
fn place(args: &MaintainArgs) -> Result<(Lake, u32), Failure> {
    match &args.pipeline {
        None => {
            let usual = || std::env::var("AFFLUENT_LAKE").unwrap_or_else(|_| "./lake".to_owned());
            Ok((pipeline::lake_at(&args.lake.clone().unwrap_or_else(usual))?, DAYS))
        }
        Some(path) => {
            let (lake, connectors) = (args.lake.clone(), args.connectors.clone());
            let plan = pipeline::load(&PipelineArgs { pipeline: path.clone(), lake, connectors })?;
            Ok((Lake::at(plan.lake.clone()), plan.retention_days))
        }
    }
}
