//! Parquet files: types kept, or brought to the declared ones exactly.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use affluent_spec::types::TimestampFormat;
use affluent_spec::{ColumnType, bronze};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, StringBuilder, new_null_array,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, FieldRef, Int64Type, Schema};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use tokio::runtime::Handle;
use xxhash_rust::xxh3::xxh3_64;

use super::listing::{At, Found, unreadable};
use super::output::{Halt, Output};
use super::plan::Plan;
use super::portion::Portion;
use super::remote_parquet::Object;
use crate::decode::Cells;
use crate::error::SourceError;
use crate::page::Rejected;
use crate::schema::{Column, ROW, arrow_type};

/// Records in a page.
const BATCH: usize = 16 * 1024;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Reads a part of a file.
pub(super) fn read(file: &Found, plan: &Plan, portion: &mut Portion, output: &mut Output) -> Result<(), Halt> {
    let mut number = portion.skipped();
    let (schema, batches) = open(file, number)?;
    let picks = picks(file, plan, &schema)?;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(file, &format!("{error} (after record {number})")))?;
        let (records, bytes) = (batch.num_rows(), batch.get_array_memory_size());
        let failed = |error: ArrowError| damaged(file, &error.to_string());
        let rows = convert(file, plan, &picks, &batch, number).map_err(failed)?;
        let rows = wanted(file, rows, portion, number, records).map_err(failed)?;
        output.page(file, rows, records, bytes)?;
        number += records as u64;
    }
    let none = RecordBatch::new_empty(plan.schema().arrow());
    output.end(file, (none, Vec::new()), 0, None)
}

/// The columns of a file, each with the declared type that holds it exactly.
pub(super) fn columns(file: &Found) -> Result<Vec<Column>, SourceError> {
    let (schema, _) = open(file, 0)?;
    Ok(schema
        .fields()
        .iter()
        .map(|field| Column::new(bronze::of_field(field.name()), kind(field.data_type())))
        .collect())
}

fn kind(ty: &DataType) -> ColumnType {
    use DataType::{
        Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Dictionary, FixedSizeList, Float16, Float32,
        Float64, Int8, Int16, Int32, Int64, LargeList, List, Map, Struct, Timestamp, UInt8, UInt16, UInt32, UInt64,
    };
    match ty {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => ColumnType::Integer,
        UInt64 => ColumnType::Decimal { precision: 20, scale: 0 },
        Float16 | Float32 | Float64 => ColumnType::Number,
        Boolean => ColumnType::Boolean,
        Decimal32(precision, scale) | Decimal64(precision, scale) | Decimal128(precision, scale) if *scale >= 0 => {
            ColumnType::Decimal { precision: *precision, scale: *scale }
        }
        Date32 | Date64 => ColumnType::Date(None),
        Timestamp(_, _) => ColumnType::Timestamp(TimestampFormat::Iso),
        List(_) | LargeList(_) | FixedSizeList(_, _) | Struct(_) | Map(_, _) => ColumnType::Json,
        Dictionary(_, values) => kind(values),
        _ => ColumnType::String,
    }
}

fn open(file: &Found, skip: u64) -> Result<(Arc<Schema>, Batches), SourceError> {
    let failed = |error: ParquetError| damaged(file, &error.to_string());
    match &file.at {
        At::Local(path) => {
            let bytes = File::open(path).map_err(|error| unreadable(&file.name, &error))?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(failed)?;
            let schema = Arc::clone(builder.schema());
            let reader = builder.with_batch_size(BATCH).with_offset(skip as usize).build().map_err(failed)?;
            Ok((schema, Box::new(reader)))
        }
        At::Remote(store, path) => {
            let handle = Handle::current();
            let reader = Object { store: Arc::clone(store), path: path.clone(), size: file.size };
            let builder = handle.block_on(ParquetRecordBatchStreamBuilder::new(reader)).map_err(failed)?;
            let schema = Arc::clone(builder.schema());
            let mut stream = builder.with_batch_size(BATCH).with_offset(skip as usize).build().map_err(failed)?;
            let batches =
                std::iter::from_fn(move || handle.block_on(stream.next()).map(|batch| batch.map_err(ArrowError::from)));
            Ok((schema, Box::new(batches)))
        }
    }
}

