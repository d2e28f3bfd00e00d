//! Files of delimited values. A file that is read from its start is decoded by several threads; one of which a part is
//! wanted, and one whose records cannot be told apart from afar, by one.

mod blocks;
mod records;

use super::in_order::Cutter;
use super::input::Input;
use super::lines::{skip_lines, too_long};
use super::listing::Found;
use super::output::{Halt, Output};
use super::pager::Pager;
use super::plan::Plan;
use super::portion::Portion;
use super::text::{Filler, Layout, Record};
use crate::error::SourceError;
use records::{Records, Step, Syntax};

/// Reads a part of a file.
pub(super) fn read(file: &Found, plan: &Plan, portion: &mut Portion, output: &mut Output) -> Result<(), Halt> {
    let syntax = Syntax::of(&plan.stream.dialect)?;
    let mut records = opened(file, plan)?;
    let layout = if plan.stream.dialect.header {
        match records.header(file)? {
            Some(header) => Layout::by_header(&file.name, &header, plan)?,
            None => {
                tracing::debug!(file = %file.name, "the file is empty");
                Layout::by_position(plan)
            }
        }
    } else {
        Layout::by_position(plan)
    };
    let (rest, line, input) = records.into_rest();
    let text = Cutter::new(rest, input, blocks::BYTES);
    if matches!(portion, Portion::From(0)) {
        blocks::read(file, plan, &layout, (text, line), syntax, output)
    } else {
        one_by_one(file, plan, &layout, Records::new(text, syntax, line), 0, portion, output)
    }
}

/// The names in the first line of a file, or the number of its cells where it has no header; nothing for an empty file.
pub(super) fn first_line(file: &Found, plan: &Plan) -> Result<Option<Vec<String>>, SourceError> {
    opened(file, plan)?.header(file)
}

fn opened(file: &Found, plan: &Plan) -> Result<Records<Input>, SourceError> {
    let dialect = &plan.stream.dialect;
    let mut input = Input::open(file, plan.encoding)?;
    skip_lines(&mut input, dialect.skip_lines).map_err(|error| input.broken(file, &error, 0))?;
    Ok(Records::new(input, Syntax::of(dialect)?, dialect.skip_lines as u64 + 1))
}

/// Reads the records of `portion` that are not cut yet, `before` of the file's being behind.
fn one_by_one(
    file: &Found,
    plan: &Plan,
    layout: &Layout,
    mut records: Records<Cutter<Input>>,
    before: u64,
    portion: &mut Portion,
    output: &mut Output,
) -> Result<(), Halt> {
    let decoded = records.input.input.decoded;
    let mut pager = Pager::new(file, portion, output, Filler::new(plan, layout.clone(), &file.name, decoded));
    pager.number = before;
    loop {
        let step = records.next().map_err(|error| records.input.input.broken(file, &error, pager.number))?;
        match step {
            Step::End => break,
            Step::Unclosed => return Err(unclosed(file, records.line).into()),
            Step::Record | Step::TooLong => {}
        }
        if pager.meets(records.line) {
            fill(&mut pager.rows, &records, step, pager.number);
            pager.took(records.raw.len())?;
        }
    }
    let hash = records.input.input.hash().map_err(|error| records.input.input.broken(file, &error, pager.number))?;
    pager.end(hash)
}

/// Takes the record in hand, the one with this number in the file.
fn fill<R>(filler: &mut Filler<'_>, records: &Records<R>, step: Step, number: u64) {
    let record = Record {
        text: &records.text[..records.length()],
        cells: &|cell| records.cell(cell),
        width: records.cells,
        quoted: &|cell| records.is_quoted(cell),
        raw: &records.raw,
        number: number as i64,
        line: records.line,
    };
    if step == Step::TooLong {
        filler.refuse(&record, None, too_long());
    } else {
        filler.push(&record);
    }
}

fn unclosed(file: &Found, line: u64) -> SourceError {
    SourceError::failed(&file.name, format!("a quote opened in the record of line {line} is never closed"))
        .with_hint("if quotes are part of the text, declare `dialect: { quote: \"\" }`; else the file is not complete")
}
