//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connectors;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod maintain;
pub(crate) mod matching;
pub(crate) mod plan;
pub(crate) mod quarantine;
pub(crate) mod receive;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod sql;
pub(crate) mod state;
pub(crate) mod test;

use tokio_util::sync::CancellationToken;

use crate::args::{Cli, Command};
use crate::failure::Failure;

/// What every command is told beside its own arguments.
pub(crate) struct Context {
    /// Cancelled when the command is to stop.
    pub(crate) stop: CancellationToken,
    /// Whether progress is unwanted.
    pub(crate) quiet: bool,
}

/// Runs the command.
pub(crate) async fn dispatch(cli: Cli, stop: CancellationToken) -> Result<(), Failure> {
    let context = Context { stop, quiet: cli.logging.quiet };
    match cli.command {
        Command::Init(args) => init::init(&args),
        Command::Check(args) => check::check(&args).await,
        Command::Plan(args) => plan::plan(&args).await,
        Command::Run(args) => run::run(&args, &context).await,
        Command::Receive(args) => receive::receive(&args, &context).await,
        Command::Sql(args) => sql::sql(&args).await,
        Command::Runs(args) => runs::runs(&args).await,
        Command::State(args) => state::state(&args).await,
        Command::Quarantine(args) => quarantine::quarantine(&args, &context).await,
        Command::Test(args) => test::test(&args).await,
        Command::Connectors(args) => connectors::connectors(&args, &context).await,
        Command::Schema(args) => schema::schema(&args),
        Command::Sandbox(args) => sandbox::sandbox(&args, &context).await,
        Command::Demo(args) => demo::demo(&args, &context).await,
        Command::Maintain(args) => maintain::maintain(&args).await,
        Command::Match(args) => matching::matching(&args).await,
        Command::Explain(args) => explain::explain(&args).await,
        Command::Completions(args) => completions::completions(&args),
    }
}