fn damaged(file: &Found, what: &str) -> SourceError {
    SourceError::failed(&file.name, format!("is not a whole Parquet file: {what}"))
        .with_hint("deliver the file anew and run again")
}

/// For each column its place in the file; `None` where the file lacks it.
fn picks(file: &Found, plan: &Plan, schema: &Schema) -> Result<Vec<Option<usize>>, SourceError> {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut picks = Vec::with_capacity(plan.columns.len());
    for column in &plan.columns {
        let exact = names.iter().position(|name| *name == column.name || bronze::of_field(name) == column.name);
        let pick =
            exact.or_else(|| names.iter().position(|name| bronze::of_header(name) == bronze::of_header(&column.name)));
        if pick.is_none() && plan.declared {
            let error = SourceError::failed(
                &file.name,
                format!("column `{}` is not in the file: {}", column.name, names.join(", ")),
            );
            return Err(match affluent_spec::suggest::hint(&column.name, names) {
                Some(hint) => error.with_hint(hint),
                None => error,
            });
        }
        picks.push(pick);
    }
    let unused: Vec<&str> =
        names.iter().enumerate().filter(|(at, _)| !picks.contains(&Some(*at))).map(|(_, name)| *name).collect();
    if !unused.is_empty() {
        plan.told_unused(&file.name, &unused)?;
    }
    Ok(picks)
}

fn convert(
    file: &Found,
    plan: &Plan,
    picks: &[Option<usize>],
    batch: &RecordBatch,
    before: u64,
) -> Result<(RecordBatch, Vec<Rejected>), ArrowError> {
    let count = batch.num_rows();
    let mut keep = vec![true; count];
    let mut rejected = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(picks.len() + 5);
    for (column, pick) in plan.columns.iter().zip(picks) {
        let Some(pick) = *pick else {
            columns.push(new_null_array(&arrow_type(&column.ty), count));
            continue;
        };
        let (source, field) = (batch.column(pick), &batch.schema_ref().fields()[pick]);
        if is_exact(source.data_type(), &column.ty, plan) {
            columns.push(cast(source, &arrow_type(&column.ty))?);
            continue;
        }
        let mut cells = Cells::new(&column.ty, plan.options.zone, false);
        let mut text = text_of(field, source, &column.ty)?;
        for (row, kept) in keep.iter_mut().enumerate() {
            if source.is_null(row) {
                cells.push_null();
            } else if let Err(mismatch) = cells.push_text(&text(row)) {
                cells.push_null();
                if std::mem::replace(kept, false) {
                    rejected.push(Rejected {
                        position: format!("{}:{}", file.name, before + row as u64 + 1),
                        column: Some(column.name.clone()),
                        reason: mismatch.0,
                        raw: lines(&batch.slice(row, 1))?.pop().unwrap_or_default(),
                    });
                }
            }
        }
        columns.push(cells.finish());
    }
    for name in &plan.stream.key {
        let Some(at) = plan.columns.iter().position(|column| column.name == *name) else { continue };
        let (values, text) = (&columns[at], columns[at].as_string_opt::<i32>());
        for (row, kept) in keep.iter_mut().enumerate() {
            let blank = values.is_null(row) || text.is_some_and(|text| text.value(row).trim().is_empty());
            if blank && std::mem::replace(kept, false) {
                rejected.push(Rejected {
                    position: format!("{}:{}", file.name, before + row as u64 + 1),
                    column: None,
                    reason: format!("the key `{name}` is missing"),
                    raw: lines(&batch.slice(row, 1))?.pop().unwrap_or_default(),
                });
            }
        }
    }
    let hashes = hashes(batch, picks).unwrap_or_else(|_| {
        // A type that has no row format: the row's place is its identity then.
        (0..count as u64).map(|row| xxh3_64(format!("{}:{}", file.name, before + row).as_bytes()) as i64).collect()
    });
    if plan.options.raw {
        columns.push(Arc::new(StringArray::from(lines(batch)?)));
    }
    let mut names = StringBuilder::with_capacity(count, count * file.name.len());
    for _ in 0..count {
        names.append_value(&file.name);
    }
    columns.push(Arc::new(names.finish()));
    columns.push(Arc::new(Int64Array::from_iter_values((before as i64 + 1)..=(before + count as u64) as i64)));
    columns.push(Arc::new(Int64Array::from(hashes)));
    columns.push(Arc::new(BooleanArray::from(vec![false; count])));
    let rows = RecordBatch::try_new(plan.schema().arrow(), columns)?;
    if rejected.is_empty() {
        Ok((rows, rejected))
    } else {
        Ok((filter_record_batch(&rows, &BooleanArray::from(keep))?, rejected))
    }
}

