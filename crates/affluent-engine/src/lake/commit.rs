//! The one way to write: staged files and their mark become visible by one commit.

use std::collections::HashSet;

use affluent_spec::TableName;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, MetadataExt, Remove, StructType, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;

use super::evolve::merged;
use super::mark::Mark;
use super::{ATTEMPTS, Lake, Staged, Table};
use crate::error::Error;

/// The application of our transactions.
pub(super) const APP: &str = "affluent";
/// The key of the mark in the commit info.
pub(super) const INFO: &str = "affluent";

/// What a commit does with the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Adds to them.
    Append,
    /// Takes their place.
    Replace,
}

/// A commit that was made, or was found to be made already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The table's version after it.
    pub version: i64,
    /// Rows added.
    pub rows: u64,
}

/// The files that a commit takes away.
pub(super) enum Away {
    None,
    All,
    These(Vec<String>),
}

impl Away {
    /// Whether `table` still has the files that are named.
    pub(super) fn is_all_there(&self, table: &Table) -> Result<bool, Error> {
        let Self::These(files) = self else { return Ok(true) };
        let there: HashSet<String> = table.files()?.into_iter().collect();
        Ok(files.iter().all(|file| there.contains(file)))
    }
}

impl Lake {
    /// Makes `staged` visible as one commit on top of `before` (the table as it was read, `None` where there was none).
    ///
    /// With a mark, the commit is refused as [`Error::Concurrent`] where another run has committed since `before`; the
    /// mark's sequence is set here. What maintenance did since does not count, unless it joined files that the commit takes
    /// away. An error on the way is looked into: a commit that landed counts as made. Without a mark it cannot be told
    /// from another's, and its rows may be added twice then: only the run log is written so.
    pub async fn commit(
        &self,
        before: Option<&Table>,
        staged: Staged,
        mode: WriteMode,
        mark: Option<Mark>,
    ) -> Result<Commit, Error> {
        let away = if mode == WriteMode::Replace { Away::All } else { Away::None };
        self.commit_files(before, staged, away, mark).await
    }

    pub(super) async fn commit_files(
        &self,
        before: Option<&Table>,
        staged: Staged,
        away: Away,
        mark: Option<Mark>,
    ) -> Result<Commit, Error> {
        let name = &staged.table;
        let rows = staged.rows;
        let mut sequence = 0;
        if let Some(table) = before.filter(|_| mark.is_some()) {
            sequence = table.sequence().await?;
        }
        let attempt = uuid::Uuid::new_v4().to_string();
        let mark = mark.map(|mark| Mark { sequence: sequence + 1, attempt, maintained: None, ..mark });
        let properties = numbered(mark.as_ref());
        let mut base = before.cloned();
        for _ in 0..ATTEMPTS {
            let attempt = match &base {
                Some(table) => on_top(table, &staged, &away, properties.clone()).await,
                None => self.first(name, &staged, properties.clone()).await,
            };
            let error = match attempt {
                Ok(version) => {
                    tracing::debug!(table = %name, version, rows, "committed");
                    return Ok(Commit { version, rows });
                }
                Err(error) => error,
            };
            if let Some(version) = self.landed(name, mark.as_ref()).await {
                return Ok(Commit { version, rows });
            }
            let (error, newest) = (Error::delta(name, error), self.table(name).await?);
            let was_made_meanwhile = base.is_none() && newest.is_some();
            if !was_made_meanwhile && !matches!(error, Error::Concurrent { .. }) {
                return Err(error);
            }
            // Somebody else came first. Rows that only come on top can come on top of theirs too, unless a mark says what
            // they are the next rows of: then none but maintenance may have come between.
            let Some(newest) = newest else { return Err(error) };
            let stands = match (&mark, &base) {
                (None, _) => matches!(away, Away::None),
                (Some(_), None) => false,
                (Some(_), Some(_)) => newest.sequence().await? == sequence && away.is_all_there(&newest)?,
            };
            if !stands {
                return Err(Error::Concurrent { table: name.to_string() });
            }
            base = Some(newest);
        }
        Err(Error::Concurrent { table: name.to_string() })
    }

