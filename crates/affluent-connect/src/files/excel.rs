//! Excel workbooks: the rows of one sheet.
//!
//! A cell holds what Excel shows of it: numbers to 15 digits, days and times by the workbook's calendar (of 1900 or 1904), the
//! stored result of a formula. Only the first cell of merged ones has a value. Rows without any value are no records.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;

use affluent_spec::pipeline::Sheet;
use affluent_spec::types::TimestampFormat;
use affluent_spec::{ColumnType, bronze, suggest};
use calamine::{DataRef, Reader, Xlsx, XlsxError};
use chrono::{NaiveDate, NaiveDateTime};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::infer::{Inferred, widest};
use super::input;
use super::listing::Found;
use super::output::{Halt, Output};
use super::pager::{Building, Pager};
use super::plan::Plan;
use super::portion::Portion;
use super::text::Layout;
use crate::decode::{RowEnd, Rows};
use crate::error::SourceError;
use crate::page::Rejected;

/// A workbook is held in memory while it is read: as it is packed, and its texts unpacked.
const FILE_BYTES: u64 = 512 << 20;
const TEXT_BYTES: u64 = 512 << 20;
/// Rows looked at where no columns are declared.
const SAMPLE: usize = 1_000;
/// Days after 9999-12-31.
const LAST_DAY: f64 = 2_958_466.0;

type Book = Xlsx<Cursor<Vec<u8>>>;

/// Reads a part of a file.
pub(super) fn read(file: &Found, plan: &Plan, portion: &mut Portion, output: &mut Output) -> Result<(), Halt> {
    let (mut book, hash) = open(file)?;
    let sheet = sheet(file, &book, plan)?;
    let mut lines = Lines::new(file, &mut book, &sheet, plan)?;
    let layout = match lines.header()? {
        Some(header) => Spots::by_header(file, &header, plan)?,
        None => Spots::by_position(plan),
    };
    let mut rows = Rows::new(&plan.columns, plan.options);
    rows.require(&plan.stream.key);
    let mut pager =
        Pager::new(file, portion, output, Filler { rows, plan, layout, sheet: format!("{}:{sheet}!", file.name) });
    while let Some(line) = lines.next()? {
        if pager.meets(line.number) {
            pager.rows.push(&file.name, &line, pager.number as i64)?;
            pager.took(line.bytes)?;
        }
    }
    pager.end(hash)
}

/// The columns of a sheet, by its header and the values of its first rows.
pub(super) fn fields(file: &Found, plan: &Plan) -> Result<Vec<Inferred>, SourceError> {
    let (mut book, _) = open(file)?;
    let sheet = sheet(file, &book, plan)?;
    let mut lines = Lines::new(file, &mut book, &sheet, plan)?;
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    if let Some(header) = lines.header()? {
        for (column, name) in header {
            let known = bronze::of_header(&name);
            if known.is_empty() || names.values().any(|other| *other == known) {
                let place = format!("{}:{sheet}!{}", file.name, letters(column));
                return Err(SourceError::failed(place, format!("the column has no name of its own: `{name}`"))
                    .with_hint("if the first row holds values, declare `dialect: { header: false }` and the columns"));
            }
            names.insert(column, known);
        }
    }
    let named = !names.is_empty();
    let mut kinds: BTreeMap<u32, ColumnType> = BTreeMap::new();
    for _ in 0..SAMPLE {
        let Some(line) = lines.next()? else { break };
        for cell in &line.cells {
            let Some(kind) = kind(&cell.value) else { continue };
            let known = kinds.remove(&cell.column);
            kinds.insert(cell.column, known.map_or(kind.clone(), |known| widest(known, kind)));
            if !named {
                names.entry(cell.column).or_insert_with(|| format!("column_{}", cell.column + 1));
            }
        }
    }
    if !named && let Some(last) = names.keys().max().copied() {
        for column in 0..last {
            names.entry(column).or_insert_with(|| format!("column_{}", column + 1));
        }
    }
    let field = |(column, name): (u32, String)| Inferred::seen(name.clone(), vec![name], kinds.get(&column).cloned());
    Ok(names.into_iter().map(field).collect())
}

