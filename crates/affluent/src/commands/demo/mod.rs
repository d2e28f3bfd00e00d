//! `affluent demo`: the whole line over generated customers, each time a month later.

mod figures;
mod setup;
mod summary;

use affluent_engine::run::{Outcome, Selection, Stage};
use affluent_engine::{Lake, Run, Session};
use affluent_sandbox::Config;
use chrono::DateTime;
use clap::Args;

use super::Context;
use crate::failure::Failure;
use crate::{pipeline, progress, stderr, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent demo                    10,000 customers into ./lake
  affluent demo                    again: a month later, only what changed is loaded
  affluent demo --customers 500 --seed 7 --lake /tmp/small --json";

/// Run the whole line over generated customers: sandbox CRMs and shop files to RFM, segments and KPIs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Where the tables go: a folder, s3://, az:// or gs://
    #[arg(long, value_name = "DIR", default_value = "./lake")]
    lake: String,
    /// True people in the first month
    #[arg(long, default_value_t = Config::default().customers, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    customers: u32,
    /// Other seeds make other people
    #[arg(long, default_value_t = Config::default().seed, value_name = "S")]
    seed: u64,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the demo's pipeline for the next month of this lake.
pub(crate) async fn demo(args: &DemoArgs, context: &Context) -> Result<(), Failure> {
    let started = std::time::Instant::now();
    let lake = pipeline::lake_at(&args.lake)?;
    let session = Session::new(None)?;
    let series = setup::Series { seed: args.seed, customers: args.customers };
    let month = setup::month(&lake, &session, series).await?;
    let config = Config { customers: args.customers, seed: args.seed, month, ..Config::default() };
    let sandbox = affluent_sandbox::start(config).await?;
    if !args.json {
        stderr::notice(&format!(
            "Affluent demo · sandbox CRMs on {} · {} customers, seed {}, month {month} · lake {}\n",
            sandbox.base_url().trim_start_matches("http://"),
            text::number(args.customers.into()),
            args.seed,
            lake.root()
        ));
    }
    let plan = setup::plan(&lake, &sandbox, series)?;
    let run = Run {
        run_id: series.run_id(month),
        as_of: DateTime::from_timestamp_millis(sandbox.world().now()).unwrap_or_default(),
        full_refresh: false,
        session: session.clone(),
        stop: context.stop.clone(),
        listener: progress::listener(context.quiet),
    };
    let Outcome { stages, error } =
        affluent_engine::run::run(&plan, &Stage::ALL, &Selection::default(), &lake, &run).await;
    let world = sandbox.world();
    sandbox.stop().await;
    drop(run.listener);
    if let Some(error) = error {
        return Err(error.into());
    }
    let seconds = started.elapsed().as_secs_f64();
    let figures =
        figures::Figures::of(&lake, &session, &world.truth(), stages, &run.run_id, month, seconds, series.flags())
            .await?;
    if args.json { stdout::json(&figures) } else { stdout::line(&summary::text(&figures, &lake)) }
}

/// The location of the lake as a person would type it after `--lake`, nothing for the default one.
fn lake_flag(lake: &Lake) -> String {
    let default = pipeline::lake_at("./lake").is_ok_and(|default| default.url() == lake.url());
    if default { String::new() } else { format!(" --lake {}", lake.root()) }
}
