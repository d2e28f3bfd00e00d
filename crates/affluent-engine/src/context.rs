//! What all steps of a run share: its id and instant, the session, and who hears of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::extract::StreamReport;
use crate::marts::ModelReport;
use crate::session::Session;
use crate::transform::EntityReport;

/// The stages of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Sources → bronze.
    Extract,
    /// Bronze → silver.
    Transform,
    /// Silver → gold.
    Marts,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Extract, Self::Transform, Self::Marts];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Transform => "transform",
            Self::Marts => "marts",
        }
    }
}

/// What all steps of a run share.
#[derive(Clone)]
pub struct Run {
    /// Names the run; a stage is done once for a run id.
    pub run_id: String,
    /// Exclusive upper bound of event time for gold.
    pub as_of: DateTime<Utc>,
    /// Load and build anew what is selected.
    pub full_refresh: bool,
    /// What queries run in.
    pub session: Session,
    /// Cancelled when the run is to stop.
    pub stop: CancellationToken,
    /// Hears what happens.
    pub listener: Arc<dyn Fn(&Event) + Send + Sync>,
}

impl Run {
    pub(crate) fn tell(&self, event: &Event) {
        (self.listener)(event);
    }

    /// What `work` comes to, unless the run is to stop before: then it is dropped where it stands.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        self.stop.run_until_cancelled(work).await.ok_or(Error::Interrupted)
    }
}

/// What happens in a run, for progress.
#[derive(Debug, Clone)]
pub enum Event {
    /// A stage begins with so many steps.
    Began {
        /// The stage.
        stage: Stage,
        /// Streams, entities or models.
        steps: usize,
    },
    /// More of a stream was read.
    Read {
        /// `source.stream`.
        stream: String,
        /// Records so far.
        rows: u64,
        /// Requests so far.
        requests: u64,
    },
    /// A stream is done.
    Extracted(StreamReport),
    /// A stream failed; the others go on.
    Failed {
        /// `source.stream`.
        stream: String,
        /// Why.
        message: String,
    },
    /// An entity is done.
    Transformed(EntityReport),
    /// A model is done.
    Built(ModelReport),
}
