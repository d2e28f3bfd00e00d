//! The command line: arguments in, one command run, its outcome as an exit code.

mod args;
mod commands;
mod env_file;
mod failure;
mod instant;
mod logging;
mod output;
mod panics;
mod pipeline;
mod progress;
mod signals;
mod size;
mod stderr;
mod stdout;
mod text;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::init(&cli.logging);
    stderr::init(&cli.logging);
    panics::listen();
    let json = cli.command.json();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(json),
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    if let Some(path) = &cli.env_file {
        env_file::read(path)?;
    }
    // One TLS implementation for every client in the process; an error means that one is set already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(signals::guarded(|stop| commands::dispatch(cli, stop)));
    // A thread that still reads a file must not keep the process.
    runtime.shutdown_background();
    outcome
}
