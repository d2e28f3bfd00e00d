//! `affluent quarantine`: the rows that could not be used, and another try at them.

use affluent_engine::plan::StreamPlan;
use affluent_engine::run::{Selection, Stage};
use affluent_engine::sql::text as quoted;
use affluent_engine::{Error, Lake, Plan, Run, Session, extract};
use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, run::new_run_id, sql};
use crate::args::{LakeArgs, PipelineArgs};
use crate::failure::Failure;
use crate::output::Format;
use crate::{pipeline, progress, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent quarantine list
  affluent quarantine list --stream shop.orders --format json
  affluent quarantine replay pipeline.yaml";

const LIST: &str = "Examples:
  affluent quarantine list
  affluent quarantine list --stream shop.orders --limit 20
  affluent quarantine list --lake s3://acme-lake/crm --format csv > refused.csv";

const REPLAY: &str = "Examples:
  affluent quarantine replay pipeline.yaml
  affluent quarantine replay pipeline.yaml --stream shop.orders --json

Mend the pipeline first (a date's format, what stands for nothing, an encoding, a mapping). Rows that extraction
refused are decoded anew, from their files or from the records that the quarantine keeps; rows that the transform refused
are judged anew by building their silver tables again. Those that fit now leave the quarantine.";

/// Rows that could not be used: list them, or try them again
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// Each row with where it was found, why it was refused, and the row itself
    List(ListArgs),
    /// Try the refused rows again with the pipeline of today
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
#[command(after_help = LIST)]
struct ListArgs {
    #[command(flatten)]
    lake: LakeArgs,
    /// Only rows of this stream
    #[arg(long, value_name = "SOURCE.STREAM")]
    stream: Option<String>,
    /// How many rows at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    /// How the rows are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = REPLAY)]
struct ReplayArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Only rows of this stream
    #[arg(long, value_name = "SOURCE.STREAM")]
    stream: Option<String>,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl QuarantineArgs {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        matches!(&self.command, QuarantineCommand::Replay(args) if args.json)
    }
}

/// Lists or tries again.
pub(crate) async fn quarantine(args: &QuarantineArgs, context: &Context) -> Result<(), Failure> {
    match &args.command {
        QuarantineCommand::List(args) => list(args).await,
        QuarantineCommand::Replay(args) => replay(args, context).await,
    }
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let (lake, tables) = pipeline::existing(pipeline::lake_at(&args.lake.lake)?).await?;
    if !tables.contains(&affluent_engine::quarantine::table()) {
        return match args.format {
            Format::Json => stdout::line("[]"),
            _ => stdout::line("no row is in quarantine"),
        };
    }
    let context = pipeline::session()?.over(&lake).await?;
    let only = args.stream.as_ref().map(|stream| format!("where stream = {}", quoted(stream))).unwrap_or_default();
    let query = format!(
        "select stage, stream, nullif(entity, '') as entity, position, column_name, reason, raw, _run_id, _extracted_at \
         from _affluent.quarantine {only} order by _extracted_at desc, stream, position limit {}",
        args.limit
    );
    sql::show(&context, &query, args.format, "no row is in quarantine").await
}

async fn replay(args: &ReplayArgs, context: &Context) -> Result<(), Failure> {
    let plan = pipeline::load(&args.pipeline)?;
    let lake = Lake::at(plan.lake.clone());
    let run = Run {
        run_id: new_run_id(),
        as_of: Utc::now(),
        full_refresh: false,
        session: Session::new(None)?,
        stop: context.stop.clone(),
        listener: progress::listener(context.quiet),
    };
    let before = held(&lake, &run.session, args.stream.as_deref()).await?;
    let tried = before.iter().map(|held| held.rows).sum::<u64>();
    let mended = extracted(&plan, &lake, &run, &before).await?;
    let entities = plan.entities.iter().filter(|entity| {
        before.iter().any(|held| held.entity == entity.name())
            || entity.inputs.iter().any(|input| mended.contains(&input.stream))
    });
    let wanted: Vec<String> = entities.map(|entity| format!("silver.{}", entity.name())).collect();
    if !wanted.is_empty() {
        let selection = Selection::parse(&wanted, &plan)?;
        let outcome = affluent_engine::run::run(&plan, &[Stage::Transform], &selection, &lake, &run).await;
        if let Some(error) = outcome.error {
            return Err(error.into());
        }
    }
    let still = held(&lake, &run.session, args.stream.as_deref()).await?.iter().map(|held| held.rows).sum::<u64>();
    let left = tried.saturating_sub(still);
    if args.json {
        return stdout::json(&json!({ "status": "ok", "tried": tried, "left_quarantine": left, "still_in_it": still }));
    }
    let mut next = String::new();
    if left > 0 && !plan.models.is_empty() {
        next.push_str("\nrun the marts stage to bring gold up to date");
    }
    if still > 0 {
        next.push_str("\n`affluent quarantine list` shows why the rest is still there");
    }
    stdout::line(&format!(
        "{} tried again, {} left the quarantine, {} still in it{next}",
        text::count(tried, "row"),
        text::number(left),
        text::number(still)
    ))
}

/// Tries again what extraction refused; the streams that gained rows.
async fn extracted(plan: &Plan, lake: &Lake, run: &Run, before: &[Held]) -> Result<Vec<String>, Failure> {
    let mut mended = Vec::new();
    for source in &plan.sources {
        let refused = |stream: &&StreamPlan| {
            let id = stream.id();
            before.iter().any(|held| held.stage == "extract" && held.stream == id)
        };
        let streams: Vec<&StreamPlan> = source.streams.iter().filter(refused).collect();
        if streams.is_empty() {
            continue;
        }
        let told = |error| Error::Source { stream: source.name.clone(), source: error };
        let opened = extract::open(source, &plan.base).map_err(told)?;
        for stream in streams {
            if extract::replay(lake, opened.as_ref(), stream, run).await?.mended > 0 {
                mended.push(stream.id());
            }
        }
    }
    Ok(mended)
}

/// Rows in quarantine of one stage, stream and entity.
struct Held {
    stage: String,
    stream: String,
    entity: String,
    rows: u64,
}

async fn held(lake: &Lake, session: &Session, stream: Option<&str>) -> Result<Vec<Held>, Failure> {
    if lake.table(&affluent_engine::quarantine::table()).await?.is_none() {
        return Ok(Vec::new());
    }
    let context = session.over(lake).await?;
    let only = stream.map(|stream| format!("where stream = {}", quoted(stream))).unwrap_or_default();
    let query = format!(
        "select stage, stream, coalesce(entity, ''), count(*) from _affluent.quarantine {only} group by 1, 2, 3"
    );
    let rows = crate::output::cells(&sql::rows(&context, &query).await?)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let [stage, stream, entity, rows] = <[String; 4]>::try_from(row).ok()?;
            Some(Held { stage, stream, entity, rows: rows.parse().ok()? })
        })
        .collect())
}
