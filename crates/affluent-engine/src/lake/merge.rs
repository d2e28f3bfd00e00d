//! Brings a table to new content by rewriting only the files that hold changed keys.

use std::sync::Arc;

use affluent_spec::TableName;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext, cast, ident};

use super::changes::{Changes, anti};
use super::commit::Away;
use super::{Commit, Lake, Mark, Staged, Table, WriteMode};
use crate::error::Error;

const FILE: &str = "_affluent_file";

/// A table that is brought to new content.
pub struct Target<'a> {
    /// Its name.
    pub name: &'a TableName,
    /// As it was read for that content; `None` where it was not there yet.
    pub before: Option<&'a Table>,
    /// Its columns.
    pub schema: SchemaRef,
    /// The column that tells its rows apart.
    pub key: &'a str,
}

/// What was done to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The commit.
    pub commit: Commit,
    /// Rows added or put in the place of older ones.
    pub changed: u64,
    /// Rows taken away.
    pub gone: u64,
}

/// Files that were written to change a table, and those that they take the place of.
struct Rewritten {
    staged: Staged,
    away: Vec<String>,
    changed: u64,
    gone: u64,
}

impl Lake {
    /// Makes the rows of a table those of `fresh` (one for each key).
    ///
    /// Where nothing differs the commit has no file and carries the mark alone.
    pub async fn merge(
        &self,
        context: &SessionContext,
        to: &Target<'_>,
        fresh: DataFrame,
        mark: Mark,
    ) -> Result<Merged, Error> {
        let Some(before) = to.before else {
            let staged = self.stage(to.name, to.schema.clone(), fresh.execute_stream().await?).await?;
            let changed = staged.rows;
            let commit = self.commit(None, staged, WriteMode::Append, Some(mark)).await?;
            return Ok(Merged { commit, changed, gone: 0 });
        };
        let table = self.with_the_rows_of(before).await?;
        let changes = Changes::between(context, &table, fresh, to.key).await?;
        let Rewritten { staged, away, changed, gone } = self.rewritten(context, to, &table, changes).await?;
        let commit = self.commit_files(Some(&table), staged, Away::These(away), Some(mark)).await?;
        Ok(Merged { commit, changed, gone })
    }

    /// Puts the rows of `fresh` in the place of all that a table holds, its columns too.
    pub async fn replace(
        &self,
        context: &SessionContext,
        to: &Target<'_>,
        fresh: DataFrame,
        mark: Mark,
    ) -> Result<Merged, Error> {
        let staged = self.stage(to.name, to.schema.clone(), fresh.execute_stream().await?).await?;
        let changed = staged.rows;
        let mut gone = 0;
        if let Some(before) = to.before.filter(|before| before.has_column(to.key)) {
            let key = || cast(ident(to.key), DataType::Utf8).alias(to.key);
            let held = context.read_table(before.provider().await?)?.select(vec![key()])?;
            let kept = context.read_table(self.staged_rows(context, &staged)?)?.select(vec![key()])?;
            gone = anti(context, held, kept, &[to.key.to_owned()])?.count().await? as u64;
        }
        let commit = self.commit(to.before, staged, WriteMode::Replace, Some(mark)).await?;
        Ok(Merged { commit, changed, gone })
    }

    /// A table at its newest version, where none but maintenance has written it since `before`.
    async fn with_the_rows_of(&self, before: &Table) -> Result<Table, Error> {
        let forestalled = || Error::Concurrent { table: before.name.to_string() };
        let newest = self.table(&before.name).await?.ok_or_else(forestalled)?;
        if newest.sequence().await? == before.sequence().await? { Ok(newest) } else { Err(forestalled()) }
    }

    /// Puts the rows of `changed` into a table, in the place of those with their keys, and takes the keys of `gone` out of it.
    /// Where there is nothing to do there is no commit.
    pub(crate) async fn patch(
        &self,
        context: &SessionContext,
        to: &Target<'_>,
        changed: DataFrame,
        gone: DataFrame,
        mark: Mark,
    ) -> Result<(), Error> {
        let Some(before) = to.before else { return Ok(()) };
        let change = self.rewritten(context, to, before, Changes { changed, gone }).await?;
        if change.changed + change.gone > 0 {
            self.commit_files(Some(before), change.staged, Away::These(change.away), Some(mark)).await?;
        }
        Ok(())
    }

    /// Writes what changes of a table, with the rest of the files that hold changed keys.
    async fn rewritten(
        &self,
        context: &SessionContext,
        to: &Target<'_>,
        table: &Table,
        Changes { changed, gone }: Changes,
    ) -> Result<Rewritten, Error> {
        let mut staged = self.stage(to.name, to.schema.clone(), changed.execute_stream().await?).await?;
        let changed = staged.rows;
        let gone = gone.collect().await?;
        let taken: u64 = gone.iter().map(|batch| batch.num_rows() as u64).sum();
        let mut away = Vec::new();
        if changed + taken > 0 {
            let keys = self.keys(context, &staged, gone, to.key)?;
            away = affected(context, table, &keys, to.key).await?;
            if !away.is_empty() {
                let held = context.read_table(table.provider_of(away.clone()).await?)?;
                let kept = anti(context, held, keys, &[to.key.to_owned()])?;
                let rewritten = self.stage(to.name, to.schema.clone(), kept.execute_stream().await?).await?;
                staged.files.extend(rewritten.files);
            }
        }
        Ok(Rewritten { staged, away, changed, gone: taken })
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
    let path = cast(ident(FILE), DataType::Utf8).alias(FILE);
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
