//! A failure as the user meets it: what, where, what to do, and the exit code that a scheduler acts on.

use std::process::ExitCode;

use affluent_engine::Error;
use affluent_spec::Problem;

use crate::stderr;

/// Why a command ended without its work done.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// What is wrong and where.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The exit code.
    pub(crate) code: u8,
    /// Whether the message stands for itself: reports of problems do, the rest is led by `error:`.
    pub(crate) report: bool,
    /// Whether stdout has its object already.
    pub(crate) answered: bool,
}

/// The reader of stdout went away, which is its right.
const GONE: u8 = 0;

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code, report: false, answered: false }
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// It did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// Data tests failed.
    pub(crate) fn tests(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    /// Stopped by a signal.
    pub(crate) fn stopped(code: u8) -> Self {
        Self::new(code, Error::Interrupted.to_string())
    }

    /// Stdout was closed by its reader.
    pub(crate) fn gone() -> Self {
        Self { answered: true, ..Self::new(GONE, "") }
    }

    /// The same with a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, its JSON object being on stdout already.
    #[must_use]
    pub(crate) fn answered(mut self) -> Self {
        self.answered = true;
        self
    }

    /// Tells it: on stderr for people, and on stdout as JSON where that was asked for.
    pub(crate) fn tell(self, json: bool) -> ExitCode {
        if json && !self.answered {
            let object = serde_json::json!({ "status": "failed", "error": self.message, "hint": self.hint, "exit_code": self.code });
            // Nobody is left to be told that stdout is closed.
            let _ = crate::stdout::line(&object.to_string());
        }
        if self.message.is_empty() {
            return ExitCode::from(self.code);
        }
        let lead = if self.report { "" } else { "error: " };
        stderr::error(lead, &self.message, self.hint.as_deref(), Some(self.code));
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let report = matches!(error, Error::Problems(_) | Error::Model(_));
        Self { hint: error.hint(), report, ..Self::new(error.exit_code(), error.to_string()) }
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Error::Problems(problems).into()
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<affluent_sandbox::SandboxError> for Failure {
    fn from(error: affluent_sandbox::SandboxError) -> Self {
        let reason = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        Self::failed(format!("{error}{reason}"))
    }
}

impl From<datafusion::error::DataFusionError> for Failure {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Error::from(error).into()
    }
}

impl From<arrow::error::ArrowError> for Failure {
    fn from(error: arrow::error::ArrowError) -> Self {
        Error::from(error).into()
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error.to_string())
    }
}
