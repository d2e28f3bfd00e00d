//! Pages on their way out, and the slices that they close.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use tokio::sync::mpsc::Sender;

use super::cursor::{FileState, Loaded};
use super::listing::Found;
use crate::error::SourceError;
use crate::page::{Page, Rejected};

/// Records in a page at most.
pub(super) const PAGE_ROWS: usize = 32 * 1024;
/// Bytes of text in a page at most, but for the record that crosses the line.
pub(super) const PAGE_BYTES: usize = 4 << 20;
/// A slice inside a file is closed after this many records...
const SLICE_ROWS: u64 = 1_000_000;
/// ... or this many bytes.
const SLICE_BYTES: u64 = 256 << 20;
/// Small files share a page until it has this many records.
const SHARED_ROWS: usize = 8 * 1024;

/// Why reading ends before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody takes pages any more.
    Gone,
    /// It failed.
    Failed(SourceError),
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Takes batches from the readers and hands on pages.
pub(super) struct Output {
    pages: Sender<Result<Page, SourceError>>,
    loaded: Loaded,
    /// Whole files that wait for others to share their page.
    waiting: Vec<Page>,
    /// Records of the file in hand that went out.
    taken: u64,
    slice_rows: u64,
    slice_bytes: u64,
    opened: u32,
    /// Of pages, and whether the cursor has changed without rows.
    schema: SchemaRef,
    touched: bool,
}

impl Output {
    pub(super) fn new(pages: Sender<Result<Page, SourceError>>, loaded: Loaded, schema: SchemaRef) -> Self {
        let waiting = Vec::new();
        Self { pages, loaded, waiting, taken: 0, slice_rows: 0, slice_bytes: 0, opened: 0, schema, touched: false }
    }

    /// What is loaded by now.
    pub(super) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// A file is begun, `skipped` of its records are loaded already.
    pub(super) fn begin(&mut self, skipped: u64) {
        self.taken = skipped;
        self.slice_rows = 0;
        self.slice_bytes = 0;
        self.opened += 1;
    }

    /// Records from the middle of a file: `records` of them (refused ones too), made of `bytes` of it.
    pub(super) fn page(
        &mut self,
        file: &Found,
        rows: (RecordBatch, Vec<Rejected>),
        records: usize,
        bytes: usize,
    ) -> Result<(), Halt> {
        self.flush()?;
        self.taken += records as u64;
        self.slice_rows += records as u64;
        self.slice_bytes += bytes as u64;
        let mut page =
            Page { rows: rows.0, rejected: rows.1, cursor: None, requests: std::mem::take(&mut self.opened) };
        if self.slice_rows >= SLICE_ROWS || self.slice_bytes >= SLICE_BYTES {
            self.record(file, None, false);
            page.cursor = Some(self.loaded.to_cursor());
            self.slice_rows = 0;
            self.slice_bytes = 0;
        }
        self.send(Ok(page))
    }

    /// The last records of a file, whose bytes have this hash.
    pub(super) fn end(
        &mut self,
        file: &Found,
        rows: (RecordBatch, Vec<Rejected>),
        records: usize,
        hash: Option<String>,
    ) -> Result<(), Halt> {
        self.taken += records as u64;
        self.record(file, hash, true);
        self.waiting.push(Page { rows: rows.0, rejected: rows.1, cursor: None, requests: 0 });
        let waiting: usize = self.waiting.iter().map(|page| page.rows.num_rows() + page.rejected.len()).sum();
        if waiting >= SHARED_ROWS { self.flush() } else { Ok(()) }
    }

    /// A file that was only touched is known by its new time from now on.
    pub(super) fn touched(&mut self, file: &Found) {
        if let Some(state) = self.loaded.files.get_mut(&file.name) {
            state.modified = file.modified;
            state.etag.clone_from(&file.etag);
            self.touched = true;
        }
    }

    /// Sends the whole files that wait, with the cursor behind them.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        if self.waiting.is_empty() && !self.touched {
            return Ok(());
        }
        self.touched = false;
        let rows = concat_batches(&self.schema, self.waiting.iter().map(|page| &page.rows))
            .map_err(|error| SourceError::failed("", format!("pages do not fit together: {error}")))?;
        let rejected = self.waiting.drain(..).flat_map(|page| page.rejected).collect();
        let cursor = Some(self.loaded.to_cursor());
        let requests = std::mem::take(&mut self.opened);
        self.send(Ok(Page { rows, rejected, cursor, requests }))
    }

    /// Ends the stream with an error. Whole files before the one at fault go out first, the slice in hand is dropped.
    pub(super) fn fail(&mut self, error: SourceError) -> Result<(), Halt> {
        self.flush()?;
        self.send(Err(error))
    }

    fn record(&mut self, file: &Found, hash: Option<String>, done: bool) {
        let state = FileState {
            size: file.size,
            modified: file.modified,
            etag: file.etag.clone(),
            hash,
            rows: self.taken,
            done,
        };
        self.loaded.files.insert(file.name.clone(), state);
    }

    fn send(&self, page: Result<Page, SourceError>) -> Result<(), Halt> {
        self.pages.blocking_send(page).map_err(|_| Halt::Gone)
    }
}
