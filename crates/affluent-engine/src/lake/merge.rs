//! Brings a table to new content by rewriting only the files that hold changed keys.

use std::sync::Arc;

use affluent_spec::TableName;
use arrow::array::AsArray;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext, cast, ident};

use super::changes::{Changes, anti};
use super::commit::Away;
use super::{Commit, Lake, Mark, Staged, Table, WriteMode};
use crate::error::Error;

const FILE: &str = "_affluent_file";

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The commit.
    pub commit: Commit,
    /// Rows added or put in the place of older ones.
    pub changed: u64,
    /// Rows taken away.
    pub gone: u64,
}

impl Lake {
    /// Puts `fresh` in the place of all rows of `name`, and its columns in the place of those the table had.
    pub async fn replace(
        &self,
        name: &TableName,
        schema: SchemaRef,
        fresh: DataFrame,
        mark: Option<Mark>,
    ) -> Result<Merged, Error> {
        let before = self.table(name).await?;
        let staged = self.stage(name, schema, fresh.execute_stream().await?).await?;
        let changed = staged.rows;
        let commit = self.commit(before.as_ref(), staged, WriteMode::Replace, mark).await?;
        Ok(Merged { commit, changed, gone: 0 })
    }

    /// Makes the rows of `name` those of `fresh` (one for each `key`), with the columns of `schema`.
    ///
    /// Where nothing differs the commit has no file and carries the mark alone; without a mark there is no commit.
    pub async fn merge(
        &self,
        context: &SessionContext,
        name: &TableName,
        schema: SchemaRef,
        fresh: DataFrame,
        key: &str,
        mark: Option<Mark>,
    ) -> Result<Merged, Error> {
        let Some(table) = self.table(name).await? else {
            let staged = self.stage(name, schema, fresh.execute_stream().await?).await?;
            let changed = staged.rows;
            let commit = self.commit(None, staged, WriteMode::Append, mark).await?;
            return Ok(Merged { commit, changed, gone: 0 });
        };
        let Changes { changed, gone } = Changes::between(context, &table, fresh, key).await?;
        let mut staged = self.stage(name, schema.clone(), changed.execute_stream().await?).await?;
        let changed = staged.rows;
        let gone = gone.collect().await?;
        let taken: u64 = gone.iter().map(|batch| batch.num_rows() as u64).sum();
        let mut away = Vec::new();
        if changed + taken > 0 {
            let keys = self.keys(context, &staged, gone, key)?;
            away = affected(context, &table, &keys, key).await?;
            if !away.is_empty() {
                let held = context.read_table(table.provider_of(away.clone()).await?)?;
                let kept = anti(context, held, keys, &[key.to_owned()])?;
                let rewritten = self.stage(name, schema, kept.execute_stream().await?).await?;
                staged.files.extend(rewritten.files);
            }
        }
        if changed + taken == 0 && mark.is_none() {
            let version = table.version();
            return Ok(Merged { commit: Commit { version, rows: 0 }, changed, gone: taken });
        }
        let commit = self.commit_files(Some(&table), staged, Away::These(away), mark).await?;
        Ok(Merged { commit, changed, gone: taken })
    }

    /// The keys that change, as a table.
    fn keys(
        &self,
        context: &SessionContext,
        staged: &Staged,
        gone: Vec<arrow::array::RecordBatch>,
        key: &str,
    ) -> Result<DataFrame, Error> {
        let changed = context.read_table(self.staged_rows(context, staged)?)?.select(vec![ident(key)])?;
        let Some(first) = gone.first() else { return Ok(changed) };
        let gone = context.read_table(Arc::new(MemTable::try_new(first.schema(), vec![gone])?))?;
        let kind = changed.schema().field(0).data_type().clone();
        Ok(changed.union(gone.select(vec![cast(ident(key), kind).alias(key)])?)?)
    }
}

/// The files of `table` that hold any of `keys`.
async fn affected(context: &SessionContext, table: &Table, keys: &DataFrame, key: &str) -> Result<Vec<String>, Error> {
    let held = context.read_table(table.provider_with_file(FILE).await?)?;
    let path = cast(ident(FILE), arrow::datatypes::DataType::Utf8).alias(FILE);
    let held = held.select(vec![ident(key), path])?;
    let keys = keys.clone().select(vec![ident(key).alias("_changed_key")])?;
    let touched = held
        .join(keys, datafusion::common::JoinType::LeftSemi, &[key], &["_changed_key"], None)?
        .select(vec![ident(FILE)])?
        .distinct()?
        .collect()
        .await?;
    let paths: Vec<String> = touched
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    Ok(table.files()?.into_iter().filter(|file| paths.iter().any(|path| path.ends_with(file.as_str()))).collect())
}
