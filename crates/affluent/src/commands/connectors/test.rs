//! `affluent connectors test`: a manifest against recorded replies.

use std::path::{Path, PathBuf};

use affluent_connect::record::Recording;
use clap::Args;

use super::replay::{Replayed, replay, unreadable};
use super::target;
use crate::failure::Failure;
use crate::{stdout, text};

const EXAMPLES: &str = "Examples:
  affluent connectors test mine/shop.yaml --replies mine/replies/shop
  affluent connectors test hubspot --replies mine/replies/hubspot";

/// Play recorded replies to a manifest and compare the rows with the recorded ones
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArgs {
    /// A connector's name, or the path of a manifest
    name: String,
    /// The folder that `connectors read --record` wrote
    #[arg(long, value_name = "DIR")]
    replies: PathBuf,
}

/// Tests all streams of a recording.
pub(super) async fn test(args: &TestArgs, folder: Option<&Path>) -> Result<(), Failure> {
    let manifest = target::find(&args.name, folder)?.manifest;
    let recordings = Recording::all(&args.replies).map_err(unreadable)?;
    let own: Vec<&Recording> =
        recordings.iter().filter(|recording| recording.connector == manifest.connector.as_str()).collect();
    if own.is_empty() {
        return Err(Failure::usage(format!(
            "{}: nothing of `{}` is recorded here",
            args.replies.display(),
            manifest.connector
        ))
        .hint("`affluent connectors read NAME STREAM --record DIR` writes a recording"));
    }
    let mut faults = Vec::new();
    let mut rows = 0;
    for recording in &own {
        let outcome = replay(&manifest, recording, &args.replies).await;
        let expected = recording.rows(&args.replies).map_err(unreadable)?;
        rows += expected.len() as u64;
        let fault = match outcome {
            Ok(replayed) => difference(&replayed, &expected),
            Err(failure) => Some(
                failure.hint.map_or(failure.message.clone(), |hint| format!("{}\n  hint: {hint}", failure.message)),
            ),
        };
        faults.extend(fault.map(|fault| format!("{}: {fault}", recording.stream)));
    }
    if faults.is_empty() {
        return stdout::line(&format!(
            "{}: {} as recorded in {}",
            args.name,
            text::count(rows, "row"),
            text::count(own.len() as u64, "stream")
        ));
    }
    Err(Failure::tests(faults.join("\n")))
}

/// What differs first.
fn difference(replayed: &Replayed, expected: &[String]) -> Option<String> {
    let found = &replayed.rows;
    let at = found.iter().zip(expected).position(|(found, expected)| found != expected);
    match at {
        Some(at) => Some(format!("row {} is\n  {}\nand was recorded as\n  {}", at + 1, found[at], expected[at])),
        None if found.len() != expected.len() => {
            Some(format!("{} rows, {} were recorded", found.len(), expected.len()))
        }
        None if replayed.left > 0 => Some(format!("{} recorded replies were not asked for", replayed.left)),
        None => None,
    }
}