    /// The version of our own attempt, where it has landed in spite of an error.
    async fn landed(&self, name: &TableName, mark: Option<&Mark>) -> Option<i64> {
        let mark = mark?;
        let table = self.table(name).await.ok()??;
        let newest = table.mark().await.ok()??;
        (newest.attempt == mark.attempt).then(|| table.version())
    }

    async fn first(
        &self,
        name: &TableName,
        staged: &Staged,
        properties: CommitProperties,
    ) -> Result<i64, deltalake::DeltaTableError> {
        let delta = self.unloaded(name).map_err(|error| deltalake::DeltaTableError::Generic(error.to_string()))?;
        self.prepare_folder(name).await.map_err(deltalake::DeltaTableError::generic)?;
        let schema = kernel_schema(&staged.schema)?;
        let created = CreateBuilder::new()
            .with_log_store(delta.log_store())
            .with_table_name(name.table.clone())
            .with_comment(&staged.description)
            .with_columns(schema.fields().cloned())
            .with_actions(staged.files.iter().cloned().map(Action::Add))
            .with_commit_properties(properties)
            .await?;
        Ok(created.version().map_or(0, |version| version as i64))
    }

    /// A local lake's folders are made by the first write; elsewhere there are no folders.
    async fn prepare_folder(&self, name: &TableName) -> Result<(), String> {
        let Ok(root) = self.url().to_file_path() else { return Ok(()) };
        let folder = root.join(&name.schema).join(&name.table).join("_delta_log");
        tokio::fs::create_dir_all(&folder).await.map_err(|error| format!("{}: {error}", folder.display()))
    }
}

fn kernel_schema(schema: &SchemaRef) -> Result<StructType, deltalake::DeltaTableError> {
    let kernel: StructType = schema.as_ref().try_into_kernel()?;
    Ok(kernel)
}

/// Commit properties with the mark told; checkpoints and log cleanup are maintenance's.
///
/// There are no retries: delta would put a first commit that came second on top of the other, and it does not count files
/// that maintenance joined as taken away, so that a commit which takes them away too would leave their rows there twice.
pub(super) fn properties_of(mark: Option<&Mark>) -> CommitProperties {
    let properties = CommitProperties::default()
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
        .with_max_retries(0);
    match mark {
        None => properties,
        Some(mark) => properties.with_metadata([(INFO.to_owned(), serde_json::to_value(mark).unwrap_or_default())]),
    }
}

/// The same, and the mark's number as a transaction: of two commits with the same number one is refused.
fn numbered(mark: Option<&Mark>) -> CommitProperties {
    let properties = properties_of(mark);
    match mark {
        None => properties,
        Some(mark) => properties.with_application_transaction(Transaction::new(APP, mark.sequence)),
    }
}

/// The removal of files by path.
pub(super) fn taken(state: &DeltaTableState, files: &[String], changes_data: bool) -> Vec<Remove> {
    let these = |path: &str| files.iter().any(|gone| gone == path);
    let files = state.log_data();
    files.iter().filter(|file| these(&file.path())).map(|file| file.remove_action(changes_data)).collect()
}

