//! How one stream is read: its columns, its order, and whether it can be cut into chunks.

use affluent_spec::types::TimestampFormat;
use affluent_spec::{ColumnType, bronze, suggest};
use chrono_tz::Tz;

use super::SqlStream;
use super::shape::{Kind, Shape, SqlColumn};
use super::state::{By, Lookback};
use crate::decode::RowOptions;
use crate::error::SourceError;
use crate::schema::{Column, StreamSchema};

/// Records in a chunk unless the stream says otherwise.
const CHUNK: u32 = 50_000;
/// Before the highest cursor: five minutes for what was committed late; where clocks go back an hour in autumn, that too.
const LOOKBACK: u64 = 300;
const CLOCKS_GO_BACK: u64 = 3_600;
/// Numbers given out before the highest one and committed after it.
const LOOKBACK_COUNT: u64 = 1_000;

/// How one stream is read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) shape: Shape,
    /// The columns as bronze has them, as many as the shape's.
    pub(super) columns: Vec<Column>,
    /// The key's columns in bronze.
    pub(super) key: Vec<String>,
    /// The cursor's place among the columns, and what it is.
    pub(super) cursor: Option<(usize, By)>,
    /// The places of the columns by which rows are told apart and chunks are cut; empty where none are known to be unique.
    pub(super) unique: Vec<usize>,
    /// The place of the column that tells a deleted record.
    pub(super) flag: Option<usize>,
    pub(super) lookback: Lookback,
    pub(super) chunk: u64,
    pub(super) options: RowOptions,
}

impl Plan {
    pub(super) fn new(stream: &SqlStream, shape: Shape) -> Result<Self, SourceError> {
        let zone = stream.timezone.as_deref().unwrap_or("UTC");
        let zone: Tz = zone.parse().map_err(|_| {
            SourceError::usage(&stream.name, format!("`{zone}` is not a time zone"))
                .with_hint("use a name such as Europe/Paris")
        })?;
        let columns = columns(stream, &shape)?;
        let find = |what: &str, name: &str| {
            shape.position(name).or_else(|| columns.iter().position(|column| column.name == name)).ok_or_else(|| {
                let known = shape.columns.iter().map(|column| column.name.as_str());
                SourceError::usage(&shape.place, format!("the {what} `{name}` is not a column"))
                    .with_hint(suggest::hint(name, known).unwrap_or_default())
            })
        };
        let declared = stream.key.iter().map(|name| find("key", name)).collect::<Result<Vec<usize>, _>>()?;
        let cursor = match &stream.cursor {
            Some(name) => Some(by(&shape, find("cursor", name)?)?),
            None => None,
        };
        let flag = stream.deletes.as_deref().map(|name| find("deletes flag", name)).transpose()?;
        let unique = unique(&shape, &declared);
        // A declared key identifies records; else the database's own does.
        let key = if declared.is_empty() { &unique } else { &declared };
        let key = key.iter().map(|at| columns[*at].name.clone()).collect();
        let options = RowOptions { raw: stream.raw.unwrap_or(false), zone, ..RowOptions::default() };
        let lookback = lookback(stream, cursor.as_ref().map(|(_, by)| by.kind), zone);
        let chunk = u64::from(stream.chunk.unwrap_or(CHUNK).max(1));
        Ok(Self { shape, columns, key, cursor, unique, flag, lookback, chunk, options })
    }

    pub(super) fn schema(&self) -> StreamSchema {
        StreamSchema {
            columns: self.columns.clone(),
            key: self.key.clone(),
            cursor: self.cursor.as_ref().map(|(at, _)| self.columns[*at].name.clone()),
            nested: self.options.raw,
            located: false,
        }
    }

    /// What orders the stream.
    pub(super) fn by(&self) -> Option<&By> {
        self.cursor.as_ref().map(|(_, by)| by)
    }

