//! Writes the data files of a commit before it is made: they lie in the table's folder, out of every reader's sight.

use std::collections::HashMap;
use std::sync::Arc;

use affluent_spec::TableName;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use deltalake::datafile::writer::{DeltaWriter, WriterConfig};
use deltalake::kernel::Add;
use deltalake::operations::get_num_idx_cols_and_stats_columns;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{Lake, conform, encoding};
use crate::error::Error;

/// The sizes at which parts of a table's files are closed. Until then a row group is held in memory, and files that are
/// still on their way to the store too: delta lets four of them wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) file: usize,
    row_group: usize,
}

const MIB: usize = 1024 * 1024;
/// Rows that are encoded at a time.
const BATCH_ROWS: usize = 8 * 1024;

impl Default for Sizes {
    fn default() -> Self {
        Self { file: 64 * MIB, row_group: 32 * MIB }
    }
}

impl Sizes {
    /// Those that fit in a process of about `limit` bytes.
    pub(super) fn within(limit: usize) -> Self {
        let usual = Self::default();
        Self { file: (limit / 8).clamp(8 * MIB, usual.file), row_group: (limit / 16).clamp(4 * MIB, usual.row_group) }
    }
}

/// Where a schema's metadata, or a field's, has the description that the table gets.
const COMMENT: &str = "comment";

/// A schema whose table gets this description.
pub fn commented(schema: Schema, text: &str) -> Schema {
    schema.with_metadata(HashMap::from([(COMMENT.to_owned(), text.to_owned())]))
}

/// Data files written but not committed.
#[derive(Debug)]
pub struct Staged {
    /// The table they are for.
    pub table: TableName,
    /// Their columns.
    pub schema: SchemaRef,
    /// Rows in them.
    pub rows: u64,
    /// What the table holds, empty where that is not said.
    pub(super) description: String,
    pub(super) files: Vec<Add>,
}

/// Writes batches one by one into the files of one commit.
pub struct Stager {
    table: TableName,
    schema: SchemaRef,
    description: String,
    store: Arc<dyn ObjectStore>,
    sizes: Sizes,
    /// Made when the first rows are there, which tell how to write them.
    writer: Option<DeltaWriter>,
    adopted: Vec<Add>,
    rows: u64,
}

impl Stager {
    /// Casts `batch` to the table's columns (matched by name) and writes it.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = conform::batch(batch, &self.schema)?;
        self.rows += batch.num_rows() as u64;
        let writer = self.writer.get_or_insert_with(|| writer(&self.store, self.sizes, &batch));
        writer.write(&batch).await.map_err(|error| Error::delta(&self.table, error))
    }

    /// Ends the files.
    pub async fn finish(self) -> Result<Staged, Error> {
        let mut files = match self.writer {
            Some(writer) => writer.close().await.map_err(|error| Error::delta(&self.table, error))?,
            None => Vec::new(),
        };
        files.extend(self.adopted);
        Ok(Staged { table: self.table, schema: self.schema, rows: self.rows, description: self.description, files })
    }

    /// Takes the files of `other`, of the same table, into this commit.
    pub fn adopt(&mut self, other: Staged) {
        self.rows += other.rows;
        self.adopted.extend(other.files);
    }

    /// Drops what was written, as far as it can be.
    pub async fn abort(self) {
        if let Some(writer) = self.writer
            && let Err(error) = writer.abort().await
        {
            tracing::debug!("files of an abandoned write stay until maintenance: {error}");
        }
    }
}

/// The writer of files that begin with these rows.
fn writer(store: &Arc<dyn ObjectStore>, sizes: Sizes, first: &RecordBatch) -> DeltaWriter {
    let (indexed, statistics) = get_num_idx_cols_and_stats_columns(None, HashMap::new());
    let config = WriterConfig::new(
        first.schema(),
        Vec::new(),
        Some(encoding::properties(first, sizes.row_group)),
        std::num::NonZeroU64::new(sizes.file as u64),
        Some(BATCH_ROWS),
        indexed,
        statistics,
    );
    DeltaWriter::new(Arc::clone(store), config)
}

impl Lake {
    /// Begins the files of a commit to `table` with the columns of `schema`.
    pub fn stager(&self, table: &TableName, schema: SchemaRef) -> Result<Stager, Error> {
        let delta = self.unloaded(table)?;
        let description = schema.metadata().get(COMMENT).cloned().unwrap_or_default();
        let schema = Arc::new(Schema::new(schema.fields().clone()));
        Ok(Stager {
            table: table.clone(),
            schema,
            description,
            store: delta.log_store().object_store(None),
            sizes: self.sizes,
            writer: None,
            adopted: Vec::new(),
            rows: 0,
        })
    }

    /// Writes a whole stream into the files of one commit.
    pub async fn stage(
        &self,
        table: &TableName,
        schema: SchemaRef,
        mut rows: SendableRecordBatchStream,
    ) -> Result<Staged, Error> {
        let mut stager = self.stager(table, schema)?;
        loop {
            match rows.try_next().await {
                Ok(Some(batch)) => stager.write(&batch).await?,
                Ok(None) => return stager.finish().await,
                Err(error) => {
                    stager.abort().await;
                    return Err(error.into());
                }
            }
        }
    }

    /// Drops files that are not to be committed, as far as it can be.
    pub(crate) async fn discard(&self, staged: Staged) {
        let Ok(delta) = self.unloaded(&staged.table) else { return };
        let store = delta.log_store().object_store(None);
        for file in staged.files {
            if let Err(error) = store.delete(&Path::from(file.path)).await {
                tracing::debug!("files of an abandoned write stay until maintenance: {error}");
            }
        }
    }

    /// The rows of staged files, for tests before publication.
    pub fn staged_rows(&self, context: &SessionContext, staged: &Staged) -> Result<Arc<dyn TableProvider>, Error> {
        if staged.files.is_empty() {
            let empty = datafusion::datasource::MemTable::try_new(staged.schema.clone(), vec![vec![]])?;
            return Ok(Arc::new(empty));
        }
        let delta = self.unloaded(&staged.table)?;
        let log_store = delta.log_store();
        let root = log_store.root_url();
        context.runtime_env().register_object_store(root, log_store.root_object_store(None));
        let urls: Result<Vec<_>, _> = staged
            .files
            .iter()
            .map(|file| {
                ListingTableUrl::parse(format!("{}/{}", delta.table_url().as_str().trim_end_matches('/'), file.path))
            })
            .collect();
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(urls?)
            .with_listing_options(options)
            .with_schema(staged.schema.clone());
        Ok(Arc::new(ListingTable::try_new(config)?))
    }
}
