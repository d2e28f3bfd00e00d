//! `affluent completions`: what a shell needs to complete commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::stdout;

const EXAMPLES: &str = "Examples:
  affluent completions bash > /etc/bash_completion.d/affluent
  affluent completions zsh > ~/.zfunc/_affluent";

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "affluent", &mut script);
    stdout::line(String::from_utf8_lossy(&script).trim_end())
}
