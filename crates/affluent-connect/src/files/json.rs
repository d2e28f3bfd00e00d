//! Files of JSON records: documents and one record a line.

use std::collections::BTreeMap;
use std::io;

use affluent_spec::pipeline::Format;
use affluent_spec::{ColumnType, bronze};
use serde_json::{Map, Value};

use super::elements::{Elements, Fault};
use super::infer::{Inferred, widest};
use super::input::Input;
use super::lines::{Lines, over_long, skip_lines};
use super::listing::Found;
use super::output::{Halt, Output};
use super::pager::Pager;
use super::plan::Plan;
use super::portion::Portion;
use crate::error::SourceError;

/// Records looked at in each file where no columns are declared.
const SAMPLE: usize = 1_000;

/// Reads a part of a file.
pub(super) fn read(file: &Found, plan: &Plan, portion: &mut Portion, output: &mut Output) -> Result<(), Halt> {
    let mut records = Records::open(file, plan)?;
    let mut pager = Pager::new(file, portion, output, plan.decoder());
    while records.advance().map_err(|fault| records.fault(file, fault, pager.number))? {
        let (record, line, over) = records.record();
        if !pager.meets(line) {
            continue;
        }
        let position = || format!("{}:{line}", file.name);
        if over {
            pager.rows.reject(over_long(position(), record));
        } else {
            pager.rows.push_at(record, (&file.name, pager.number as i64), &position);
        }
        pager.took(record.len())?;
    }
    let hash = records.input().hash().map_err(|error| records.fault(file, error.into(), pager.number))?;
    pager.end(hash)
}

/// The fields of the first records of a file, each with the type that holds all its values seen.
pub(super) fn fields(file: &Found, plan: &Plan) -> Result<Vec<Inferred>, SourceError> {
    let mut records = Records::open(file, plan)?;
    let mut order: Vec<String> = Vec::new();
    let mut kinds: BTreeMap<String, Option<ColumnType>> = BTreeMap::new();
    let mut seen = 0;
    while seen < SAMPLE && records.advance().map_err(|fault| records.fault(file, fault, seen as u64))? {
        seen += 1;
        // What is no record is refused with its position when the file is read.
        let Ok(record) = serde_json::from_slice::<Map<String, Value>>(records.record().0) else { continue };
        for (key, value) in &record {
            let before = kinds.entry(key.clone()).or_insert_with(|| {
                order.push(key.clone());
                None
            });
            *before = match (before.take(), kind(value)) {
                (Some(one), Some(other)) => Some(widest(one, other)),
                (one, other) => one.or(other),
            };
        }
    }
    let field = |key: String| {
        let ty = kinds.get(&key).cloned().flatten();
        Inferred::seen(bronze::of_field(&key), vec![key], ty)
    };
    Ok(order.into_iter().map(field).collect())
}

fn kind(value: &Value) -> Option<ColumnType> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => ColumnType::Boolean,
        Value::Number(number) if number.is_i64() => ColumnType::Integer,
        Value::Number(number) if number.is_u64() => ColumnType::String,
        Value::Number(_) => ColumnType::Number,
        Value::String(_) => ColumnType::String,
        Value::Array(_) | Value::Object(_) => ColumnType::Json,
    })
}

enum Records {
    Lines(Lines<Input>, u64),
    Elements(Elements<Input>),
}

impl Records {
    fn open(file: &Found, plan: &Plan) -> Result<Self, SourceError> {
        let dialect = &plan.stream.dialect;
        let mut input = Input::open(file, plan.encoding)?;
        if plan.format == Format::Ndjson {
            skip_lines(&mut input, dialect.skip_lines).map_err(|error| input.broken(file, &error, 0))?;
            Ok(Self::Lines(Lines::new(input), dialect.skip_lines as u64))
        } else {
            Ok(Self::Elements(Elements::new(input, dialect.records.as_deref().unwrap_or_default())))
        }
    }

    fn advance(&mut self) -> Result<bool, Fault> {
        match self {
            Self::Elements(elements) => elements.advance(),
            Self::Lines(lines, _) => loop {
                if !lines.advance()? {
                    return Ok(false);
                }
                if !lines.line().trim_ascii().is_empty() {
                    return Ok(true);
                }
            },
        }
    }

    /// The record in hand, its line, and whether it is over the bound.
    fn record(&self) -> (&[u8], u64, bool) {
        match self {
            Self::Lines(lines, skipped) => (lines.line(), lines.number + skipped, lines.too_long),
            Self::Elements(elements) => (elements.element(), elements.line, elements.too_long),
        }
    }

    fn input(&mut self) -> &mut Input {
        match self {
            Self::Lines(lines, _) => lines.input(),
            Self::Elements(elements) => elements.input(),
        }
    }

    fn fault(&mut self, file: &Found, fault: Fault, records: u64) -> SourceError {
        match fault {
            Fault::Read(error) => {
                let error: io::Error = error;
                self.input().broken(file, &error, records)
            }
            Fault::Shape(what) => SourceError::failed(&file.name, what)
                .with_hint("one record a line is `format: ndjson`; records inside an object are found by `dialect: { records: path }`"),
        }
    }
}
