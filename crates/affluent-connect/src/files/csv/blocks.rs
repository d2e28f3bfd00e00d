//! A file of delimited values decoded by several threads.
//!
//! Where records end cannot be seen from afar: a line feed inside of quotes is text. Blocks are cut at line feeds before which
//! the quotes are even in number, and each is decoded as a text of its own. One that then ends inside of quotes was cut wrongly
//! (a quote may stand in the middle of a cell that is not quoted): from its beginning on the file is read one record after the other.

use arrow::array::{Int64Array, RecordBatch};
use arrow::compute::kernels::numeric::add;

use super::records::{Records, Step, Syntax};
use super::{fill, one_by_one, unclosed};
use crate::error::SourceError;
use crate::files::in_order::{Cutter, Ended, Piece, Verdict, in_order};
use crate::files::input::Input;
use crate::files::listing::Found;
use crate::files::output::{Halt, Output};
use crate::files::pager::Building;
use crate::files::plan::Plan;
use crate::files::portion::Portion;
use crate::files::text::{Filler, Layout};
use crate::page::Rejected;
use crate::schema::ROW;

/// Bytes of a block, some ten thousand records: smaller than a page, since short records take more room as rows than as text.
pub(super) const BYTES: usize = 1 << 20;

/// Reads all records of a text that begins at this line of the file.
pub(super) fn read(
    file: &Found,
    plan: &Plan,
    layout: &Layout,
    (mut text, first_line): (Cutter<Input>, u64),
    syntax: Syntax,
    output: &mut Output,
) -> Result<(), Halt> {
    let decoded = text.input.decoded;
    let mut line = first_line;
    let mut unbroken = None;
    let next = || {
        let Some(piece) = text.next(|text| border(text, syntax.quote))? else { return Ok(None) };
        let text = match piece {
            Piece::Whole(text) => text,
            Piece::Unbroken(text) => {
                unbroken = Some(text);
                return Ok(None);
            }
        };
        let block = Block { text, first_line: line };
        line += memchr::memchr_iter(b'\n', &block.text).count() as u64;
        Ok(Some(block))
    };
    let decoder = || {
        let mut filler = Filler::new(plan, layout.clone(), &file.name, decoded);
        move |block: &Block| block.decoded(syntax, &mut filler)
    };
    let mut before = 0;
    let ended = in_order(next, decoder, |block| {
        let Ok(block) = block else { return Ok(Verdict::Refused) };
        let (records, bytes) = (block.records, block.bytes);
        output.page(file, block.rows_behind(before)?, records, bytes)?;
        before += records as u64;
        Ok(Verdict::Taken)
    })?;
    let left = match ended {
        Ended::Broken(error) => return Err(text.input.broken(file, &error, before).into()),
        Ended::Refused(blocks) => blocks,
        Ended::Done(last) => match (last, &unbroken) {
            (Some((_, Ok(last))), Some(_)) => {
                let (records, bytes) = (last.records, last.bytes);
                output.page(file, last.rows_behind(before)?, records, bytes)?;
                before += records as u64;
                Vec::new()
            }
            (Some((block, Err(_))), Some(_)) => vec![block],
            (None, Some(_)) => Vec::new(),
            (last, None) => {
                let last = last.map(|(_, last)| last.map_err(|Open { line }| unclosed(file, line))).transpose()?;
                let hash = text.input.hash().map_err(|error| text.input.broken(file, &error, before))?;
                return match last {
                    Some(last) => {
                        let records = last.records;
                        output.end(file, last.rows_behind(before)?, records, Some(hash))
                    }
                    None => {
                        let none = RecordBatch::new_empty(plan.schema().arrow());
                        output.end(file, (none, Vec::new()), 0, Some(hash))
                    }
                };
            }
        },
    };
    let line = left.first().map_or(line, |block| block.first_line);
    let texts = left.iter().map(|block| block.text.as_slice()).chain(unbroken.as_deref());
    text.put_back(&texts.collect::<Vec<_>>().concat());
    tracing::debug!(file = %file.name, line, "records cannot be told apart from afar: the rest is read one by one");
    one_by_one(file, plan, layout, Records::new(text, syntax, line), before, &mut Portion::From(0), output)
}

/// Where the last border between records lies in a text that begins with a record: behind the last line feed that has an
/// even number of quotes before it.
fn border(text: &[u8], quote: Option<u8>) -> Option<usize> {
    let Some(quote) = quote else { return memchr::memrchr(b'\n', text).map(|at| at + 1) };
    let mut quotes = memchr::memchr_iter(quote, text).count();
    let mut end = text.len();
    while let Some(at) = memchr::memrchr(b'\n', &text[..end]) {
        quotes -= memchr::memchr_iter(quote, &text[at..end]).count();
        if quotes.is_multiple_of(2) {
            return Some(at + 1);
        }
        end = at;
    }
    None
}

/// A part of the text that begins with a record.
struct Block {
    text: Vec<u8>,
    first_line: u64,
}

/// What became of a block.
struct Decoded {
    /// Their numbers are counted from the beginning of the block.
    rows: (RecordBatch, Vec<Rejected>),
    records: usize,
    bytes: usize,
}

/// A quote opened in the record of that line is open at the end of the block.
struct Open {
    line: u64,
}

impl Block {
    fn decoded(&self, syntax: Syntax, filler: &mut Filler<'_>) -> Result<Decoded, Open> {
        let mut records = Records::new(self.text.as_slice(), syntax, self.first_line);
        let mut number = 0;
        loop {
            // Reading from memory does not fail.
            let step = records.next().unwrap_or(Step::End);
            match step {
                Step::End => break,
                Step::Unclosed => {
                    filler.finished();
                    return Err(Open { line: records.line });
                }
                Step::Record | Step::TooLong => {}
            }
            number += 1;
            fill(filler, &records, step, number);
        }
        Ok(Decoded { records: filler.taken(), rows: filler.finished(), bytes: self.text.len() })
    }
}

impl Decoded {
    /// The rows with their numbers in the file, where that many come before them.
    fn rows_behind(self, before: u64) -> Result<(RecordBatch, Vec<Rejected>), SourceError> {
        let (rows, rejected) = self.rows;
        let Ok(at) = rows.schema().index_of(ROW) else { return Ok((rows, rejected)) };
        let mut columns = rows.columns().to_vec();
        let renumbered = add(&columns[at], &Int64Array::new_scalar(before as i64))
            .and_then(|numbers| {
                columns[at] = numbers;
                RecordBatch::try_new(rows.schema(), columns)
            })
            .map_err(|error| SourceError::failed("", format!("rows cannot be numbered: {error}")))?;
        Ok((renumbered, rejected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_is_where_all_quotes_are_closed() {
        for (text, at) in [
            ("a,b\nc,d\ne", Some(8)),
            ("a\n\"b\nc\",d\ne\n", Some(12)),
            ("a\n\"b\nc", Some(2)),
            ("\"b\nc\n", None),
            ("a\n\"b \"\"\n\"\" c\"", Some(2)),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(border(text.as_bytes(), Some(b'"')), at, "{text:?}");
        }
        assert_eq!(border(b"a\n5\" nail\nb", None), Some(10));
    }
}
