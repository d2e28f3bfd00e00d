//! `affluent connectors`: what can be read from, and the tools of those who write a manifest.

mod check;
mod infer;
mod new;
mod read;
mod replay;
mod show;
mod target;
mod test;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Context;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  affluent connectors
  affluent connectors show hubspot
  affluent connectors new shop --from-url https://api.shop.example/v1/customers --connectors mine
  affluent connectors check mine/shop.yaml --with token=env:SHOP_TOKEN
  affluent connectors read mine/shop.yaml customers --limit 10 --with token=env:SHOP_TOKEN
  affluent connectors read mine/shop.yaml customers --with token=env:SHOP_TOKEN --record mine/replies/shop
  affluent connectors test mine/shop.yaml --replies mine/replies/shop

NAME is a connector's name or the path of a manifest. A setting that is not given by --with is taken from the environment
variable NAME_SETTING (HUBSPOT_TOKEN) where there is one.";

const LIST: &str = "Examples:
  affluent connectors list
  affluent connectors list --connectors mine";

const SHOW: &str = "Examples:
  affluent connectors show hubspot
  affluent connectors show mine/shop.yaml";

/// List the connectors, show one, and try, record and test manifests of your own
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConnectorsArgs {
    #[command(subcommand)]
    command: Option<ConnectorsCommand>,
    /// A folder of manifests of your own; one of a known name takes the place of the built-in
    #[arg(long, global = true, value_name = "DIR")]
    connectors: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConnectorsCommand {
    /// All connectors
    #[command(after_help = LIST)]
    List,
    /// The streams and settings of one
    #[command(after_help = SHOW)]
    Show {
        /// Its name, or the path of a manifest
        name: String,
    },
    New(new::NewArgs),
    Check(check::CheckArgs),
    Read(read::ReadArgs),
    Test(test::TestArgs),
}

impl ConnectorsArgs {
    /// Whether a JSON object is asked for on stdout.
    pub(crate) fn json(&self) -> bool {
        matches!(&self.command, Some(ConnectorsCommand::Read(args)) if args.json)
    }
}

/// Lists, shows, writes, checks, reads or tests.
pub(crate) async fn connectors(args: &ConnectorsArgs, context: &Context) -> Result<(), Failure> {
    let folder = args.connectors.as_deref();
    match &args.command {
        None | Some(ConnectorsCommand::List) => show::list(&target::catalog(folder)?),
        Some(ConnectorsCommand::Show { name }) => show::show(name, folder),
        Some(ConnectorsCommand::New(args)) => new::new(args, folder).await,
        Some(ConnectorsCommand::Check(args)) => check::check(args, folder).await,
        Some(ConnectorsCommand::Read(args)) => read::read(args, folder, context).await,
        Some(ConnectorsCommand::Test(args)) => test::test(args, folder).await,
    }
}
