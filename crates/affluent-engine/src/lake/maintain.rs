//! Keeps tables quick to read: small files joined, checkpoints written, files that nobody can reach any more removed.

use std::num::NonZeroU64;

use chrono::Duration;
use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::optimize::OptimizeType;
use deltalake::operations::vacuum::VacuumMode;
use deltalake::{DeltaTable, DeltaTableError};

use super::commit::properties_of;
use super::{Lake, Mark, Table};
use crate::error::Error;

/// What maintenance did to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Maintained {
    /// The table.
    pub table: String,
    /// Files before.
    pub files_before: usize,
    /// Files after.
    pub files_after: usize,
    /// Files removed from storage, those of versions older than the retention.
    pub files_vacuumed: usize,
}

impl Lake {
    /// Maintains one table: its rows stay, and so does all that is known of them. Versions younger than `retention` stay readable.
    pub async fn maintain(&self, table: Table, retention: Duration, dry_run: bool) -> Result<Maintained, Error> {
        let name = table.name.clone();
        let fault = |error| Error::delta(&name, error);
        let files_before = table.files()?.len();
        let rows_version = table.rows_version().await?;
        let mark = table.mark().await?.map(|mark| Mark { maintained: Some(rows_version), ..mark });
        let mut delta = table.delta;
        // The mark goes on to the new head, so that log cleanup can never drop its only copy. No transaction number:
        // maintenance covers no data and must not stand in the way of a load.
        let properties = properties_of(mark.as_ref());
        if !dry_run {
            delta = keeping(delta, retention, properties.clone()).await.map_err(fault)?;
        }
        if !dry_run && files_before > 1 {
            let mut optimize =
                delta.optimize().with_type(OptimizeType::Compact).with_commit_properties(properties.clone());
            if let Some(size) = NonZeroU64::new(self.sizes.file as u64) {
                optimize = optimize.with_target_size(size);
            }
            delta = optimize.await.map_err(fault)?.0;
        }
        let vacuum = delta
            .clone()
            .vacuum()
            .with_retention_period(retention)
            .with_mode(VacuumMode::Full)
            .with_enforce_retention_duration(!dry_run)
            .with_commit_properties(properties)
            .with_dry_run(dry_run);
        let removed = vacuum.await.map_err(fault)?.1.files_deleted.len();
        if !dry_run {
            create_checkpoint(&delta, None).await.map_err(fault)?;
            cleanup_metadata(&delta, None).await.map_err(fault)?;
        }
        let files_after = Table::new(name.clone(), delta).files()?.len();
        Ok(Maintained { table: name.to_string(), files_before, files_after, files_vacuumed: removed })
    }
}

/// The table with its retention said in its own properties, by which checkpoints remember the files of old versions. A
/// checkpoint that forgets one sooner leaves a file that looks as if no version ever had it.
async fn keeping(
    delta: DeltaTable,
    retention: Duration,
    commit: CommitProperties,
) -> Result<DeltaTable, DeltaTableError> {
    let interval = format!("interval {} days", retention.num_days());
    let wanted = ["delta.deletedFileRetentionDuration", "delta.logRetentionDuration"];
    let held = delta.snapshot()?.metadata().configuration();
    if wanted.iter().all(|name| held.get(*name) == Some(&interval)) {
        return Ok(delta);
    }
    let properties = wanted.map(|name| (name.to_owned(), interval.clone())).into();
    delta.set_tbl_properties().with_properties(properties).with_commit_properties(commit).await
}
