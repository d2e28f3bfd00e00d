//! Lines of a text, with a bound on their length.

use std::io::{self, BufRead, BufReader, Read};

use super::input::CHUNK;
use crate::page::Rejected;

/// A record longer than this is refused: 16 MiB.
pub(super) const RECORD_BYTES: usize = 16 << 20;

/// Why a record over the bound is refused.
pub(super) fn too_long() -> String {
    format!("is longer than {} MiB", RECORD_BYTES >> 20)
}

/// How much of a refused record is kept when it is over that bound.
pub(super) const KEPT_BYTES: usize = 4 * 1024;

/// A record over the bound, refused.
pub(super) fn over_long(position: String, beginning: &[u8]) -> Rejected {
    let raw = String::from_utf8_lossy(beginning).into_owned();
    Rejected { position, column: None, reason: too_long(), raw }
}

/// Reads lines.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// The number of the line in hand, from 1.
    pub(super) number: u64,
    /// Whether the line in hand is over the bound, and so is only its beginning.
    pub(super) too_long: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(CHUNK, input), line: Vec::new(), number: 0, too_long: false }
    }

    /// Goes to the next line; false at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.too_long = false;
        if (&mut self.input).take(RECORD_BYTES as u64).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        } else if self.line.len() == RECORD_BYTES {
            self.too_long = !matches!(self.input.skip_until(b'\n')?, 0);
            self.line.truncate(if self.too_long { KEPT_BYTES } else { RECORD_BYTES });
        }
        Ok(true)
    }

    /// The line in hand, without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// What stands behind the lines.
    pub(super) fn input(&mut self) -> &mut R {
        self.input.get_mut()
    }
}

/// Passes over the first `count` lines of a text.
pub(super) fn skip_lines(input: &mut impl Read, count: usize) -> io::Result<()> {
    let mut byte = [0];
    for _ in 0..count {
        while input.read(&mut byte)? == 1 && byte[0] != b'\n' {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_files_do() {
        let mut lines = Lines::new(&b"a\r\nb\n\nc"[..]);
        let mut seen = Vec::new();
        while lines.advance().unwrap() {
            seen.push(String::from_utf8(lines.line().to_vec()).unwrap());
        }
        assert_eq!(seen, ["a", "b", "", "c"]);
    }

    #[test]
    fn a_line_over_the_bound_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; RECORD_BYTES + 10];
        text.extend(b"\nnext\n");
        let mut lines = Lines::new(&text[..]);
        assert!(lines.advance().unwrap());
        assert_eq!(lines.line().len(), KEPT_BYTES);
        assert!(lines.too_long);
        assert!(lines.advance().unwrap());
        assert_eq!(lines.line(), b"next");
        assert!(!lines.too_long);
    }
}
