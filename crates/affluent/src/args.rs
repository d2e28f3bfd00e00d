//! What can be written on the command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    check, completions, connectors, demo, explain, init, maintain, matching, plan, quarantine, receive, run, runs,
    sandbox, schema, sql, state, test,
};

const EXAMPLES: &str = "Examples:
  affluent demo                                       the whole line over generated customers, into ./lake
  affluent init shop && affluent run shop/pipeline.yaml
  affluent check pipeline.yaml
  affluent run pipeline.yaml --stage extract --run-id 2026-11-21 --as-of 2026-11-21 --json
  affluent sql \"select segment, people from gold.rfm_segments order by position\"

Exit codes: 0 done, 1 failed, 2 wrong usage or config, 3 a data test failed, 4 credentials or permission,
75 temporary (run it again later), 130 and 143 stopped by SIGINT and SIGTERM.";

/// Turns scattered customer data into a customer data lake.
#[derive(Debug, Parser)]
#[command(name = "affluent", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How much is told.
    #[command(flatten)]
    pub(crate) logging: Logging,
    /// Read environment variables from this file first (NAME=value lines); those already set win
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
}

/// How much is told on stderr.
#[derive(Debug, Args)]
pub(crate) struct Logging {
    /// Tell more: -v for what is done, -vv for details
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Tell errors only, no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// How progress, log lines and errors are written
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// Forms of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::InitArgs),
    Check(check::CheckArgs),
    Plan(plan::PlanArgs),
    Run(run::RunArgs),
    Receive(receive::ReceiveArgs),
    Sql(sql::SqlArgs),
    Runs(runs::RunsArgs),
    State(state::StateArgs),
    Quarantine(quarantine::QuarantineArgs),
    Test(test::TestArgs),
    Connectors(connectors::ConnectorsArgs),
    Schema(schema::SchemaArgs),
    Sandbox(sandbox::SandboxArgs),
    Demo(demo::DemoArgs),
    Maintain(maintain::MaintainArgs),
    Match(matching::MatchArgs),
    Explain(explain::ExplainArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Whether a JSON object is asked for on stdout, in failure too.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Check(args) => args.json,
            Self::Plan(args) => args.json,
            Self::Run(args) => args.json,
            Self::Runs(args) => args.json,
            Self::State(args) => args.json(),
            Self::Quarantine(args) => args.json(),
            Self::Test(args) => args.json,
            Self::Connectors(args) => args.json(),
            Self::Demo(args) => args.json,
            Self::Maintain(args) => args.json,
            Self::Match(args) => args.json,
            Self::Explain(args) => args.json,
            Self::Init(_)
            | Self::Receive(_)
            | Self::Sql(_)
            | Self::Schema(_)
            | Self::Sandbox(_)
            | Self::Completions(_) => false,
        }
    }
}

/// Which pipeline, and what its manifests and lake are.
#[derive(Debug, Clone, Args)]
pub(crate) struct PipelineArgs {
    /// The pipeline file
    pub(crate) pipeline: PathBuf,
    /// The lake, in the place of the one in the file: a folder, s3://, az:// or gs://
    #[arg(long, value_name = "URL")]
    pub(crate) lake: Option<String>,
    /// A folder of connector manifests of your own; one of a known name takes the place of the built-in
    #[arg(long, value_name = "DIR")]
    pub(crate) connectors: Option<PathBuf>,
}

/// Which lake.
#[derive(Debug, Clone, Args)]
pub(crate) struct LakeArgs {
    /// The lake: a folder, s3://, az:// or gs://
    #[arg(long, value_name = "URL", default_value = "./lake", env = "AFFLUENT_LAKE")]
    pub(crate) lake: String,
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// Every command below `command`, each by its words.
    fn all(command: &Command, words: &str) -> Vec<(String, String)> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let below = command.get_subcommands().flat_map(|below| all(below, &format!("{words} {}", below.get_name())));
        std::iter::once((words.to_owned(), help)).chain(below).collect()
    }

    /// The words of a command as a shell takes them, up to a remark (behind two blanks), a pipe, `>` or `&&`.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let quoted = ['"', '\''].contains(&first);
            let body = if quoted { &rest[1..] } else { rest };
            let end = body.find(if quoted { first } else { ' ' }).unwrap_or(body.len());
            let word = &body[..end];
            if !quoted && ["", "|", ">", "&&"].contains(&word) {
                break;
            }
            words.push(word.to_owned());
            rest = body.get(end + usize::from(quoted)..).unwrap_or_default();
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
        words
    }

    #[test]
    fn every_command_has_examples_in_its_help_and_each_can_be_given() {
        let commands = all(&Cli::command(), "affluent");
        assert!(commands.len() > 25, "{commands:?}");
        for (command, help) in commands {
            let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  affluent ")).collect();
            let own = examples.iter().filter(|line| line.trim_start().starts_with(&command)).count();
            assert!(help.starts_with("Examples:\n") && own > 0, "`{command} --help` has no example: {help}");
            for line in examples {
                let given = Cli::try_parse_from(words(line));
                assert!(
                    given.is_ok(),
                    "`{command} --help` shows {line}: {:?}",
                    given.err().map(|error| error.to_string())
                );
            }
        }
    }
}