fn open(file: &Found) -> Result<(Book, String), SourceError> {
    let (bytes, hash) = input::bytes(file, FILE_BYTES)?;
    let broken = |what: String| {
        SourceError::failed(&file.name, format!("is not a whole Excel workbook: {what}"))
            .with_hint("save it as .xlsx in Excel and deliver it anew")
    };
    // The container of old workbooks (.xls), and of those with a password.
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(SourceError::failed(&file.name, "is protected by a password, or is a workbook of Excel 97 (.xls)")
            .with_hint("save it as .xlsx without a password"));
    }
    let mut parts = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(error.to_string()))?;
    let mut held = 0;
    for at in 0..parts.len() {
        let part = parts.by_index_raw(at).map_err(|error| broken(error.to_string()))?;
        let name = part.name().map_err(|error| broken(error.to_string()))?;
        // Sheets are read as they are unpacked.
        if !name.starts_with("xl/worksheets/") && !name.starts_with("xl/media/") {
            held += part.size();
        }
    }
    if held > TEXT_BYTES {
        return Err(SourceError::failed(&file.name, format!("holds {} MiB of texts and styles", held >> 20))
            .with_hint(format!("up to {} MiB are read; deliver it in parts, or as CSV", TEXT_BYTES >> 20)));
    }
    let book = Xlsx::new(parts.into_inner()).map_err(|error| match error {
        XlsxError::Password => {
            SourceError::failed(&file.name, "is protected by a password").with_hint("save it without a password")
        }
        other => broken(other.to_string()),
    })?;
    Ok((book, hash))
}

/// The name of the sheet that the stream takes.
fn sheet(file: &Found, book: &Book, plan: &Plan) -> Result<String, SourceError> {
    let names = book.sheet_names();
    let found = match &plan.stream.dialect.sheet {
        None => names.first(),
        Some(Sheet::Number(number)) => (*number as usize).checked_sub(1).and_then(|at| names.get(at)),
        Some(Sheet::Name(name)) => names.iter().find(|known| *known == name),
    };
    found.cloned().ok_or_else(|| {
        let wanted = match &plan.stream.dialect.sheet {
            Some(Sheet::Name(name)) => name.clone(),
            Some(Sheet::Number(number)) => number.to_string(),
            None => "1".to_owned(),
        };
        let hint = suggest::hint(&wanted, names.iter().map(String::as_str)).unwrap_or_default();
        SourceError::failed(&file.name, format!("there is no sheet `{wanted}`")).with_hint(hint)
    })
}

struct Cell<'a> {
    column: u32,
    value: DataRef<'a>,
    /// A formula whose result the file does not hold.
    unsaved: bool,
}

/// The cells of a row that have a value.
struct Line<'a> {
    /// Its number in the sheet.
    number: u64,
    cells: Vec<Cell<'a>>,
    bytes: usize,
}

/// The rows of a sheet that hold anything.
struct Lines<'a> {
    cells: calamine::XlsxCellReader<'a, Cursor<Vec<u8>>>,
    place: String,
    header: bool,
    skip: u64,
    /// The first cell of the row after the one in hand.
    next: Option<(u64, Cell<'a>)>,
    done: bool,
}

impl<'a> Lines<'a> {
    fn new(file: &Found, book: &'a mut Book, sheet: &str, plan: &Plan) -> Result<Self, SourceError> {
        let place = format!("{}:{sheet}", file.name);
        let cells = book
            .worksheet_cells_reader(sheet)
            .map_err(|error| SourceError::failed(&place, format!("is not a sheet of rows: {error}")))?;
        let dialect = &plan.stream.dialect;
        Ok(Self { cells, place, header: dialect.header, skip: dialect.skip_lines as u64, next: None, done: false })
    }

    /// The names in the first row, by column; nothing where the sheet has none.
    fn header(&mut self) -> Result<Option<Vec<(u32, String)>>, SourceError> {
        if !self.header {
            return Ok(None);
        }
        let Some(line) = self.next()? else { return Ok(None) };
        let names = line.cells.iter().map(|cell| (cell.column, text(&cell.value, None).unwrap_or_default()));
        Ok(Some(names.map(|(column, name)| (column, name.trim().to_owned())).collect()))
    }

