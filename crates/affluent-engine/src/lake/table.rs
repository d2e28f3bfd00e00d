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

    /// Which table it is, and its version.
    pub fn stamp(&self) -> Result<Stamp, Error> {
        let state = self.delta.snapshot().map_err(|error| Error::delta(&self.name, error))?;
        Ok(Stamp::new(self.version(), state.metadata().id()))
    }

    /// Its columns, with their descriptions as metadata.
    pub fn schema(&self) -> Result<SchemaRef, Error> {
        let state = self.delta.snapshot().map_err(|error| Error::delta(&self.name, error))?;
        let kernel = state.schema();
        let schema: arrow::datatypes::Schema = kernel.as_ref().try_into_arrow()?;
        Ok(Arc::new(schema))
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

    /// The mark of its newest marked commit.
    pub async fn mark(&self) -> Result<Option<Mark>, Error> {
        let mut history = self.delta.history(None);
        while let Some(info) = history.try_next().await.map_err(|error| Error::delta(&self.name, error))? {
            if let Some(mark) = info.info.get(INFO) {
                return serde_json::from_value(mark.clone()).map(Some).map_err(|error| Error::Lake {
                    table: self.name.to_string(),
                    message: format!("the mark of its last commit cannot be read: {error}"),
                });
            }
        }
        Ok(None)
    }
}
