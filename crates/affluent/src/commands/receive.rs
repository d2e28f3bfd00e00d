//! `affluent receive`: webhooks kept on disk, and from time to time landed in bronze.

use std::net::SocketAddr;
use std::time::Duration;

use affluent_connect::http::read_secret;
use affluent_connect::webhooks::{self, Limits, Receiver, WebhookStream};
use affluent_engine::plan::ConnectorKind;
use affluent_engine::run::{Selection, Stage};
use affluent_engine::{Lake, Plan, Run, Session, extract};
use affluent_spec::pipeline::Period;
use chrono::Utc;
use clap::Args;

use super::Context;
use super::run::new_run_id;
use crate::args::PipelineArgs;
use crate::failure::Failure;
use crate::{pipeline, progress, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent receive pipeline.yaml
  affluent receive pipeline.yaml --listen 0.0.0.0:8080 --every 60s

Takes the events of all sources with `connector: webhooks`. An answer of 200 says that the disk has the event; 503 with
Retry-After that it could not be kept. `affluent run pipeline.yaml --stage extract` lands what was kept, and so does
this command itself with --every. GET /health tells what was received and refused. The server speaks plain HTTP: put a
reverse proxy (nginx, Caddy, a load balancer) with TLS in front of it.";

/// How long requests that are on their way may take once the command is to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Receive webhooks: check their signatures, keep them on disk, land them in bronze
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReceiveArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Land what was received in bronze this often, as in 60s; without it only `affluent run` does
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    every: Option<Period>,
}

fn period(text: &str) -> Result<Period, String> {
    match text.parse::<Period>()? {
        Period { seconds: 0 } => Err("the least is 1s".to_owned()),
        period => Ok(period),
    }
}

/// Receives until stopped.
pub(crate) async fn receive(args: &ReceiveArgs, context: &Context) -> Result<(), Failure> {
    let plan = pipeline::load(&args.pipeline)?;
    let streams = streams(&plan);
    if streams.is_empty() {
        return Err(Failure::usage(format!("{}: no source receives webhooks", args.pipeline.pipeline.display()))
            .hint("add a source with `connector: webhooks`; connectors/README.md shows one"));
    }
    let paths: Vec<Vec<String>> =
        streams.iter().map(|(id, stream)| vec![format!("  {}", stream.path), id.clone()]).collect();
    let base = plan.base.clone();
    let secret = |secret: &affluent_spec::Secret| read_secret(&extract::secret_from(secret, &base));
    let receiver = webhooks::receive(args.listen, streams, &secret, Limits::default())
        .await
        .map_err(|error| affluent_engine::Error::Source { stream: plan.name.clone(), source: error })?;
    stdout::line(&format!("Receiving on http://{}\n{}", receiver.addr, text::columns(&paths, &[])))?;
    match args.every {
        None => context.stop.cancelled().await,
        Some(every) => land_each(&plan, &receiver, every, context).await?,
    }
    let stats = receiver.stats();
    receiver.stop(GRACE).await;
    for (stream, counts) in stats.as_object().into_iter().flatten() {
        tracing::info!(%stream, "received: {counts}");
    }
    Ok(())
}

/// The streams of all sources of webhooks, each by `source.stream`.
fn streams(plan: &Plan) -> Vec<(String, WebhookStream)> {
    plan.sources
        .iter()
        .filter(|source| matches!(source.kind, ConnectorKind::Webhooks))
        .flat_map(|source| {
            let of = |stream: WebhookStream| (format!("{}.{}", source.name, stream.name), stream);
            extract::webhook_streams(source, &plan.base).into_iter().map(of)
        })
        .collect()
}

/// Lands what was received, again and again until stopped. A landing that fails is told, and the next one tries again: what
/// was received stays.
async fn land_each(plan: &Plan, receiver: &Receiver, every: Period, context: &Context) -> Result<(), Failure> {
    let names: Vec<String> = streams(plan).into_iter().map(|(id, _)| id).collect();
    let selection = Selection::parse(&names, plan)?;
    let lake = Lake::at(plan.lake.clone());
    let period = Duration::from_secs(every.seconds);
    // What an earlier process left is landed first.
    let mut landed = None;
    loop {
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(period) => {}
        }
        let kept = receiver.kept();
        if landed == Some(kept) {
            continue;
        }
        let run = Run {
            run_id: new_run_id(),
            as_of: Utc::now(),
            full_refresh: false,
            session: Session::new(None)?,
            stop: context.stop.clone(),
            listener: progress::listener(true),
        };
        let outcome = affluent_engine::run::run(plan, &[Stage::Extract], &selection, &lake, &run).await;
        if context.stop.is_cancelled() {
            return Ok(());
        }
        match outcome.error {
            None => landed = Some(kept),
            Some(error) => {
                tracing::error!("{}: landing failed and is tried again in {} s: {error}", plan.name, every.seconds);
            }
        }
    }
}