    fn next(&mut self) -> Result<Option<Line<'a>>, SourceError> {
        let mut line: Option<Line<'a>> = None;
        loop {
            let (number, cell) = match self.next.take() {
                Some(kept) => kept,
                None => match self.cell()? {
                    Some(cell) => cell,
                    None => return Ok(line),
                },
            };
            let open = line.get_or_insert(Line { number, cells: Vec::new(), bytes: 0 });
            if open.number != number {
                self.next = Some((number, cell));
                return Ok(line);
            }
            open.bytes += 16 + text_length(&cell.value);
            open.cells.push(cell);
        }
    }

    /// The next cell with a value, and its row.
    fn cell(&mut self) -> Result<Option<(u64, Cell<'a>)>, SourceError> {
        while !self.done {
            let cell = self.cells.next_cell_with_formula_metadata().map_err(|error| {
                SourceError::failed(&self.place, format!("the sheet is damaged: {error}"))
                    .with_hint("save the workbook in Excel and deliver it anew")
            })?;
            let Some(cell) = cell else {
                self.done = true;
                break;
            };
            let (row, column) = cell.pos;
            let number = u64::from(row) + 1;
            let empty = cell.value == DataRef::Empty;
            let unsaved = empty && cell.formula.is_some();
            if number > self.skip && (!empty || unsaved) {
                return Ok(Some((number, Cell { column, value: cell.value, unsaved })));
            }
        }
        Ok(None)
    }
}

/// Where in a row each column of the stream stands.
struct Spots {
    columns: Vec<Option<u32>>,
    /// What the columns of the sheet are called.
    names: BTreeMap<u32, String>,
}

impl Spots {
    fn by_header(file: &Found, header: &[(u32, String)], plan: &Plan) -> Result<Self, SourceError> {
        let names: Vec<String> = header.iter().map(|(_, name)| name.clone()).collect();
        let layout = Layout::by_header(&file.name, &names, plan)?;
        let columns = layout.cells().map(|cell| cell.map(|cell| header[cell].0)).collect();
        Ok(Self { columns, names: header.iter().cloned().collect() })
    }

    fn by_position(plan: &Plan) -> Self {
        let columns = 0..plan.columns.len() as u32;
        let names = columns.clone().zip(plan.columns.iter().map(|column| column.name.clone())).collect();
        Self { columns: columns.map(Some).collect(), names }
    }
}

/// Puts rows of a sheet into columns.
struct Filler<'a> {
    rows: Rows,
    plan: &'a Plan,
    layout: Spots,
    /// The file and the sheet, before a cell's name.
    sheet: String,
}

impl Building for Filler<'_> {
    fn taken(&self) -> usize {
        self.rows.len()
    }

    fn finished(&mut self) -> (arrow::array::RecordBatch, Vec<Rejected>) {
        self.rows.finish()
    }
}

impl Filler<'_> {
    fn push(&mut self, file: &str, line: &Line<'_>, number: i64) -> Result<(), SourceError> {
        if let Some(stray) = line.cells.iter().find(|cell| !self.layout.names.contains_key(&cell.column)) {
            let place = format!("{}{}{}", self.sheet, letters(stray.column), line.number);
            self.plan.told_unused(&place, &["a column without a name"])?;
        }
        let mut hash = 0;
        let plan = self.plan;
        for (at, column) in plan.columns.iter().enumerate() {
            let cell = self.layout.columns[at].and_then(|spot| line.cells.iter().find(|cell| cell.column == spot));
            let taken = match cell {
                Some(cell) if cell.unsaved => {
                    Err("the file holds no result of the formula; open it in Excel and save it".to_owned())
                }
                Some(cell) => text(&cell.value, Some(&column.ty)).map(Some),
                None => Ok(None),
            };
            let pushed = taken.and_then(|text| {
                let text = text.filter(|text| !plan.stream.dialect.nulls.contains(text));
                let seed = (at as u64) << 1 | u64::from(text.is_none());
                hash = u64::wrapping_add(hash, xxh3_64_with_seed(text.as_deref().unwrap_or_default().as_bytes(), seed));
                let Some(mut text) = text else {
                    self.rows.cell(at).push_null();
                    return Ok(());
                };
                // A number in a cell is written with a point here, whatever texts in cells are written with.
                if plan.options.decimal_comma && cell.is_some_and(|cell| is_number(&cell.value)) {
                    text = text.replace('.', ",");
                }
                self.rows.cell(at).push_text(&text).map_err(|mismatch| mismatch.0)
            });
            if let Err(reason) = pushed {
                let spot = cell.map_or_else(String::new, |cell| letters(cell.column));
                self.refuse(line, Some(column.name.clone()), &spot, reason);
                return Ok(());
            }
        }
        let raw = plan.options.raw.then(|| self.json(line));
        let end = RowEnd { raw: raw.as_deref(), place: Some((file, number)), hash, deleted: false };
        if let Err(mismatch) = self.rows.accept(end) {
            self.refuse(line, None, "", mismatch.0);
        }
        Ok(())
    }

    fn refuse(&mut self, line: &Line<'_>, column: Option<String>, spot: &str, reason: String) {
        let position = format!("{}{spot}{}", self.sheet, line.number);
        let raw = self.json(line);
        self.rows.refuse(Rejected { position, column, reason, raw });
    }

    fn json(&self, line: &Line<'_>) -> String {
        let mut object = Map::new();
        for cell in &line.cells {
            let name = self.layout.names.get(&cell.column).cloned().unwrap_or_else(|| letters(cell.column));
            let value = match &cell.value {
                DataRef::Error(error) => error.to_string(),
                value => text(value, None).unwrap_or_default(),
            };
            object.insert(name, Value::from(value));
        }
        Value::Object(object).to_string()
    }
}

