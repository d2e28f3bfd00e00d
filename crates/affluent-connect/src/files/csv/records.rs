//! A text of delimited values, cut into records and cells.

use std::io::{self, Read};
use std::ops::Range;

use affluent_spec::pipeline::Dialect;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::unclosed;
use crate::error::SourceError;
use crate::files::input::CHUNK;
use crate::files::lines::{KEPT_BYTES, RECORD_BYTES};
use crate::files::listing::{Found, unreadable};

/// Put behind the end of each text: a quote that was never closed swallows it, and so is told from a proper end.
const END: &[u8] = b"\n\x1eend of file\x1e\n";
const MARK: &[u8] = b"\x1eend of file\x1e";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Record,
    TooLong,
    Unclosed,
    End,
}

/// The characters that make a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    delimiter: u8,
    pub(super) quote: Option<u8>,
    comment: Option<u8>,
}

impl Syntax {
    /// As a dialect says.
    pub(super) fn of(dialect: &Dialect) -> Result<Self, SourceError> {
        Ok(Self {
            delimiter: one_byte("delimiter", &dialect.delimiter)?
                .ok_or_else(|| SourceError::usage("", "the delimiter of a CSV dialect is empty"))?,
            quote: one_byte("quote", &dialect.quote)?,
            comment: one_byte("comment", dialect.comment.as_deref().unwrap_or_default())?,
        })
    }
}

/// Cuts a text into records and cells.
pub(super) struct Records<R> {
    pub(super) input: R,
    core: Reader,
    buffer: Box<[u8]>,
    unread: Range<usize>,
    at_end: bool,
    /// The cells' text and where each ends, of which `cells` are those of the record in hand.
    pub(super) text: Vec<u8>,
    ends: Vec<usize>,
    pub(super) cells: usize,
    pub(super) raw: Vec<u8>,
    /// The line of the record in hand, and that of what is read next.
    pub(super) line: u64,
    next_line: u64,
    syntax: Syntax,
}

impl<R: Read> Records<R> {
    /// Of a text that begins at line `line`.
    pub(super) fn new(input: R, syntax: Syntax, line: u64) -> Self {
        let mut builder = ReaderBuilder::new();
        builder
            .delimiter(syntax.delimiter)
            .quoting(syntax.quote.is_some())
            .quote(syntax.quote.unwrap_or(b'"'))
            .comment(syntax.comment);
        Self {
            input,
            core: builder.build(),
            buffer: vec![0; CHUNK].into(),
            unread: 0..0,
            at_end: false,
            text: vec![0; 4096],
            ends: vec![0; 64],
            cells: 0,
            raw: Vec::new(),
            line,
            next_line: line,
            syntax,
        }
    }

    /// Goes to the next record.
    pub(super) fn next(&mut self) -> io::Result<Step> {
        self.raw.clear();
        self.cells = 0;
        self.line = self.next_line;
        let mut length = 0;
        let mut too_long = false;
        let mut behind_end = 0;
        loop {
            if self.unread.is_empty() && !self.at_end {
                let count = self.input.read(&mut self.buffer)?;
                self.unread = 0..count;
                if count == 0 {
                    self.at_end = true;
                    self.buffer[..END.len()].copy_from_slice(END);
                    self.unread = 0..END.len();
                }
            }
            let source = &self.buffer[self.unread.clone()];
            let (result, taken, written, ended) =
                self.core.read_record(source, &mut self.text[length..], &mut self.ends[self.cells..]);
            // Line feeds before a record are the end of the one before, or empty lines.
            if self.raw.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                self.line += source[..taken]
                    .iter()
                    .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                    .filter(|byte| **byte == b'\n')
                    .count() as u64;
            }
            self.next_line += source[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
            if self.raw.len() <= RECORD_BYTES {
                self.raw.extend_from_slice(&source[..taken]);
            }
            self.unread.start += taken;
            length += written;
            self.cells += ended;
            if self.at_end {
                behind_end += taken;
            }
            if self.raw.len() > RECORD_BYTES || length > RECORD_BYTES {
                too_long = true;
                length = 0;
            }
            if too_long {
                self.cells = 0;
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(Step::End),
                ReadRecordResult::Record => {
                    // One byte behind the end is the line's own: the file need not have a last line feed.
                    if behind_end > 1 {
                        let end = self.cells == 1 && &self.text[..length] == MARK;
                        return Ok(if end { Step::End } else { Step::Unclosed });
                    }
                    if too_long {
                        self.raw.truncate(KEPT_BYTES);
                        return Ok(Step::TooLong);
                    }
                    return Ok(Step::Record);
                }
            }
        }
    }

    /// What was read and not cut yet with the line at which it begins, and the text behind it.
    pub(super) fn into_rest(self) -> (Vec<u8>, u64, R) {
        let rest = if self.at_end { Vec::new() } else { self.buffer[self.unread].to_vec() };
        (rest, self.next_line, self.input)
    }

    /// The names in the first line, or its cells; nothing at the end.
    pub(super) fn header(&mut self, file: &Found) -> Result<Option<Vec<String>>, SourceError> {
        match self.next().map_err(|error| unreadable(&file.name, &error))? {
            Step::End => Ok(None),
            Step::Unclosed => Err(unclosed(file, self.line)),
            Step::TooLong => Err(SourceError::failed(&file.name, "the first line is too long for a header")),
            Step::Record => {
                let text = std::str::from_utf8(&self.text[..self.length()]).map_err(|_| {
                    SourceError::failed(&file.name, "the header is not valid UTF-8")
                        .with_hint("declare the encoding, as in `dialect: { encoding: windows-1252 }`")
                })?;
                Ok(Some(
                    (0..self.cells)
                        .map(|cell| text.get(self.cell(cell)).unwrap_or_default().trim().to_owned())
                        .collect(),
                ))
            }
        }
    }
}

impl<R> Records<R> {
    /// The bytes of text in the record in hand.
    pub(super) fn length(&self) -> usize {
        self.cells.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    /// Where in the text a cell is.
    pub(super) fn cell(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }

    /// Whether a cell is quoted in the file; looked for only where it matters, in empty cells of text columns.
    pub(super) fn is_quoted(&self, wanted: usize) -> bool {
        let Some(quote) = self.syntax.quote else { return false };
        let (mut cell, mut inside, mut begin) = (0, false, true);
        for byte in self.raw.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n')) {
            if begin && cell == wanted {
                return *byte == quote;
            }
            begin = false;
            if *byte == quote {
                inside = !inside;
            } else if *byte == self.syntax.delimiter && !inside {
                cell += 1;
                begin = true;
            }
        }
        false
    }
}

fn one_byte(what: &str, text: &str) -> Result<Option<u8>, SourceError> {
    match text.as_bytes() {
        [] => Ok(None),
        [byte] if byte.is_ascii() => Ok(Some(*byte)),
        b"\\t" => Ok(Some(b'\t')),
        _ => Err(SourceError::usage("", format!("the {what} `{text}` of a CSV dialect is not one ASCII character"))),
    }
}
