//! `affluent state`: where each stream stands, and how to make it begin anew.

use affluent_engine::columns::FILE;
use affluent_engine::lake::{Mark, WriteMode};
use affluent_spec::TableName;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::run::new_run_id;
use crate::args::LakeArgs;
use crate::failure::Failure;
use crate::{pipeline, stdout, text};

const EXAMPLES: &str = "Examples:
  affluent state show
  affluent state reset hubspot.contacts --lake ./lake";

const SHOW: &str = "Examples:
  affluent state show
  affluent state show --lake s3://acme-lake/crm --json";

const RESET: &str = "Examples:
  affluent state reset hubspot.contacts
  affluent state reset hubspot.contacts --lake s3://acme-lake/crm --json

Streams of files are loaded anew by `affluent run PIPELINE --select shop.orders --full-refresh`.";

/// Show where each stream stands, or make one be read from the start
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Each bronze table with its version, its rows and the cursor of its stream
    Show(ShowArgs),
    /// Make the next run read a stream from its start; the rows in bronze stay, and versions they hold are not added again
    Reset(ResetArgs),
}

#[derive(Debug, Args)]
#[command(after_help = SHOW)]
struct ShowArgs {
    #[command(flatten)]
    lake: LakeArgs,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = RESET)]
struct ResetArgs {
    /// The stream, as in hubspot.contacts
    #[arg(value_name = "SOURCE.STREAM")]
    stream: String,
    #[command(flatten)]
    lake: LakeArgs,
    /// Reset a stream of files too, whose rows will then stand in bronze twice
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl StateArgs {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            StateCommand::Show(args) => args.json,
            StateCommand::Reset(args) => args.json,
        }
    }
}

/// Shows or resets.
pub(crate) async fn state(args: &StateArgs) -> Result<(), Failure> {
    match &args.command {
        StateCommand::Show(args) => show(args).await,
        StateCommand::Reset(args) => reset(args).await,
    }
}

async fn show(args: &ShowArgs) -> Result<(), Failure> {
    let (lake, tables) = pipeline::existing(pipeline::lake_at(&args.lake.lake)?).await?;
    let mut objects = Vec::new();
    let mut rows = vec![["table", "version", "rows", "cursor", "last run"].map(str::to_owned).to_vec()];
    for name in tables.iter().filter(|name| name.schema == "bronze") {
        let Some(table) = lake.table(name).await? else { continue };
        let mark = table.mark().await?.unwrap_or_default();
        rows.push(vec![
            name.to_string(),
            table.version().to_string(),
            table.rows().map_or_else(String::new, text::number),
            mark.cursor.as_ref().map_or_else(|| "none: from the start".to_owned(), brief),
            mark.run_id.clone(),
        ]);
        objects.push(json!({
            "table": name.to_string(), "version": table.version(), "rows": table.rows(), "cursor": mark.cursor,
            "run_id": mark.run_id, "loaded_at": mark.loaded_at,
        }));
    }
    if args.json {
        return stdout::json(&json!({ "lake": lake.root(), "streams": objects }));
    }
    stdout::line(&text::columns(&rows, &[1, 2]))
}

async fn reset(args: &ResetArgs) -> Result<(), Failure> {
    let (lake, tables) = pipeline::existing(pipeline::lake_at(&args.lake.lake)?).await?;
    let Some((source, stream)) = args.stream.split_once('.') else {
        return Err(Failure::usage(format!("`{}` is not a stream", args.stream))
            .hint("write source.stream, as in hubspot.contacts"));
    };
    let name = TableName::bronze(source, stream);
    let Some(table) = lake.table(&name).await? else {
        let known: Vec<String> =
            tables.iter().filter(|name| name.schema == "bronze").map(ToString::to_string).collect();
        let hint = affluent_spec::suggest::hint(&name.to_string(), known.iter().map(String::as_str));
        let failure = Failure::usage(format!("{} has no table {name} in this lake", args.stream));
        return Err(failure.hint(hint.unwrap_or_else(|| "`affluent state show` lists what there is".to_owned())));
    };
    let schema = table.schema()?;
    // A read of files gives every row, whatever bronze holds.
    if schema.field_with_name(FILE).is_ok() && !args.force {
        return Err(Failure::usage(format!(
            "{} is a stream of files: read again, its rows would stand in bronze twice",
            args.stream
        ))
        .hint(format!(
            "load it anew with `affluent run PIPELINE --select {} --full-refresh`, or insist with --force",
            args.stream
        )));
    }
    let before = table.mark().await?.unwrap_or_default();
    let mark = Mark { run_id: new_run_id(), pipeline: before.pipeline, loaded_at: before.loaded_at, ..Mark::default() };
    let staged = lake.stager(&name, schema)?.finish().await?;
    let commit = lake.commit(Some(&table), staged, WriteMode::Append, Some(mark)).await?;
    if args.json {
        return stdout::json(
            &json!({ "status": "ok", "stream": args.stream, "table": name.to_string(), "version": commit.version, "was": before.cursor }),
        );
    }
    stdout::line(&format!("{}: the next run reads it from the start ({name} version {})", args.stream, commit.version))
}

/// A cursor in a few words.
pub(crate) fn brief(cursor: &Value) -> String {
    if let Some(files) = cursor.get("files").and_then(Value::as_object) {
        let last = files.keys().next_back().map(|name| format!(", the last {name}")).unwrap_or_default();
        return format!("{} files{last}", files.len());
    }
    if let Some(at) = cursor.get("at").and_then(Value::as_str) {
        return at.to_owned();
    }
    let text = cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned);
    if text.chars().count() <= 60 { text } else { format!("{}...", text.chars().take(57).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::brief;

    #[test]
    fn tells_a_cursor_in_a_few_words() {
        assert_eq!(brief(&json!({ "at": "2026-11-01T00:00:00Z" })), "2026-11-01T00:00:00Z");
        assert_eq!(brief(&json!({ "files": { "a.csv": {}, "b.csv": {} } })), "2 files, the last b.csv");
        assert_eq!(brief(&json!("x".repeat(70))).chars().count(), 60);
    }
}
