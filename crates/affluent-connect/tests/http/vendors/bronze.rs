//! What bronze would hold of a stream, and what silver would take of it.

use std::collections::BTreeMap;

use affluent_connect::http::HttpSource;
use affluent_connect::{Cursor, Source, Window};
use affluent_spec::bronze::of_field;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use futures::StreamExt;

/// A version: what it is ordered by, its hash, and whether it is a tombstone.
type Version = ((i64, usize), i64, bool);

/// The newest version of each record.
#[derive(Default)]
pub(crate) struct Bronze {
    newest: BTreeMap<String, Version>,
    /// Values that did not fit.
    pub(crate) rejected: usize,
    /// Rows read in all.
    pub(crate) rows: usize,
    /// Requests made for them.
    pub(crate) requests: u32,
    cursor: Option<Cursor>,
}

impl Bronze {
    /// Reads the stream on; `field` is its cursor's.
    pub(crate) async fn load(&mut self, source: &HttpSource, stream: &str, field: Option<&str>) {
        let key = source.discover(stream).await.unwrap().key;
        let mut pages = source.read(stream, Window { from: self.cursor.clone() });
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| format!("{stream}: {error:?}")).unwrap();
            let keys: Vec<_> = key.iter().map(|name| page.rows.column_by_name(name).unwrap()).collect();
            let hashes = page.rows.column_by_name("_hash").unwrap().as_primitive::<Int64Type>();
            let deleted = page.rows.column_by_name("_deleted").unwrap().as_boolean();
            let cursors = field.map(|field| page.rows.column_by_name(&of_field(field)).unwrap());
            for row in 0..page.rows.num_rows() {
                let id: Vec<String> = keys.iter().map(|column| array_value_to_string(column, row).unwrap()).collect();
                let at = cursors.filter(|column| !column.is_null(row));
                // A tombstone that does not say when outdoes what came before it.
                let without = if deleted.value(row) { i64::MAX } else { i64::MIN };
                let at = at.map_or(without, |column| column.as_primitive::<TimestampMicrosecondType>().value(row));
                let version = ((at, self.rows + row), hashes.value(row), deleted.value(row));
                let known = self.newest.entry(id.join(" ")).or_insert(version);
                if known.0 <= version.0 {
                    *known = version;
                }
            }
            self.rows += page.rows.num_rows();
            self.rejected += page.rejected.len();
            self.requests += page.requests;
            if page.cursor.is_some() {
                self.cursor = page.cursor;
            }
        }
    }

    /// The hash of the newest version of each record that is not deleted.
    pub(crate) fn live(&self) -> BTreeMap<&str, i64> {
        let live = self.newest.iter().filter(|(_, (_, _, deleted))| !deleted);
        live.map(|(key, (_, hash, _))| (key.as_str(), *hash)).collect()
    }
}
