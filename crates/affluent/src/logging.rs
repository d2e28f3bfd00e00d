//! Log lines on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, Logging};

/// The crates whose own words are worth more than those of libraries.
const OURS: [&str; 5] = ["affluent", "affluent_engine", "affluent_connect", "affluent_match", "affluent_sandbox"];

/// Sets up the log; `AFFLUENT_LOG` takes a filter as tracing knows it (`affluent_connect=debug`).
pub(crate) fn init(logging: &Logging) {
    let (ours, others) = match (logging.quiet, logging.verbose) {
        (true, _) => ("error", "error"),
        (false, 0) => ("warn", "error"),
        (false, 1) => ("info", "warn"),
        (false, 2) => ("debug", "info"),
        (false, _) => ("trace", "debug"),
    };
    // A table that is not there yet is an error to the Delta kernel, and none to us.
    let kernel = if logging.verbose > 1 { "error" } else { "off" };
    let rules: Vec<String> = OURS.iter().map(|name| format!("{name}={ours}")).collect();
    let filter = EnvFilter::try_from_env("AFFLUENT_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!("{others},buoyant_kernel={kernel},delta_kernel={kernel},{}", rules.join(",")))
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match logging.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).compact().init(),
    }
}
