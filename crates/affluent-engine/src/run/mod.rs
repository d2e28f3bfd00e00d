//! A run: the stages of a plan in order, each done once for a run id, and a report of what was done.

mod log;
mod preview;
mod select;
mod stages;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::error::Error;
use crate::extract::StreamReport;
use crate::marts::{ModelReport, ModelStatus};
use crate::transform::EntityReport;

pub use crate::context::{Event, Run, Stage};
#[cfg(test)]
pub(crate) use log::schema as log_schema;
pub use log::{LoggedRun, history, table as log_table};
pub use preview::{Because, Step, preview};
pub use select::Selection;
pub use stages::{Outcome, run, step_names};

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All of it is done.
    Ok,
    /// This run id did it before; nothing was written.
    AlreadyDone,
    /// Some of it failed.
    Failed,
}

/// What one stage did.
#[derive(Debug, Clone, Serialize)]
pub struct StageReport {
    /// The run.
    pub run_id: String,
    /// The pipeline.
    pub pipeline: String,
    /// The stage.
    pub stage: Stage,
    /// How it ended.
    pub status: Status,
    /// Exclusive upper bound of event time.
    #[serde(serialize_with = "instant")]
    pub as_of: DateTime<Utc>,
    /// What extraction did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamReport>,
    /// What the transform did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityReport>,
    /// What was built.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelReport>,
    /// What failed, with its hint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Wall time.
    pub seconds: f64,
}

/// An instant as JSON has it: RFC 3339, UTC.
fn instant<S: serde::Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

impl StageReport {
    /// Rows in quarantine.
    pub fn quarantined(&self) -> u64 {
        self.streams.iter().map(|stream| stream.quarantined).sum::<u64>()
            + self.entities.iter().map(|entity| entity.quarantined).sum::<u64>()
    }

    /// Models whose tests failed.
    pub fn failed_tests(&self) -> Option<Error> {
        let failed: Vec<String> = self
            .models
            .iter()
            .filter(|model| matches!(model.status, ModelStatus::TestFailed | ModelStatus::Skipped))
            .map(describe)
            .collect();
        (!failed.is_empty()).then(|| Error::TestsFailed(failed.join("\n")))
    }
}

fn describe(model: &ModelReport) -> String {
    if let Some(because) = &model.because {
        return format!("{} was not built: {because}", model.model);
    }
    let tests: Vec<String> = model
        .failures
        .iter()
        .filter(|failure| !failure.warning)
        .map(|failure| format!("{} ({} rows, the first: {})", failure.test, failure.rows, failure.example))
        .collect();
    format!("{} was not published, readers keep the version before: {}", model.model, tests.join("; "))
}
