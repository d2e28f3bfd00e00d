//! Keeps tables quick to read: small files joined, checkpoints written, files that nobody can reach any more removed.

use std::collections::HashMap;

use affluent_spec::TableName;
use chrono::Duration;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, MetadataExt};
use deltalake::operations::vacuum::VacuumMode;
use deltalake::protocol::DeltaOperation;
use deltalake::table::config::TablePropertiesExt;

use super::commit::{Away, properties_of, taken};
use super::{ATTEMPTS, Lake, Table, again};
use crate::error::Error;

/// For how long delta keeps the log of a table that does not say.
const LOG_DAYS: i64 = 30;

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
    ///
    /// Maintenance covers no data: its commits have no number of their own and never stand in the way of a load.
    pub async fn maintain(&self, mut table: Table, retention: Duration, dry_run: bool) -> Result<Maintained, Error> {
        let name = table.name.clone();
        let fault = |error| Error::delta(&name, error);
        let files_before = table.files()?.len();
        if !dry_run {
            self.join_small_files(&table).await?;
            table = again(|| self.settled(&name, retention)).await?;
            create_checkpoint(&table.delta, None).await.map_err(fault)?;
        }
        // A load may come between what vacuum commits; its mark then stands beneath one that is older (see `Table::mark`).
        let properties = properties_of(table.handed_on().await?.as_ref()).with_max_retries(ATTEMPTS);
        let vacuum = table
            .delta
            .clone()
            .vacuum()
            .with_retention_period(retention)
            .with_mode(VacuumMode::Full)
            .with_enforce_retention_duration(!dry_run)
            .with_commit_properties(properties)
            .with_dry_run(dry_run);
        let removed = vacuum.await.map_err(fault)?.1.files_deleted.len();
        if !dry_run {
            // Nothing above the version whose commit carries the mark is cut off.
            cleanup_metadata(&table.delta, None).await.map_err(fault)?;
        }
        let files_after = table.files()?.len();
        Ok(Maintained { table: name.to_string(), files_before, files_after, files_vacuumed: removed })
    }

    /// Puts each few small files into one. Written here and not by delta, which would join files that other maintenance has
    /// joined meanwhile, so that their rows stand there twice.
    async fn join_small_files(&self, table: &Table) -> Result<(), Error> {
        let (name, schema) = (&table.name, table.schema()?);
        // Rows pass one after the other, so that little is in memory at a time.
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let (mut joined, mut away) = (Vec::new(), Vec::new());
        for few in self.small_files(table)? {
            let rows = context.read_table(table.provider_of(few.clone()).await?)?;
            let staged = self.stage(name, schema.clone(), rows.execute_stream().await?).await?;
            joined.extend(staged.files.into_iter().map(|file| Add { data_change: false, ..file }));
            away.extend(few);
        }
        if away.is_empty() {
            return Ok(());
        }
        let away = Away::These(away);
        again(|| self.put_joined(name, &joined, &away)).await
    }

    /// The small files of a table, grouped so that those of a group make one of the usual size.
    fn small_files(&self, table: &Table) -> Result<Vec<Vec<String>>, Error> {
        let usual = self.sizes.file as i64;
        let state = table.delta.snapshot().map_err(|error| Error::delta(&table.name, error))?;
        let files = state.log_data();
        let mut small: Vec<(i64, String)> = files
            .iter()
            .filter(|file| file.size() < usual)
            .map(|file| (file.size(), file.path().into_owned()))
            .collect();
        small.sort();
        let mut groups: Vec<(i64, Vec<String>)> = Vec::new();
        for (size, path) in small {
            match groups.last_mut() {
                Some((bytes, group)) if *bytes + size <= usual => {
                    *bytes += size;
                    group.push(path);
                }
                _ => groups.push((size, vec![path])),
            }
        }
        Ok(groups.into_iter().map(|(_, group)| group).filter(|group| group.len() > 1).collect())
    }

    /// Puts joined files in the place of theirs, on top of whatever was loaded meanwhile.
    async fn put_joined(&self, name: &TableName, joined: &[Add], away: &Away) -> Result<(), Error> {
        let table = self.there(name).await?;
        let Away::These(files) = away else { return Ok(()) };
        if !away.is_all_there(&table)? {
            tracing::debug!("{name}: small files were rewritten while they were joined, so they stay as they are");
            return Ok(());
        }
        let fault = |error| Error::delta(name, error);
        let state = table.delta.snapshot().map_err(fault)?;
        let mut actions: Vec<Action> = joined.iter().cloned().map(Action::Add).collect();
        actions.extend(taken(state, files, false).into_iter().map(Action::Remove));
        let operation = DeltaOperation::Optimize { predicate: None, target_size: self.sizes.file as i64 };
        CommitBuilder::from(properties_of(table.handed_on().await?.as_ref()))
            .with_actions(actions)
            .build(Some(state), table.delta.log_store(), operation)
            .await
            .map_err(fault)?;
        Ok(())
    }

    /// The table when it says itself how long it is kept, since checkpoints forget removed files and log cleanup drops versions
    /// by what the table says; and when its newest commit carries its mark, so that log cleanup never drops the only copy.
    async fn settled(&self, name: &TableName, retention: Duration) -> Result<Table, Error> {
        let table = self.there(name).await?;
        let fault = |error| Error::delta(name, error);
        let state = table.delta.snapshot().map_err(fault)?;
        let said = state.table_config();
        let properties: HashMap<String, String> = [
            ("delta.deletedFileRetentionDuration", said.deleted_file_retention_duration(), retention),
            ("delta.logRetentionDuration", said.log_retention_duration(), retention.max(Duration::days(LOG_DAYS))),
        ]
        .into_iter()
        .filter(|(_, said, wanted)| said.as_secs() as i64 != wanted.num_seconds())
        .map(|(name, _, wanted)| (name.to_owned(), format!("interval {} days", wanted.num_days())))
        .collect();
        let mark = table.mark().await?;
        let is_marked = match &mark {
            Some(mark) => table.is_marked_on_top(mark).await?,
            None => true,
        };
        if properties.is_empty() && is_marked {
            return Ok(table);
        }
        let mut metadata = state.metadata().clone();
        for (name, value) in &properties {
            metadata = metadata.add_config_key(name.clone(), value.clone()).map_err(|error| fault(error.into()))?;
        }
        CommitBuilder::from(properties_of(table.handed_on().await?.as_ref()))
            .with_actions(vec![Action::Metadata(metadata)])
            .build(Some(state), table.delta.log_store(), DeltaOperation::SetTableProperties { properties })
            .await
            .map_err(fault)?;
        self.there(name).await
    }

    async fn there(&self, name: &TableName) -> Result<Table, Error> {
        let gone = || Error::Lake { table: name.to_string(), message: "is gone".to_owned() };
        self.table(name).await?.ok_or_else(gone)
    }
}
