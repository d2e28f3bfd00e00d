//! How a stream's files are read: format, columns, encoding.

use std::sync::atomic::{AtomicBool, Ordering};

use affluent_spec::pipeline::{Contract, Format};
use affluent_spec::{ColumnType, bronze, suggest};
use chrono_tz::Tz;
use encoding_rs::Encoding;
use indexmap::IndexMap;

use super::cursor::{Due, Loaded};
use super::infer::Inferred;
use super::listing::Found;
use super::{FileStream, blank, csv, excel, json, parquet};
use crate::decode::{JsonDecoder, JsonField, RowOptions};
use crate::error::SourceError;
use crate::schema::{Column, StreamSchema};

/// How the files of one stream are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stream: FileStream,
    pub(super) format: Format,
    pub(super) columns: Vec<Column>,
    /// For JSON, where each column comes from.
    pub(super) fields: Vec<JsonField>,
    /// Whether the columns were declared, and not taken from the files.
    pub(super) declared: bool,
    pub(super) options: RowOptions,
    pub(super) encoding: &'static Encoding,
    told: AtomicBool,
}

impl Plan {
    /// Looks into the files that are to be loaded where the columns are not declared, and so may block.
    pub(super) fn new(stream: &FileStream, files: &[Found], loaded: &Loaded) -> Result<Self, SourceError> {
        let mut stream = stream.clone();
        let first = files
            .first()
            .map(|file| file.name.as_str())
            .or(stream.paths.first().map(String::as_str))
            .unwrap_or_default();
        let format = match stream.format {
            Some(format) => format,
            None => by_extension(first)?,
        };
        if stream.format.is_none() {
            if let Some(other) = files.iter().find(|file| by_extension(&file.name).ok() != Some(format)) {
                return Err(SourceError::usage(&other.name, format!("is not of the same format as `{first}`"))
                    .with_hint("make a stream of each format, or declare `format`"));
            }
            if plain_extension(first) == "tsv" && stream.dialect.delimiter == "," {
                "\t".clone_into(&mut stream.dialect.delimiter);
            }
        }
        let encoding = Encoding::for_label(stream.dialect.encoding.as_bytes()).ok_or_else(|| {
            SourceError::usage(&stream.name, format!("`{}` is not an encoding", stream.dialect.encoding))
                .with_hint("use a label of the web: utf-8, windows-1252, iso-8859-1, utf-16le, ...")
        })?;
        let zone = stream.timezone.as_deref().unwrap_or("UTC");
        let zone: Tz =
            zone.parse().map_err(|_| {
                let hint = suggest::nearest(zone, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
                SourceError::usage(&stream.name, format!("`{zone}` is not a time zone")).with_hint(hint.map_or_else(
                    || "use a name such as Europe/Paris".to_owned(),
                    |name| format!("did you mean `{name}`?"),
                ))
            })?;
        let nested = matches!(format, Format::Json | Format::Ndjson);
        let options = RowOptions {
            raw: stream.raw.unwrap_or(nested),
            located: true,
            zone,
            decimal_comma: stream.dialect.decimal_comma,
        };
        let declared = stream.columns.as_ref().is_some_and(|columns| !columns.is_empty());
        let told = AtomicBool::new(false);
        let mut plan =
            Self { stream, format, columns: Vec::new(), fields: Vec::new(), declared, options, encoding, told };
        plan.shape(files, loaded)?;
        for key in &plan.stream.key {
            if !plan.columns.iter().any(|column| column.name == *key) && !plan.columns.is_empty() {
                let hint =
                    suggest::hint(key, plan.columns.iter().map(|column| column.name.as_str())).unwrap_or_default();
                return Err(
                    SourceError::usage(&plan.stream.name, format!("the key `{key}` is not a column")).with_hint(hint)
                );
            }
        }
        Ok(plan)
    }

    /// A decoder of the stream's JSON records.
    pub(super) fn decoder(&self) -> JsonDecoder {
        JsonDecoder::with_options(&self.fields, self.options).requiring(&self.stream.key)
    }

    /// The columns that were not declared, as the files name them.
    pub(super) fn inferred(&self) -> IndexMap<String, ColumnType> {
        let fields = self.fields.iter().filter(|_| !self.declared);
        fields.filter_map(|field| Some((field.path.first()?.clone(), field.ty.clone()))).collect()
    }

    /// The stream's schema.
    pub(super) fn schema(&self) -> StreamSchema {
        StreamSchema {
            columns: self.columns.clone(),
            key: self.stream.key.clone(),
            cursor: None,
            nested: self.options.raw,
            located: true,
        }
    }

    /// Says once which columns of the files no declared one takes; under the contract `freeze` they are an error.
    pub(super) fn told_unused(&self, file: &str, unused: &[&str]) -> Result<(), SourceError> {
        if self.stream.contract == Contract::Freeze {
            return Err(SourceError::failed(
                file,
                format!("there are columns that the contract does not know: {}", unused.join(", ")),
            )
            .with_hint("declare them, or set `contract: evolve`"));
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::info!(stream = %self.stream.name, file, columns = %unused.join(", "), "columns that are not declared are left out");
        }
        Ok(())
    }

    /// Settles the columns. Those that are not declared have the types that they have in bronze; of new ones a type holds
    /// what all files have there that are to be loaded.
    fn shape(&mut self, files: &[Found], loaded: &Loaded) -> Result<(), SourceError> {
        let nested = matches!(self.format, Format::Json | Format::Ndjson);
        if let Some(columns) = self.stream.columns.as_ref().filter(|columns| !columns.is_empty()) {
            self.fields = columns.iter().map(|(path, ty)| JsonField::dotted(path, ty.clone())).collect();
            self.columns = if nested {
                self.fields.iter().map(|field| Column::new(&field.column, field.ty.clone())).collect()
            } else {
                columns.iter().map(|(name, ty)| Column::new(bronze::of_field(name), ty.clone())).collect()
            };
            return Ok(());
        }
        self.fields = loaded.columns.iter().map(|(name, ty)| self.known(name, ty)).collect();
        let mut new: Vec<Inferred> = Vec::new();
        for file in files.iter().filter(|file| self.fields.is_empty() || matches!(loaded.due(file), Ok(Due::From(_)))) {
            // Later files are held against the first one then.
            if self.stream.contract == Contract::Freeze && !(self.fields.is_empty() && new.is_empty()) {
                break;
            }
            let found: Vec<Inferred> = match self.format {
                Format::Json | Format::Ndjson => json::fields(file, self)?,
                Format::Parquet => {
                    parquet::columns(file)?.into_iter().map(|column| Inferred::of(plain(column))).collect()
                }
                Format::Xlsx => excel::fields(file, self)?,
                Format::Csv => self.named(&file.name, csv::first_line(file, self)?)?,
                Format::BlankSeparated => self.named(&file.name, blank::first_line(file, self)?)?,
            };
            for one in found {
                let known = self.fields.iter().any(|field| field.column == one.field.column);
                match new.iter_mut().find(|other| other.field.column == one.field.column) {
                    _ if known => {}
                    None => new.push(one),
                    // A Parquet file says its types: the first one's hold.
                    Some(_) if self.format == Format::Parquet => {}
                    Some(other) => other.join(one),
                }
            }
        }
        self.fields.extend(new.into_iter().map(|one| one.field));
        self.columns = self.fields.iter().map(|field| Column::new(&field.column, field.ty.clone())).collect();
        Ok(())
    }

    /// A column that bronze has.
    fn known(&self, name: &str, ty: &ColumnType) -> JsonField {
        let column = match self.format {
            Format::Json | Format::Ndjson => bronze::of_field(name),
            _ => name.to_owned(),
        };
        JsonField { column, path: vec![name.to_owned()], ty: ty.clone() }
    }

    /// Text columns named by a first line, or by their position.
    fn named(&self, file: &str, line: Option<Vec<String>>) -> Result<Vec<Inferred>, SourceError> {
        let mut names: Vec<String> = Vec::new();
        for (at, cell) in line.unwrap_or_default().iter().enumerate() {
            let name = if self.stream.dialect.header { bronze::of_header(cell) } else { format!("column_{}", at + 1) };
            if name.is_empty() || names.contains(&name) {
                return Err(SourceError::failed(
                    file,
                    format!("column {} of the header has no name of its own: `{cell}`", at + 1),
                )
                .with_hint("if the first line holds values, declare `dialect: { header: false }` and the columns"));
            }
            names.push(name);
        }
        Ok(names.into_iter().map(|name| Inferred::of(plain(Column::new(name, ColumnType::String)))).collect())
    }
}

fn plain(column: Column) -> JsonField {
    JsonField { path: vec![column.name.clone()], column: column.name, ty: column.ty }
}

fn plain_extension(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let name = [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    name.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default()
}

fn by_extension(name: &str) -> Result<Format, SourceError> {
    Ok(match plain_extension(name).as_str() {
        "csv" | "tsv" => Format::Csv,
        "json" => Format::Json,
        "ndjson" | "jsonl" => Format::Ndjson,
        "parquet" | "pq" => Format::Parquet,
        "xlsx" | "xlsm" => Format::Xlsx,
        _ => {
            return Err(SourceError::usage(name, "the name does not tell the format")
                .with_hint("declare `format`: csv, blank_separated, json, ndjson, parquet or xlsx"));
        }
    })
}