fn is_number(value: &DataRef<'_>) -> bool {
    matches!(value, DataRef::Int(_) | DataRef::Float(_))
}

fn text_length(value: &DataRef<'_>) -> usize {
    match value {
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.len(),
        DataRef::SharedString(text) => text.len(),
        _ => 8,
    }
}

/// The text of a value for a column of a type, or why it has none.
fn text(value: &DataRef<'_>, ty: Option<&ColumnType>) -> Result<String, String> {
    Ok(match value {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => match ty {
            Some(ColumnType::Number) => number.to_string(),
            _ => shown(*number),
        },
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) if time.is_duration() => duration(time.as_f64()),
        DataRef::DateTime(time) => {
            if !(0.0..LAST_DAY).contains(&time.as_f64()) {
                return Err(format!("{} is not a day of Excel's calendar", shown(time.as_f64())));
            }
            let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
            let known = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
                .and_then(|day| day.and_hms_milli_opt(hour.into(), minute.into(), second.into(), milli.into()));
            let Some(known) = known else {
                return Err(format!("{year:04}-{month:02}-{day:02} is not a day"));
            };
            written(known, ty)?
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => return Err(format!("the cell holds the error {error}")),
    })
}

/// A time as the column reads it: by its own format, else as in ISO 8601.
fn written(time: NaiveDateTime, ty: Option<&ColumnType>) -> Result<String, String> {
    let midnight = time.time() == chrono::NaiveTime::MIN;
    let format = match ty {
        Some(ColumnType::Date(Some(format))) if midnight => format,
        Some(ColumnType::Timestamp(TimestampFormat::Strftime(format))) => format,
        _ if midnight => "%Y-%m-%d",
        _ => "%Y-%m-%d %H:%M:%S%.f",
    };
    let mut text = String::new();
    write!(text, "{}", time.format(format)).map_err(|_| format!("{time} cannot be written as `{format}`"))?;
    Ok(text)
}

/// Hours, minutes and seconds of a length of time, which is kept in days.
fn duration(days: f64) -> String {
    let millis = (days.abs() * 86_400_000.0).round() as u64;
    let sign = if days < 0.0 && millis > 0 { "-" } else { "" };
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if millis > 0 { format!("{text}.{millis:03}") } else { text }
}

/// A number as Excel shows it: its first 15 digits, which are those that were entered. What follows comes of computing.
fn shown(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    rounded.to_string()
}

/// The type that holds a value; nothing for what says nothing of its column.
fn kind(value: &DataRef<'_>) -> Option<ColumnType> {
    Some(match value {
        DataRef::Empty | DataRef::Error(_) => return None,
        DataRef::Int(_) => ColumnType::Integer,
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => ColumnType::Integer,
        DataRef::Float(_) => ColumnType::Number,
        DataRef::Bool(_) => ColumnType::Boolean,
        DataRef::DateTime(time) if time.is_duration() => ColumnType::String,
        DataRef::DateTime(time) if time.as_f64().fract() == 0.0 => ColumnType::Date(None),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) => ColumnType::Timestamp(TimestampFormat::Iso),
        DataRef::String(_) | DataRef::SharedString(_) | DataRef::DurationIso(_) => ColumnType::String,
    })
}

/// The letters of a column, 0 for `A`.
fn letters(column: u32) -> String {
    let mut rest = column + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        letters.push((b'A' + ((rest - 1) % 26) as u8) as char);
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_in_excel() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(letters(column), name);
        }
    }

    #[test]
    fn numbers_are_those_that_were_entered() {
        for (number, text) in [
            (0.1 + 0.2, "0.3"),
            (19.99 * 3.0, "59.97"),
            (1_234_567_890_123_456.0, "1234567890123460"),
            (-5.0, "-5"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(shown(number), text);
        }
        assert_eq!(duration(1.5), "36:00:00");
        assert_eq!(duration(-0.000_011_58), "-00:00:01.001");
    }
}
