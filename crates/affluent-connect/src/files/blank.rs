//! Files of values between runs of blanks.

use std::ops::Range;

use super::input::Input;
use super::lines::{Lines, skip_lines, too_long};
use super::listing::Found;
use super::output::{Halt, Output};
use super::pager::Pager;
use super::plan::Plan;
use super::portion::Portion;
use super::text::{Filler, Layout, Record};
use crate::error::SourceError;

/// Reads a part of a file. Lines without a value are no records.
pub(super) fn read(file: &Found, plan: &Plan, portion: &mut Portion, output: &mut Output) -> Result<(), Halt> {
    let mut lines = opened(file, plan)?;
    let decoded = lines.input().decoded;
    let names = if plan.stream.dialect.header { values(&mut lines, file, plan)? } else { None };
    let layout = match names {
        Some(names) => Layout::by_header(&file.name, &names, plan)?,
        None => Layout::by_position(plan),
    };
    let filler = Filler::new(plan, layout, &file.name, decoded);
    let mut pager = Pager::new(file, portion, output, filler);
    let first = plan.stream.dialect.skip_lines as u64;
    let mut cells: Vec<Range<usize>> = Vec::new();
    while let Some((line, at, over)) = step(&mut lines, file, pager.number)? {
        if is_no_record(line, plan) || !pager.meets(first + at) {
            continue;
        }
        cut(line, &mut cells);
        let record = Record {
            text: line,
            cells: &|cell| cells[cell].clone(),
            width: cells.len(),
            quoted: &|_| false,
            raw: line,
            number: pager.number as i64,
            line: first + at,
        };
        if over {
            pager.rows.refuse(&record, None, too_long());
        } else {
            pager.rows.push(&record);
        }
        pager.took(line.len())?;
    }
    let hash = lines.input().hash().map_err(|error| lines.input().broken(file, &error, pager.number))?;
    pager.end(hash)
}

/// The values in the first line of a file; nothing for an empty file.
pub(super) fn first_line(file: &Found, plan: &Plan) -> Result<Option<Vec<String>>, SourceError> {
    values(&mut opened(file, plan)?, file, plan)
}

fn opened(file: &Found, plan: &Plan) -> Result<Lines<Input>, SourceError> {
    let mut input = Input::open(file, plan.encoding)?;
    skip_lines(&mut input, plan.stream.dialect.skip_lines).map_err(|error| input.broken(file, &error, 0))?;
    Ok(Lines::new(input))
}

/// The values of the next line that has any.
fn values(lines: &mut Lines<Input>, file: &Found, plan: &Plan) -> Result<Option<Vec<String>>, SourceError> {
    while let Some((line, ..)) = step(lines, file, 0)? {
        if !is_no_record(line, plan) {
            return Ok(Some(words(line)));
        }
    }
    Ok(None)
}

/// A line, its number, and whether it is over the bound.
type Line<'a> = (&'a [u8], u64, bool);

/// The next line.
fn step<'a>(lines: &'a mut Lines<Input>, file: &Found, records: u64) -> Result<Option<Line<'a>>, SourceError> {
    lines
        .advance()
        .map_err(|error| lines.input().broken(file, &error, records))
        .map(|more| more.then_some((lines.line(), lines.number, lines.too_long)))
}

fn is_no_record(line: &[u8], plan: &Plan) -> bool {
    let comment = plan.stream.dialect.comment.as_deref().unwrap_or_default().as_bytes();
    line.trim_ascii().is_empty() || (!comment.is_empty() && line.starts_with(comment))
}

fn words(line: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(line).split_ascii_whitespace().map(str::to_owned).collect()
}

fn cut(line: &[u8], cells: &mut Vec<Range<usize>>) {
    cells.clear();
    let mut start = None;
    for (at, byte) in line.iter().enumerate() {
        match (byte.is_ascii_whitespace(), start) {
            (false, None) => start = Some(at),
            (true, Some(begin)) => {
                cells.push(begin..at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(begin) = start {
        cells.push(begin..line.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_run_of_blanks_divides() {
        let line = b" 00001 19970101\t 1   11.77 ";
        let mut cells = Vec::new();
        cut(line, &mut cells);
        let words: Vec<&[u8]> = cells.iter().map(|cell| &line[cell.clone()]).collect();
        assert_eq!(words, [&b"00001"[..], b"19970101", b"1", b"11.77"]);
    }
}
