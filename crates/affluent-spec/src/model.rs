//! The header of a SQL model: a YAML comment before plain SQL.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data_test::{ColumnCheck, TableCheck, Test};
use crate::problem::Problem;
use crate::shape;
use crate::yaml::Document;

/// What the header of a model says.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelHeader {
    /// The table it builds, `gold.<name>`.
    pub model: String,
    /// What one row is and what it is for.
    pub description: String,
    /// The columns that identify a row.
    #[serde(default)]
    pub grain: Vec<String>,
    /// How the table is kept.
    #[serde(default)]
    pub materialisation: Materialisation,
    /// Parameters beside `as_of`, `as_of_on`, `currency` and `timezone`, which every model has.
    #[serde(default)]
    pub parameters: IndexMap<String, Parameter>,
    /// Its columns.
    #[serde(default)]
    pub columns: IndexMap<String, ModelColumn>,
    /// Tests of the whole table.
    #[serde(default)]
    pub tests: Vec<Test<TableCheck>>,
}

/// How a model's table is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Materialisation {
    /// Replaced whole at each build.
    #[default]
    Table,
}

/// A parameter that a pipeline may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Its value unless the pipeline says otherwise.
    pub default: serde_json::Value,
    /// What it does, with its unit.
    pub description: Option<String>,
}

/// Types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// Text.
    String,
    /// 64-bit integer.
    Integer,
    /// 64-bit floating point.
    Number,
    /// True or false.
    Boolean,
    /// A day, as `2026-11-21`.
    Date,
}

impl ParameterType {
    /// Whether `value` can be bound to a parameter of this type.
    pub fn takes(self, value: &serde_json::Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Date => value.as_str().is_some_and(is_day),
        }
    }
}

/// Whether a text is a day of the calendar, as `2028-02-29`.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let &[year, month, day] = parts.as_slice() else { return false };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || !parts.iter().all(|part| digits(part)) {
        return false;
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u32>(), month.parse::<u32>(), day.parse::<u32>()) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}

/// A column of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelColumn {
    /// What it says, with its unit; it becomes the column's comment in the table.
    pub description: Option<String>,
    /// What must hold of it.
    pub tests: Vec<Test<ColumnCheck>>,
}

/// A model file: header, SQL, and where in the file the SQL begins.
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// The header.
    pub header: ModelHeader,
    /// The SQL, without the header.
    pub sql: String,
    /// Lines of the file before the SQL.
    pub lines_before: usize,
    /// Positions in the header.
    pub document: Document,
}

impl ModelFile {
    /// Reads a model file; on failure all faults of its header.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let missing = || {
            vec![
                Problem::of_file(file, "a model begins with its header in a comment")
                    .with_hint("write /* model: gold.<name>, description: ..., columns: ... */ before the SQL"),
            ]
        };
        let opened = text.find("/*").filter(|at| text[..*at].trim().is_empty()).ok_or_else(missing)?;
        let length = text[opened..].find("*/").ok_or_else(missing)?;
        let yaml = &text[opened + 2..opened + length];
        let rest = opened + length + 2;
        let lines_before_yaml = text[..opened].matches('\n').count();
        let document = Document::parse_at(file, text, yaml, lines_before_yaml).map_err(|problem| vec![problem])?;
        let problems = shape::check(&crate::json_schema::<ModelHeader>(), &document);
        if !problems.is_empty() {
            return Err(problems);
        }
        let header = serde_json::from_value(document.root.to_json())
            .map_err(|fault| vec![document.problem(&[], fault.to_string())])?;
        let sql = text[rest..].trim_start_matches([' ', '\r', '\n']);
        let lines_before = text[..text.len() - sql.len()].matches('\n').count();
        Ok(Self { header, sql: sql.trim_end().trim_end_matches(';').to_owned(), lines_before, document })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_the_sql_begins() {
        let text = "/*\nmodel: gold.x\ndescription: d\n*/\n\nselect 1\n";
        let model = ModelFile::read("x.sql", text).unwrap_or_else(|p| unreachable!("{p:#?}"));
        assert_eq!((model.sql.as_str(), model.lines_before), ("select 1", 5));
    }

    #[test]
    fn a_day_is_one_of_the_calendar() {
        for day in ["2026-11-21", "2028-02-29", "2000-02-29"] {
            assert!(ParameterType::Date.takes(&day.into()), "{day}");
        }
        for none in ["2026-02-31", "2026-02-29", "1900-02-29", "2026-13-01", "2026-4-31", "+026-04-01", "21/11/2026"] {
            assert!(!ParameterType::Date.takes(&none.into()), "{none}");
        }
    }

    #[test]
    fn a_fault_of_the_header_has_the_line_of_the_file() {
        let problems =
            ModelFile::read("x.sql", "\n/*\nmodel: gold.x\ndescripton: d\n*/\nselect 1\n").map(|_| ()).unwrap_err();
        assert_eq!(problems[0].span.line, 4, "{problems:#?}");
    }
}
