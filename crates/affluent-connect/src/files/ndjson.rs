//! One JSON record a line, decoded by several threads.

use std::io::{self, Read};

use arrow::array::RecordBatch;

use super::in_order::{Cutter, Ended, Piece, Verdict, in_order};
use super::input::{CHUNK, Input};
use super::lines::{KEPT_BYTES, over_long, skip_lines};
use super::listing::Found;
use super::output::{Halt, Output, PAGE_BYTES};
use super::plan::Plan;
use crate::page::Rejected;

/// Reads a file from its record `skip` on.
pub(super) fn read(file: &Found, plan: &Plan, skip: u64, output: &mut Output) -> Result<(), Halt> {
    let skipped = plan.stream.dialect.skip_lines;
    let mut input = Input::open(file, plan.encoding)?;
    skip_lines(&mut input, skipped).map_err(|error| input.broken(file, &error, 0))?;
    let mut blocks = Blocks::new(input, skipped as u64);
    let next = || loop {
        match blocks.next()? {
            Some(block) if block.last_record <= skip => {}
            block => return Ok(block),
        }
    };
    let ended = in_order(
        next,
        || decoder(file, plan, skip),
        |Decoded { rows, records, bytes }| output.page(file, rows, records, bytes).map(|()| Verdict::Taken),
    )?;
    let last = match ended {
        Ended::Done(last) => last,
        Ended::Broken(error) => return Err(blocks.cutter.input.broken(file, &error, blocks.records).into()),
        // Lines are never refused.
        Ended::Refused(_) => None,
    };
    let hash = blocks.cutter.input.hash().map_err(|error| blocks.cutter.input.broken(file, &error, blocks.records))?;
    let last = last.map_or_else(|| Decoded::nothing(plan), |(_, last)| last);
    output.end(file, last.rows, last.records, Some(hash))
}

/// What became of a block.
struct Decoded {
    rows: (RecordBatch, Vec<Rejected>),
    records: usize,
    bytes: usize,
}

impl Decoded {
    fn nothing(plan: &Plan) -> Self {
        Self { rows: (RecordBatch::new_empty(plan.schema().arrow()), Vec::new()), records: 0, bytes: 0 }
    }
}

/// Decodes blocks.
fn decoder(file: &Found, plan: &Plan, skip: u64) -> impl FnMut(&Block) -> Decoded {
    let mut decoder = plan.decoder();
    move |block| {
        let mut number = block.records_before;
        for (line, text) in block.lines() {
            number += 1;
            if number <= skip {
                continue;
            }
            let position = || format!("{}:{line}", file.name);
            if block.too_long {
                decoder.reject(over_long(position(), text));
            } else {
                decoder.push_at(text, (&file.name, number as i64), &position);
            }
        }
        let records = decoder.len();
        Decoded { rows: decoder.finish(), records, bytes: block.text.len() }
    }
}

/// A part of the text: whole lines, or the beginning of one over the bound.
#[derive(Debug)]
struct Block {
    text: Vec<u8>,
    /// The number of its first line.
    first_line: u64,
    records_before: u64,
    last_record: u64,
    too_long: bool,
}

impl Block {
    /// The lines that hold a record, with their numbers.
    fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = self.text.split(|byte| *byte == b'\n').zip(self.first_line..);
        lines.map(|(text, number)| (number, text)).filter(|(_, text)| is_record(text))
    }
}

fn is_record(line: &[u8]) -> bool {
    line.iter().any(|byte| !byte.is_ascii_whitespace())
}

/// Cuts a text into blocks.
struct Blocks<R> {
    cutter: Cutter<R>,
    line: u64,
    records: u64,
}

impl<R: Read> Blocks<R> {
    fn new(input: R, lines_before: u64) -> Self {
        Self { cutter: Cutter::new(Vec::new(), input, PAGE_BYTES), line: lines_before + 1, records: 0 }
    }

    /// The next block; nothing at the end.
    fn next(&mut self) -> io::Result<Option<Block>> {
        let border = |text: &[u8]| memchr::memrchr(b'\n', text).map(|at| at + 1);
        Ok(match self.cutter.next(border)? {
            None => None,
            Some(Piece::Whole(text)) => Some(self.block(text, false)),
            Some(Piece::Unbroken(text)) => Some(self.cut(text)?),
        })
    }

    fn block(&mut self, text: Vec<u8>, too_long: bool) -> Block {
        let mut block = Block { text, first_line: self.line, records_before: self.records, last_record: 0, too_long };
        self.records += block.lines().count() as u64;
        self.line += memchr::memchr_iter(b'\n', &block.text).count() as u64;
        block.last_record = self.records;
        block
    }

    /// The beginning of a line over the bound, the rest of which is passed over.
    fn cut(&mut self, mut text: Vec<u8>) -> io::Result<Block> {
        text.truncate(KEPT_BYTES);
        let block = self.block(text, true);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = self.cutter.input.read(&mut chunk)?;
            if let Some(end) = memchr::memchr(b'\n', &chunk[..read]) {
                self.cutter.put_back(&chunk[end + 1..read]);
            } else if read > 0 {
                continue;
            }
            self.line += 1;
            return Ok(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::lines::RECORD_BYTES;

    fn cut(text: &[u8]) -> Vec<(u64, String, u64)> {
        let mut blocks = Blocks::new(text, 0);
        let mut found = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            let mut number = block.records_before;
            for (line, text) in block.lines() {
                number += 1;
                found.push((line, String::from_utf8_lossy(text).trim().chars().take(8).collect(), number));
            }
            assert_eq!(number, block.last_record);
        }
        found
    }

    #[test]
    fn lines_keep_their_numbers_from_block_to_block() {
        let long = "x".repeat(PAGE_BYTES * 2 / 3);
        let text = format!("a\r\n\n  \n{long}\nb\n{long}\n\nc");
        let expected = [(1, "a", 1), (4, "xxxxxxxx", 2), (5, "b", 3), (6, "xxxxxxxx", 4), (8, "c", 5)];
        assert_eq!(cut(text.as_bytes()), expected.map(|(line, text, number)| (line, text.to_owned(), number)));
        assert_eq!(cut(b""), []);
        assert_eq!(cut(b"\n\n"), []);
    }

    #[test]
    fn a_line_over_the_bound_is_cut_and_the_next_one_is_whole() {
        let text = format!("a\n{}\nb\n", "x".repeat(RECORD_BYTES + 10));
        let expected = [(1, "a", 1), (2, "xxxxxxxx", 2), (3, "b", 3)];
        assert_eq!(cut(text.as_bytes()), expected.map(|(line, text, number)| (line, text.to_owned(), number)));
    }
}
