//! Faults of SQL, told at the line and column where the user wrote it: a model's file, or a query.

use affluent_spec::model::ModelFile;
use affluent_spec::{Problem, Span, suggest};
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// SQL that a user wrote, and where.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    file: &'a str,
    text: &'a str,
    pub(super) sql: &'a str,
    pub(super) lines_before: usize,
}

impl<'a> From<&'a ModelFile> for Written<'a> {
    fn from(model: &'a ModelFile) -> Self {
        let document = &model.document;
        Self { file: &document.file, text: &document.text, sql: &model.sql, lines_before: model.lines_before }
    }
}

impl<'a> Written<'a> {
    /// A query at the prompt.
    pub(super) fn query(sql: &'a str) -> Self {
        Self { file: "query", text: sql, sql, lines_before: 0 }
    }

    /// A fault at a place of the SQL; lines are counted from the start of the file.
    pub(super) fn at(self, span: Span, message: &str) -> Problem {
        let span = Span { line: span.line + self.lines_before, ..span };
        Problem::at(self.file, self.text, span, message)
    }

    fn problem(self, error: &DataFusionError) -> Problem {
        let root = error.find_root();
        if let Some((field, hint)) = missing(error) {
            let place = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(span_of);
            let span = place.unwrap_or_else(|| find(self.sql, field));
            return self.at(span, &no_column(field)).with_hint_if(hint);
        }
        if let DataFusionError::SQL(fault, _) = root {
            return self.parse_problem(&fault.to_string());
        }
        let message = root.strip_backtrace();
        match error.diagnostic().and_then(|diagnostic| diagnostic.span) {
            Some(span) => self.at(span_of(span), plain(&message)),
            None => self.parse_problem(&message),
        }
    }

    /// `... at Line: 3, Column: 7` is how the parser says where.
    fn parse_problem(self, message: &str) -> Problem {
        let plain = plain(message);
        let number = |after: &str| -> Option<usize> {
            let rest = &plain[plain.find(after)? + after.len()..];
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
        };
        let span = match (number("Line: "), number("Column: ")) {
            (Some(line), Some(column)) => Span { line, column, length: 1 },
            _ => Span { line: 1, column: 1, length: 1 },
        };
        self.at(span, plain.split(" at Line:").next().unwrap_or(plain))
    }
}

/// A fault of a model's SQL, at the line and column of the user's file.
pub fn model_problem(file: &ModelFile, error: &DataFusionError) -> Problem {
    Written::from(file).problem(error)
}

/// A fault of a query, at its line and column.
pub fn query_problem(sql: &str, error: &DataFusionError) -> Problem {
    Written::query(sql).problem(error)
}

/// What is wrong with a query, in words, and what may have been meant.
pub(super) fn told(error: &DataFusionError) -> (String, Option<String>) {
    match missing(error) {
        Some((field, hint)) => (no_column(field), hint),
        None => (plain(&error.find_root().strip_backtrace()).to_owned(), None),
    }
}

/// The column that a query names and no table has, and what may have been meant.
fn missing(error: &DataFusionError) -> Option<(&str, Option<String>)> {
    let DataFusionError::SchemaError(error, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { field, valid_fields } = error.as_ref() else { return None };
    let known = valid_fields.iter().map(|column| column.name.as_str());
    Some((field.name.as_str(), suggest::hint(&field.name, known)))
}

fn no_column(name: &str) -> String {
    format!("no column `{name}` here")
}

/// A message without the engine's words for where in itself it arose.
pub(super) fn plain(message: &str) -> &str {
    let mut rest = message;
    let leads = [
        "sql parser error: ",
        "SQL error: ",
        "Error during planning: ",
        "Arrow error: ",
        "Internal error: ",
        "Execution error: ",
    ];
    while let Some(next) = leads.iter().find_map(|lead| rest.strip_prefix(lead)) {
        rest = next;
    }
    // Of a function that takes other types, every type tried is told, and that it might be a fault of the engine.
    rest.split_once(", errors: ").map_or(rest, |(what, _)| what)
}

fn span_of(span: datafusion::common::Span) -> Span {
    let length = if span.start.line == span.end.line { span.end.column.saturating_sub(span.start.column) } else { 1 };
    Span { line: span.start.line as usize, column: span.start.column as usize, length: length as usize }
}

/// The place of `needle` in the SQL, its first line where it is not found.
pub(super) fn find(sql: &str, needle: &str) -> Span {
    for (index, line) in sql.lines().enumerate() {
        if let Some(column) = line.find(needle) {
            return Span {
                line: index + 1,
                column: line[..column].chars().count() + 1,
                length: needle.chars().count(),
            };
        }
    }
    Span { line: 1, column: 1, length: 1 }
}

pub(super) fn at_parse_error(file: &ModelFile, message: &str) -> Problem {
    Written::from(file).parse_problem(message)
}

/// A fault at a place of a model's SQL.
pub(super) fn at(file: &ModelFile, span: Span, message: &str) -> Problem {
    Written::from(file).at(span, message)
}
