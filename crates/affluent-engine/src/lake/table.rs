//! One table at one version.

use std::sync::Arc;

use affluent_spec::TableName;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use futures::TryStreamExt;

use super::commit::{APP, INFO};
use super::mark::{Mark, Stamp};
use crate::error::Error;

/// A snapshot of a table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    pub(super) delta: DeltaTable,
}

impl Table {
    pub(super) fn new(name: TableName, delta: DeltaTable) -> Self {
        Self { name, delta }
    }

    /// Its version.
    pub fn version(&self) -> i64 {
        self.delta.version().map_or(-1, |version| version as i64)
    }

    /// The version that gave it the rows it has: maintenance makes versions without touching rows, and what was built from the
    /// rows need not be built again for it.
    pub async fn rows_version(&self) -> Result<i64, Error> {
        let handed_on = self.mark().await?.and_then(|mark| mark.maintained);
        Ok(handed_on.unwrap_or_else(|| self.version()))
    }

    /// Which table it is, and the version of its rows.
    pub async fn stamp(&self) -> Result<Stamp, Error> {
        let state = self.delta.snapshot().map_err(|error| Error::delta(&self.name, error))?;
        Ok(Stamp::new(self.rows_version().await?, state.metadata().id()))
    }

    /// Its columns, with their descriptions as metadata.
    pub fn schema(&self) -> Result<SchemaRef, Error> {
        let state = self.delta.snapshot().map_err(|error| Error::delta(&self.name, error))?;
        let kernel = state.schema();
        let schema: arrow::datatypes::Schema = kernel.as_ref().try_into_arrow()?;
        Ok(Arc::new(schema))
    }

    /// Whether it has a column of this name.
    pub(super) fn has_column(&self, name: &str) -> bool {
        self.delta.snapshot().is_ok_and(|state| state.schema().field(name).is_some())
    }

    /// The rows of this version, for queries.
    pub async fn provider(&self) -> Result<Arc<dyn TableProvider>, Error> {
        Ok(self.delta.table_provider().await?)
    }

    /// The rows of this version with the path of their file in column `file`.
    pub(super) async fn provider_with_file(&self, file: &str) -> Result<Arc<dyn TableProvider>, Error> {
        Ok(self.delta.table_provider().with_file_column(file).await?)
    }

    /// The rows of some of its files, by path.
    pub(super) async fn provider_of(&self, files: Vec<String>) -> Result<Arc<dyn TableProvider>, Error> {
        Ok(self.delta.table_provider().with_file_paths(files).await?)
    }

    /// The paths of its data files.
    pub(super) fn files(&self) -> Result<Vec<String>, Error> {
        let state = self.delta.snapshot().map_err(|error| Error::delta(&self.name, error))?;
        Ok(state.log_data().iter().map(|file| file.path().into_owned()).collect())
    }

    /// Rows by the log's statistics, where every file has them.
    pub fn rows(&self) -> Option<u64> {
        let state = self.delta.snapshot().ok()?;
        state.log_data().iter().map(|file| file.num_records().map(|rows| rows as u64)).sum()
    }

    /// Bytes of its data files.
    pub fn bytes(&self) -> u64 {
        self.delta.snapshot().map_or(0, |state| state.log_data().iter().map(|file| file.size().max(0) as u64).sum())
    }

    /// Number of its last marked commit; 0 before the first.
    pub async fn sequence(&self) -> Result<i64, Error> {
        let state = self.delta.snapshot().map_err(|error| Error::delta(&self.name, error))?;
        let found = state.transaction_version(self.delta.log_store().as_ref(), APP.to_owned()).await;
        Ok(found.map_err(|error| Error::delta(&self.name, error))?.unwrap_or(0))
    }

    /// The mark of its last numbered commit, or what maintenance handed on of it. An older one may stand above it, handed on
    /// by maintenance that had read it before that commit came.
    pub async fn mark(&self) -> Result<Option<Mark>, Error> {
        let sequence = self.sequence().await?;
        let mut history = self.delta.history(None);
        while let Some(info) = history.try_next().await.map_err(|error| Error::delta(&self.name, error))? {
            let Some(mark) = info.info.get(INFO) else { continue };
            let mark: Mark = serde_json::from_value(mark.clone()).map_err(|error| Error::Lake {
                table: self.name.to_string(),
                message: format!("the mark of its last commit cannot be read: {error}"),
            })?;
            if mark.sequence == sequence {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }

    /// Its mark as maintenance hands it on: with the version whose rows are kept.
    pub(super) async fn handed_on(&self) -> Result<Option<Mark>, Error> {
        let rows = self.rows_version().await?;
        Ok(self.mark().await?.map(|mark| Mark { maintained: Some(rows), ..mark }))
    }

    /// Whether its last commit carries its mark.
    pub(super) async fn is_marked_on_top(&self, mark: &Mark) -> Result<bool, Error> {
        let mut last = self.delta.history(Some(1));
        let last = last.try_next().await.map_err(|error| Error::delta(&self.name, error))?;
        let told = last.and_then(|info| info.info.get(INFO).cloned());
        Ok(told.and_then(|told| serde_json::from_value::<Mark>(told).ok()).as_ref() == Some(mark))
    }
}
