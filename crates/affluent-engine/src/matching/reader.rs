//! Files as batches of text, whatever their format and types.

use std::io::{BufRead, BufReader, Read};

use affluent_connect::files::{FileSource, FileStream};
use affluent_connect::schema::{DELETED, FILE, HASH, RAW, ROW};
use affluent_connect::{Source, Window};
use affluent_spec::pipeline::Dialect;
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::stream::{BoxStream, StreamExt};
use indexmap::IndexMap;

use crate::error::Error;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its file and number.
    pub position: String,
    /// Why.
    pub reason: String,
}

/// Some rows of a file, every column as text.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<StringArray>,
    pub(super) count: usize,
    pub(super) refused: Vec<Refused>,
}

impl Rows {
    /// Gives columns the names by which they are compared; where that name is taken, they keep their own.
    pub(super) fn rename(&mut self, names: &IndexMap<String, String>) {
        for at in 0..self.names.len() {
            if let Some(name) = names.get(&self.names[at])
                && !self.names.contains(name)
            {
                self.names[at].clone_from(name);
            }
        }
    }

    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.names.iter().position(|name| name == column)
    }
}

/// The rows of a file in their order.
pub(super) fn read(path: &str) -> BoxStream<'static, Result<Rows, Error>> {
    let stream = FileStream {
        name: "rows".to_owned(),
        paths: vec![path.to_owned()],
        raw: Some(false),
        dialect: Dialect { delimiter: delimiter(path).to_owned(), ..Dialect::default() },
        ..FileStream::default()
    };
    let pages = FileSource::new("match", vec![stream]).read("rows", Window::default());
    pages
        .map(|page| {
            let page = page.map_err(Error::Input)?;
            let refused = page.rejected.into_iter().map(|row| Refused { position: row.position, reason: row.reason });
            text(&page.rows, refused.collect())
        })
        .boxed()
}

/// The delimiter of a text file on this machine; a comma where the file cannot be looked into, which reading it will tell.
fn delimiter(path: &str) -> &'static str {
    let mut head = Vec::new();
    let opened = std::fs::File::open(path).map(|file| BufReader::new(file.take(LONGEST_HEADER)));
    let read = opened.and_then(|mut file| file.read_until(b'\n', &mut head));
    if read.is_ok() { delimiter_of(&head) } else { "," }
}

/// The delimiter that a header has most of.
fn delimiter_of(head: &[u8]) -> &'static str {
    let times = |delimiter: &&str| head.iter().filter(|&&byte| byte == delimiter.as_bytes()[0]).count();
    // Of several as frequent the first.
    [",", ";", "\t", "|"].into_iter().rev().max_by_key(times).unwrap_or(",")
}

/// Bytes of a header that are looked at.
const LONGEST_HEADER: u64 = 64 * 1024;

fn text(batch: &RecordBatch, refused: Vec<Refused>) -> Result<Rows, Error> {
    let schema = batch.schema();
    let mut rows = Rows { names: Vec::new(), columns: Vec::new(), count: batch.num_rows(), refused };
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if [DELETED, FILE, HASH, RAW, ROW].contains(&field.name().as_str()) || field.data_type().is_nested() {
            continue;
        }
        rows.names.push(field.name().clone());
        rows.columns.push(cast(column, &DataType::Utf8)?.as_string::<i32>().clone());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::delimiter_of;

    #[test]
    fn the_header_tells_the_delimiter() {
        for (head, want) in
            [("a,b;c,d", ","), ("a;b,c;d", ";"), ("a\tb", "\t"), ("a|b|c", "|"), ("alone", ","), ("", ",")]
        {
            assert_eq!(delimiter_of(head.as_bytes()), want, "{head}");
        }
    }
}
