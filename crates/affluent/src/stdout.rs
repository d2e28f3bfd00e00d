//! Stdout: results only, and a reader that goes away (`| head`) ends the command in peace.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Writes `text` and a line break.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    told(writeln!(out, "{text}").and_then(|()| out.flush()))
}

/// Writes `value` as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string(value)?)
}

/// The outcome of a write to stdout.
pub(crate) fn told(written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::gone(),
        _ => Failure::failed(format!("stdout: {error}")),
    })
}
