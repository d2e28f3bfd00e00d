//! The lake: Delta tables at `<location>/<schema>/<table>`, read as snapshots and written by [`Lake::commit`] alone.

mod changes;
mod commit;
pub(crate) mod conform;
mod encoding;
mod evolve;
mod maintain;
mod mark;
mod merge;
#[cfg(test)]
mod races;
mod stage;
mod storage;
mod table;

use std::collections::HashMap;

use affluent_spec::TableName;
use deltalake::DeltaTable;
use deltalake::table::builder::DeltaTableBuilder;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::error::Error;

pub(crate) use changes::anti;
pub use commit::{Commit, WriteMode};
pub use maintain::Maintained;
pub(crate) use mark::fingerprint;
pub use mark::{Mark, Stamp};
pub use merge::{Merged, Target};
pub use stage::{Staged, Stager, commented};
pub use storage::location;
pub use table::Table;

/// The schemas that hold tables, in the order of the line.
pub const SCHEMAS: [&str; 4] = ["bronze", "silver", "gold", "_affluent"];

/// How often a write is tried again because others wrote the same table meanwhile.
const ATTEMPTS: usize = 20;

/// Writes to a table that entities and runs share: whoever comes second looks again and writes on top.
pub(crate) async fn again<T, W: Future<Output = Result<T, Error>>>(mut write: impl FnMut() -> W) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match write().await {
            Err(Error::Concurrent { .. }) => {}
            result => return result,
        }
    }
    write().await
}

/// A place where tables lie.
#[derive(Debug, Clone)]
pub struct Lake {
    url: Url,
    sizes: stage::Sizes,
}

impl Lake {
    /// The lake at `url` (see [`location`] for what users may write). Nothing is created until the first commit.
    pub fn at(mut url: Url) -> Self {
        storage::register();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Self { url, sizes: stage::Sizes::default() }
    }

    /// The same lake, written in portions that fit in a process of about `limit` bytes; `None` bounds nothing.
    #[must_use]
    pub fn within(mut self, limit: Option<usize>) -> Self {
        self.sizes = limit.map_or_else(stage::Sizes::default, stage::Sizes::within);
        self
    }

    /// Where it lies.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where a table lies, as other tools take it: a path for local lakes, else a URL.
    pub fn display(&self, table: &TableName) -> String {
        let root = self.root();
        format!("{root}/{}/{}", table.schema, table.table)
    }

    /// The lake's own location, as a user would write it.
    pub fn root(&self) -> String {
        match self.url.to_file_path() {
            Ok(path) => path.display().to_string().trim_end_matches('/').to_owned(),
            Err(()) => self.url.to_string().trim_end_matches('/').to_owned(),
        }
    }

    /// A table as errors name it: where it lies in a store, for what is wrong may be the bucket.
    fn named(&self, name: &TableName) -> String {
        if self.url.scheme() == "file" { name.to_string() } else { self.display(name) }
    }

    fn unloaded(&self, name: &TableName) -> Result<DeltaTable, Error> {
        let url = self
            .url
            .join(&format!("{}/{}/", name.schema, name.table))
            .map_err(|error| Error::Lake { table: name.to_string(), message: error.to_string() })?;
        DeltaTableBuilder::from_url(url)
            .and_then(|builder| builder.with_storage_options(HashMap::new()).build())
            .map_err(|error| Error::delta(name, error))
    }

    /// The table at its newest version, or `None` where there is none yet.
    pub async fn table(&self, name: &TableName) -> Result<Option<Table>, Error> {
        if let Ok(root) = self.url.to_file_path()
            && !root.join(&name.schema).join(&name.table).join("_delta_log").exists()
        {
            return Ok(None);
        }
        let mut delta = self.unloaded(name)?;
        match delta.load().await {
            Ok(()) => Ok(Some(Table::new(name.clone(), delta))),
            Err(deltalake::DeltaTableError::NotATable(_)) => Ok(None),
            Err(error) => {
                // A location that does not exist is told in several ways; its log says for sure.
                match delta.verify_deltatable_existence().await {
                    Ok(false) => Ok(None),
                    Ok(true) => Err(Error::delta(name, error)),
                    // What a store says names neither its bucket nor itself.
                    Err(inner) => match Error::delta(self.named(name), inner) {
                        Error::Lake { message, .. } if message.contains("No such file") => Ok(None),
                        other => Err(other),
                    },
                }
            }
        }
    }

    /// All tables, by name.
    pub async fn tables(&self) -> Result<Vec<TableName>, Error> {
        let (store, prefix) = storage::open(&self.url)?;
        let mut names = Vec::new();
        for schema in SCHEMAS {
            let below = Path::from_iter(prefix.parts().chain([schema.into()]));
            let listed = match store.list_with_delimiter(Some(&below)).await {
                Ok(listed) => listed,
                Err(object_store::Error::NotFound { .. }) => continue,
                Err(error) => return Err(Error::store(self.root(), &error)),
            };
            for folder in listed.common_prefixes {
                let Some(table) = folder.filename() else { continue };
                let log = Path::from_iter(folder.parts().chain(["_delta_log".into()]));
                let logged =
                    store.list(Some(&log)).try_next().await.map_err(|error| Error::store(self.root(), &error))?;
                if logged.is_some() {
                    names.push(TableName::new(schema, table));
                }
            }
        }
        names.sort();
        Ok(names)
    }
}