/// Those of a batch's rows and refusals that are wanted; the batch begins after `before` records and has `count`.
fn wanted(
    file: &Found,
    (rows, mut rejected): (RecordBatch, Vec<Rejected>),
    portion: &mut Portion,
    before: u64,
    count: usize,
) -> Result<(RecordBatch, Vec<Rejected>), ArrowError> {
    if matches!(portion, Portion::From(_)) {
        return Ok((rows, rejected));
    }
    let taken: HashSet<u64> =
        (before + 1..=before + count as u64).filter(|number| portion.takes(*number, *number)).collect();
    rejected.retain(|record| {
        let number = record.position.strip_prefix(&file.name).and_then(|rest| rest.strip_prefix(':')?.parse().ok());
        number.is_some_and(|number: u64| taken.contains(&number))
    });
    let keep: BooleanArray = match rows.column_by_name(ROW) {
        Some(numbers) => numbers
            .as_primitive::<Int64Type>()
            .iter()
            .map(|number| number.map(|number| taken.contains(&(number as u64))))
            .collect(),
        None => BooleanArray::from(vec![true; rows.num_rows()]),
    };
    Ok((filter_record_batch(&rows, &keep)?, rejected))
}

/// Whether Arrow's own cast keeps every value of the type.
fn is_exact(from: &DataType, to: &ColumnType, plan: &Plan) -> bool {
    match (from, to) {
        (DataType::Dictionary(_, values), to) => is_exact(values, to, plan),
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, ColumnType::String)
        | (DataType::Boolean, ColumnType::Boolean)
        | (DataType::Date32, ColumnType::Date(_))
        | (DataType::Timestamp(_, Some(_)), ColumnType::Timestamp(_)) => true,
        (DataType::Timestamp(_, None), ColumnType::Timestamp(_)) => plan.options.zone == chrono_tz::Tz::UTC,
        (from, ColumnType::Integer) => from.is_integer() && *from != DataType::UInt64,
        (DataType::Float16 | DataType::Float32 | DataType::Float64, ColumnType::Number) => true,
        (
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32,
            ColumnType::Number,
        ) => true,
        (
            DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s),
            ColumnType::Decimal { precision, scale },
        ) => s <= scale && i16::from(*p) - i16::from(*s) <= i16::from(*precision) - i16::from(*scale),
        _ => false,
    }
}

type Text<'a> = Box<dyn FnMut(usize) -> String + 'a>;

/// The values of a column as text; what is nested as JSON.
fn text_of<'a>(field: &'a FieldRef, source: &'a ArrayRef, ty: &ColumnType) -> Result<Text<'a>, ArrowError> {
    if *ty == ColumnType::Json && kind(source.data_type()) == ColumnType::Json {
        let values = source.slice(0, source.len());
        return Ok(Box::new(move |row| json_of(field, &values, row).unwrap_or_default()));
    }
    let formatter = ArrayFormatter::try_new(source.as_ref(), &FORMAT)?;
    Ok(Box::new(move |row| formatter.value(row).to_string()))
}

const FORMAT: FormatOptions<'static> = FormatOptions::new();

fn json_of(field: &FieldRef, values: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    let options = EncoderOptions::default();
    let mut json = Vec::new();
    make_encoder(field, values.as_ref(), &options)?.encode(row, &mut json);
    String::from_utf8(json).map_err(|error| ArrowError::JsonError(error.to_string()))
}

fn hashes(batch: &RecordBatch, picks: &[Option<usize>]) -> Result<Vec<i64>, ArrowError> {
    let columns: Vec<ArrayRef> = picks.iter().flatten().map(|pick| Arc::clone(batch.column(*pick))).collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    Ok(rows.iter().map(|row| xxh3_64(row.as_ref()) as i64).collect())
}

/// Each row as a JSON object.
fn lines(batch: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    Ok(text.lines().map(str::to_owned).collect())
}