    /// What a user should know before this is run.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<String> = self
            .shape
            .columns
            .iter()
            .zip(&self.columns)
            .filter(|(sql, column)| column.ty == sql.ty)
            .filter_map(|(sql, _)| Some(format!("column `{}`: {}", sql.name, sql.told.as_ref()?)))
            .collect();
        match (self.unique.is_empty(), self.cursor.is_some()) {
            (true, false) => remarks.push(
                "no unique key is known: it is read whole each time, in one query; a run that is broken off begins anew"
                    .to_owned(),
            ),
            (true, true) => remarks.push(
                "no unique key is known: it is read in one query, in the order of the cursor, and not in chunks".to_owned(),
            ),
            (false, false) => remarks.push("no cursor is declared: it is read whole each time".to_owned()),
            (false, true) => {}
        }
        if self.key.is_empty() {
            remarks.push("no key is declared: silver cannot tell versions of a record".to_owned());
        }
        remarks
    }
}

/// How far behind the highest cursor a stream's reads begin.
pub(super) fn lookback(stream: &SqlStream, kind: Option<Kind>, zone: Tz) -> Lookback {
    let clocks = if kind == Some(Kind::Local) && zone != Tz::UTC { CLOCKS_GO_BACK } else { 0 };
    Lookback {
        seconds: stream.lookback.unwrap_or(LOOKBACK + clocks),
        count: stream.lookback_count.unwrap_or(LOOKBACK_COUNT),
    }
}

fn columns(stream: &SqlStream, shape: &Shape) -> Result<Vec<Column>, SourceError> {
    let mut columns: Vec<Column> = Vec::with_capacity(shape.columns.len());
    for SqlColumn { name, ty, .. } in &shape.columns {
        let column = bronze::of_field(name);
        if columns.iter().any(|other| other.name == column) {
            return Err(SourceError::usage(&shape.place, format!("two columns would be called `{column}` in bronze"))
                .with_hint("rename one in a `query:` of your own"));
        }
        let ty = stream.columns.get(name).or_else(|| stream.columns.get(&column)).unwrap_or(ty);
        columns.push(Column::new(column, ty.clone()));
    }
    for declared in stream.columns.keys() {
        if shape.position(declared).is_none() && !columns.iter().any(|column| column.name == *declared) {
            let known = shape.columns.iter().map(|column| column.name.as_str());
            return Err(SourceError::usage(&shape.place, format!("the declared column `{declared}` is not there"))
                .with_hint(suggest::hint(declared, known).unwrap_or_default()));
        }
    }
    Ok(columns)
}

fn by(shape: &Shape, at: usize) -> Result<(usize, By), SourceError> {
    let column = &shape.columns[at];
    match column.kind {
        Some(kind) if column.bind.is_some() => Ok((at, By { column: column.name.clone(), kind })),
        _ => Err(SourceError::usage(&shape.place, format!("the cursor `{}` is {}", column.name, column.ty))
            .with_hint("a cursor is a timestamp, a date or a whole number; another one can be made so in a `query:`")),
    }
}

/// The columns to cut chunks by: the declared key where the database keeps it unique, else a key of the database's.
fn unique(shape: &Shape, declared: &[usize]) -> Vec<usize> {
    let keys = shape.unique.iter().filter_map(|key| {
        let key: Option<Vec<usize>> = key.iter().map(|name| shape.position(name)).collect();
        key.filter(|key| key.iter().all(|at| shape.columns[*at].bind.is_some()))
    });
    let keys: Vec<Vec<usize>> = keys.collect();
    let same = |key: &&Vec<usize>| key.len() == declared.len() && key.iter().all(|at| declared.contains(at));
    keys.iter().find(same).or(keys.first()).cloned().unwrap_or_default()
}

/// Whether the text of a flag says that the record is gone.
pub(super) fn says_deleted(ty: &ColumnType, text: &str) -> bool {
    match ty {
        ColumnType::Timestamp(TimestampFormat::Iso) | ColumnType::Date(None) => !text.starts_with("0000-00-00"),
        _ => !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "f" | "false" | "n" | "no"),
    }
}
