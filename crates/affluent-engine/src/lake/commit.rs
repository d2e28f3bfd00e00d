//! The one way to write: staged files and their mark become visible by one commit.

use affluent_spec::TableName;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, MetadataExt, Remove, StructType, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};

use super::evolve::merged;
use super::mark::Mark;
use super::{Lake, Staged, Table};
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

impl Lake {
    /// Makes `staged` visible as one commit on top of `before` (the table as it was read, `None` where there was none).
    ///
    /// With a mark, the commit is refused as [`Error::Concurrent`] where another run has committed since `before`; the
    /// mark's sequence is set here. An error on the way is looked into: a commit that landed counts as made.
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
        let name = staged.table.clone();
        let rows = staged.rows;
        let mark = match mark {
            Some(mark) => {
                let sequence = match before {
                    Some(table) => table.sequence().await?,
                    None => 0,
                };
                Some(Mark { sequence: sequence + 1, attempt: uuid::Uuid::new_v4().to_string(), ..mark })
            }
            None => None,
        };
        let properties = numbered(mark.as_ref());
        let attempt = match before {
            Some(table) => on_top(table, &staged, &away, properties).await,
            None => self.first(&name, &staged, properties).await,
        };
        let error = match attempt {
            Ok(version) => return Ok(Commit { version, rows }),
            Err(error) => error,
        };
        if let Some(version) = self.landed(&name, mark.as_ref()).await {
            return Ok(Commit { version, rows });
        }
        match (before, self.table(&name).await?) {
            // Somebody else made the table meanwhile: with a mark that is another run's load; without one (a log that all
            // runs share) our rows go on top.
            (None, Some(_)) if mark.is_some() => Err(Error::Concurrent { table: name.to_string() }),
            (None, Some(table)) => {
                let version = on_top(&table, &staged, &away, properties_of(None)).await;
                Ok(Commit { version: version.map_err(|error| Error::delta(&name, error))?, rows })
            }
            _ => Err(Error::delta(&name, error)),
        }
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
            // With retries, delta would put a first commit that came second on top of the other, unchecked: rows twice.
            .with_commit_properties(properties.with_max_retries(0))
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
pub(super) fn properties_of(mark: Option<&Mark>) -> CommitProperties {
    let properties = CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false));
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
        Away::These(files) => state
            .log_data()
            .iter()
            .filter(|file| files.iter().any(|gone| *gone == file.path()))
            .map(|file| file.remove_action(true))
            .collect(),
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

        async fn load(&self, before: Option<&Table>, mode: WriteMode) -> Result<Commit, Error> {
            self.commit(before, mode, Some(Mark::default())).await
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
        place.load(None, WriteMode::Append).await.unwrap();
        refused(place.load(None, WriteMode::Append).await);
        refused(place.load(None, WriteMode::Replace).await);
        assert_eq!((place.rows().await, place.table().await.unwrap().version()), (Some(2), 0));
    }

    #[tokio::test]
    async fn of_two_commits_on_one_version_the_second_is_refused() {
        for late in [WriteMode::Append, WriteMode::Replace] {
            let place = Place::new();
            place.load(None, WriteMode::Append).await.unwrap();
            let before = place.table().await;
            let won = place.load(before.as_ref(), WriteMode::Append).await.unwrap();
            refused(place.load(before.as_ref(), late).await);
            let after = place.table().await.unwrap();
            assert_eq!(
                (place.rows().await, after.version(), after.sequence().await.unwrap()),
                (Some(4), won.version, 2)
            );
            // Who looks again may write again.
            place.load(Some(&after), late).await.unwrap();
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
}
