//! The records of one file on their way into pages.

use arrow::array::RecordBatch;

use super::listing::Found;
use super::output::{Halt, Output, PAGE_BYTES, PAGE_ROWS};
use super::portion::Portion;
use super::text::Filler;
use crate::decode::JsonDecoder;
use crate::page::Rejected;

/// Rows that a reader fills.
pub(super) trait Building {
    /// Records taken since the last page, refused ones too.
    fn taken(&self) -> usize;
    /// What they came to; no rows again.
    fn finished(&mut self) -> (RecordBatch, Vec<Rejected>);
}

impl Building for Filler<'_> {
    fn taken(&self) -> usize {
        self.rows.len()
    }

    fn finished(&mut self) -> (RecordBatch, Vec<Rejected>) {
        self.rows.finish()
    }
}

impl Building for JsonDecoder {
    fn taken(&self) -> usize {
        self.len()
    }

    fn finished(&mut self) -> (RecordBatch, Vec<Rejected>) {
        self.finish()
    }
}

/// Counts the records of a file, says which are wanted, and hands a page on when it is full.
pub(super) struct Pager<'a, B> {
    file: &'a Found,
    portion: &'a mut Portion,
    output: &'a mut Output,
    pub(super) rows: B,
    /// Records met by now.
    pub(super) number: u64,
    bytes: usize,
}

impl<'a, B: Building> Pager<'a, B> {
    pub(super) fn new(file: &'a Found, portion: &'a mut Portion, output: &'a mut Output, rows: B) -> Self {
        Self { file, portion, output, rows, number: 0, bytes: 0 }
    }

    /// The next record begins at this line: whether it is wanted.
    pub(super) fn meets(&mut self, line: u64) -> bool {
        self.number += 1;
        self.portion.takes(self.number, line)
    }

    /// The record met, of so many bytes, is among the rows.
    pub(super) fn took(&mut self, bytes: usize) -> Result<(), Halt> {
        self.bytes += bytes;
        if self.rows.taken() < PAGE_ROWS && self.bytes < PAGE_BYTES {
            return Ok(());
        }
        let taken = self.rows.taken();
        self.output.page(self.file, self.rows.finished(), taken, std::mem::take(&mut self.bytes))
    }

    /// The file, whose bytes have this hash, is at its end.
    pub(super) fn end(mut self, hash: String) -> Result<(), Halt> {
        let taken = self.rows.taken();
        self.output.end(self.file, self.rows.finished(), taken, Some(hash))
    }
}