async fn on_top(
    table: &Table,
    staged: &Staged,
    away: &Away,
    properties: CommitProperties,
) -> Result<i64, deltalake::DeltaTableError> {
    let state = table.delta.snapshot()?;
    let removed: Vec<Remove> = match away {
        Away::None => Vec::new(),
        Away::All => state.log_data().iter().map(|file| file.remove_action(true)).collect(),
        Away::These(files) => taken(state, files, true),
    };
    let mut actions: Vec<Action> = Vec::new();
    let schema = match away {
        Away::All => kernel_schema(&staged.schema)?,
        _ => merged(state.schema().as_ref(), &kernel_schema(&staged.schema)?)?,
    };
    let described = &staged.description;
    let told = described.is_empty() || state.metadata().description() == Some(described.as_str());
    if &schema != state.schema().as_ref() || !told {
        let mut metadata = state.metadata().clone().with_schema(&schema)?;
        if !told {
            metadata = metadata.with_description(described.clone())?;
        }
        actions.push(Action::Metadata(metadata));
    }
    let replaces = !removed.is_empty() || matches!(away, Away::All);
    actions.extend(staged.files.iter().cloned().map(Action::Add));
    actions.extend(removed.into_iter().map(Action::Remove));
    let operation = DeltaOperation::Write {
        mode: if replaces { SaveMode::Overwrite } else { SaveMode::Append },
        partition_by: None,
        predicate: None,
    };
    let committed = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(Some(state), table.delta.log_store(), operation)
        .await?;
    Ok(committed.version() as i64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use tempfile::TempDir;
    use url::Url;

    use super::*;

    /// A table in a lake of its own.
    struct Place {
        _folder: TempDir,
        lake: Lake,
        name: TableName,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let lake = Lake::at(Url::from_directory_path(folder.path()).unwrap());
            Self { _folder: folder, lake, name: TableName::bronze("shop", "orders") }
        }

        async fn table(&self) -> Option<Table> {
            self.lake.table(&self.name).await.unwrap()
        }

        async fn commit(&self, before: Option<&Table>, mode: WriteMode, mark: Option<Mark>) -> Result<Commit, Error> {
            let rows = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1, 2])) as _)]).unwrap();
            let mut stager = self.lake.stager(&self.name, rows.schema()).unwrap();
            stager.write(&rows).await.unwrap();
            self.lake.commit(before, stager.finish().await.unwrap(), mode, mark).await
        }

        async fn rows(&self) -> Option<u64> {
            self.table().await.unwrap().rows()
        }
    }

    fn refused(result: Result<Commit, Error>) {
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Concurrent { table } if table == "bronze.shop_orders"), "{error}");
        assert_eq!(error.exit_code(), 75);
    }

    #[tokio::test]
    async fn of_two_first_commits_the_second_is_refused() {
        let place = Place::new();
        place.commit(None, WriteMode::Append, Some(Mark::default())).await.unwrap();
        refused(place.commit(None, WriteMode::Append, Some(Mark::default())).await);
        refused(place.commit(None, WriteMode::Replace, Some(Mark::default())).await);
        assert_eq!((place.rows().await, place.table().await.unwrap().version()), (Some(2), 0));
    }

    #[tokio::test]
    async fn of_two_commits_on_one_version_the_second_is_refused() {
        for late in [WriteMode::Append, WriteMode::Replace] {
            let place = Place::new();
            place.commit(None, WriteMode::Append, Some(Mark::default())).await.unwrap();
            let before = place.table().await;
            let won = place.commit(before.as_ref(), WriteMode::Append, Some(Mark::default())).await.unwrap();
            refused(place.commit(before.as_ref(), late, Some(Mark::default())).await);
            let after = place.table().await.unwrap();
            assert_eq!(
                (place.rows().await, after.version(), after.sequence().await.unwrap()),
                (Some(4), won.version, 2)
            );
            // Who looks again may write again.
            place.commit(Some(&after), late, Some(Mark::default())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_log_that_all_share_takes_both() {
        let place = Place::new();
        place.commit(None, WriteMode::Append, None).await.unwrap();
        let before = place.table().await;
        place.commit(before.as_ref(), WriteMode::Append, None).await.unwrap();
        place.commit(before.as_ref(), WriteMode::Append, None).await.unwrap();
        place.commit(None, WriteMode::Append, None).await.unwrap();
        assert_eq!(place.rows().await, Some(8));
    }

    #[tokio::test]
    async fn joining_files_does_not_stand_in_the_way_of_a_load_nor_lose_its_rows() {
        let place = Place::new();
        place.commit(None, WriteMode::Append, Some(Mark::default())).await.unwrap();
        let one = place.table().await;
        place.commit(one.as_ref(), WriteMode::Append, Some(Mark::default())).await.unwrap();
        let before = place.table().await;
        let maintained = place.lake.maintain(before.clone().unwrap(), chrono::Duration::days(7), false).await.unwrap();
        assert_eq!((maintained.files_before, maintained.files_after), (2, 1));
        place.commit(before.as_ref(), WriteMode::Append, Some(Mark::default())).await.unwrap();
        let after = place.table().await.unwrap();
        assert_eq!((place.rows().await, after.mark().await.unwrap().unwrap().sequence), (Some(6), 3));
    }
}
