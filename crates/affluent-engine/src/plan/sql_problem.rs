//! Faults of a model's SQL, told at the line and column of the user's file.

use affluent_spec::model::ModelFile;
use affluent_spec::{Problem, Span, suggest};
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// A fault of a model's SQL, at the line and column of the user's file.
pub fn model_problem(file: &ModelFile, error: &DataFusionError) -> Problem {
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(span_of);
    let (message, hint) = told(error);
    if let Some(field) = missing_field(error) {
        let span = place.unwrap_or_else(|| find(&file.sql, field));
        return at(file, span, &message).with_hint_if(hint);
    }
    match place {
        Some(span) => at(file, span, &message),
        None => at_parse_error(file, &message),
    }
}

/// What is wrong with a query, in words, and what may have been meant.
pub(super) fn told(error: &DataFusionError) -> (String, Option<String>) {
    if let DataFusionError::SchemaError(schema_error, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = schema_error.as_ref()
    {
        let known: Vec<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
        let hint = suggest::hint(&field.name, known.iter().map(String::as_str));
        return (format!("no column `{}` here", field.name), hint);
    }
    (error.find_root().strip_backtrace(), None)
}

fn missing_field(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(&field.name),
            _ => None,
        },
        _ => None,
    }
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

/// `... at Line: 3, Column: 7` is how the parser says where.
pub(super) fn at_parse_error(file: &ModelFile, message: &str) -> Problem {
    let plain = message.trim_start_matches("sql parser error: ").trim_start_matches("SQL error: ");
    let number = |after: &str| -> Option<usize> {
        let rest = &plain[plain.find(after)? + after.len()..];
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    let span = match (number("Line: "), number("Column: ")) {
        (Some(line), Some(column)) => Span { line, column, length: 1 },
        _ => Span { line: 1, column: 1, length: 1 },
    };
    let what = plain.split(" at Line:").next().unwrap_or(plain);
    at(file, span, what)
}

/// A fault at a place of the SQL; lines are counted from the start of the file.
pub(super) fn at(file: &ModelFile, span: Span, message: &str) -> Problem {
    let span = Span { line: span.line + file.lines_before, ..span };
    Problem::at(&file.document.file, &file.document.text, span, message)
}
