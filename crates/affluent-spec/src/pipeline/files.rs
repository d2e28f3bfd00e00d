//! How files are written: their format, and the dialect of text files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// File formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Values between delimiters.
    Csv,
    /// Values between runs of blanks.
    BlankSeparated,
    /// One JSON document: an array of records, or an object that holds one (see `records`).
    Json,
    /// One JSON record a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// An Excel workbook (.xlsx), one of its sheets.
    Xlsx,
}

/// A sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Sheet {
    /// By its place, 1 for the first.
    Number(#[schemars(range(min = 1))] u32),
    /// By its name.
    Name(String),
}

/// How a text file or a workbook is written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dialect {
    /// One character; `,` unless given, `\t` for tabulators.
    #[schemars(length(min = 1))]
    pub delimiter: String,
    /// The quote character; empty for none.
    pub quote: String,
    /// Whether the first line names the columns.
    pub header: bool,
    /// The character encoding by its WHATWG label: `utf-8`, `windows-1252`, `iso-8859-1`, `utf-16le`...
    pub encoding: String,
    /// Lines that begin with this character are skipped.
    pub comment: Option<String>,
    /// Lines to skip at the start of each file.
    pub skip_lines: usize,
    /// Numbers are written `1 234,56`.
    pub decimal_comma: bool,
    /// Cells that stand for nothing, beside the empty one.
    pub nulls: Vec<String>,
    /// JSON: the path of the array of records, `data.items` for instance.
    pub records: Option<String>,
    /// Excel: the sheet, by name or number; the first one unless given.
    pub sheet: Option<Sheet>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: ",".to_owned(),
            quote: "\"".to_owned(),
            header: true,
            encoding: "utf-8".to_owned(),
            comment: None,
            skip_lines: 0,
            decimal_comma: false,
            nulls: Vec::new(),
            records: None,
            sheet: None,
        }
    }
}
