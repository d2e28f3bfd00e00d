//! One column under construction: typed Arrow builders that take text or JSON values.

use std::sync::Arc;

use affluent_spec::ColumnType;
use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use jiter::Jiter;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::instant::{Instants, Pattern, day_by, iso_day};
use super::number::{self, NumberFault};

/// How much of a value a reason quotes.
const QUOTED: usize = 80;

/// Why a value does not fit its column, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

/// A column under construction. A push that fails adds nothing.
#[derive(Debug)]
pub struct Cells {
    values: Values,
    decimal_comma: bool,
    /// Whether the last value is nothing or empty text.
    blank: bool,
}

#[derive(Debug)]
enum Values {
    Text(StringBuilder),
    Json(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Decimal { builder: Decimal128Builder, precision: u8, scale: i8 },
    Date { builder: Date32Builder, pattern: Option<Pattern> },
    Timestamp { builder: TimestampMicrosecondBuilder, instants: Instants },
}

impl Cells {
    /// An empty column. `zone` holds for instants without an offset; with `decimal_comma` numbers in text are written
    /// `1 234,56`.
    pub(crate) fn new(ty: &ColumnType, zone: Tz, decimal_comma: bool) -> Self {
        let values = match ty {
            ColumnType::String => Values::Text(StringBuilder::new()),
            ColumnType::Json => Values::Json(StringBuilder::new()),
            ColumnType::Integer => Values::Integer(Int64Builder::new()),
            ColumnType::Number => Values::Number(Float64Builder::new()),
            ColumnType::Boolean => Values::Boolean(BooleanBuilder::new()),
            ColumnType::Decimal { precision, scale } => Values::Decimal {
                builder: Decimal128Builder::new().with_data_type(DataType::Decimal128(*precision, *scale)),
                precision: *precision,
                scale: *scale,
            },
            ColumnType::Date(format) => {
                Values::Date { builder: Date32Builder::new(), pattern: format.as_deref().map(Pattern::new) }
            }
            ColumnType::Timestamp(format) => Values::Timestamp {
                builder: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
                instants: Instants::new(format, zone),
            },
        };
        Self { values, decimal_comma, blank: true }
    }

    /// Takes a value written as text. Empty text is null for all types but text.
    pub fn push_text(&mut self, text: &str) -> Result<(), Mismatch> {
        self.blank = text.trim_ascii().is_empty();
        match &mut self.values {
            Values::Text(builder) => return append(builder, text),
            Values::Json(builder) if !text.is_empty() => {
                let mut reader = Jiter::new(text.as_bytes());
                return match reader.next_skip().and_then(|()| reader.finish()) {
                    Ok(()) => append(builder, text),
                    Err(_) => Err(Mismatch(format!("{} is not JSON", quote(text)))),
                };
            }
            _ => {}
        }
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            self.push_null();
            return Ok(());
        }
        if self.decimal_comma && matches!(self.values, Values::Integer(_) | Values::Number(_) | Values::Decimal { .. })
        {
            return match number::from_decimal_comma(trimmed) {
                Some(plain) => self.push_plain(&plain),
                None => Err(Mismatch(format!("{} is not a number with a decimal comma", quote(trimmed)))),
            };
        }
        self.push_plain(trimmed)
    }

    /// Takes a JSON number as it is written.
    pub(super) fn push_number(&mut self, text: &str) -> Result<(), Mismatch> {
        self.blank = false;
        match &mut self.values {
            Values::Text(builder) | Values::Json(builder) => append(builder, text),
            _ => self.push_plain(text),
        }
    }

    /// Takes a JSON boolean.
    pub(super) fn push_bool(&mut self, value: bool) -> Result<(), Mismatch> {
        self.blank = false;
        match &mut self.values {
            Values::Boolean(builder) => builder.append_value(value),
            Values::Text(builder) | Values::Json(builder) => {
                return append(builder, if value { "true" } else { "false" });
            }
            _ => return Err(Mismatch(format!("`{value}` is not {}", self.kind()))),
        }
        Ok(())
    }

    /// Takes JSON text as it stands in the record: for a `json` column whatever it is, else an array or object, which no
    /// other type holds.
    pub(super) fn push_nested(&mut self, json: &str) -> Result<(), Mismatch> {
        self.blank = false;
        match &mut self.values {
            Values::Json(builder) => append(builder, json),
            _ => Err(Mismatch(format!("{} is not {}; declare the column json", quote(json), self.kind()))),
        }
    }

    /// Whether the last value is nothing or empty text.
    pub(super) fn is_blank(&self) -> bool {
        self.blank
    }

    /// A hash of the last value as its type has it, however it was written: `12`, `12.0` and `1.2E1` are one number. Nothing
    /// and empty text are the same, and so are the ends of lines.
    pub(super) fn hash(&self, seed: u64) -> u64 {
        let of = |bytes: &[u8]| xxh3_64_with_seed(bytes, seed);
        match &self.values {
            Values::Text(builder) | Values::Json(builder) => {
                let ends = builder.offsets_slice();
                let start = ends.iter().nth_back(1).map_or(0, |start| *start as usize);
                match &builder.values_slice()[start..] {
                    [] => 0,
                    text if text.contains(&b'\r') => of(String::from_utf8_lossy(text).replace("\r\n", "\n").as_bytes()),
                    text => of(text),
                }
            }
            _ if self.blank => 0,
            Values::Integer(builder) => builder.values_slice().last().map_or(0, |value| of(&value.to_le_bytes())),
            // Minus nought is nought.
            Values::Number(builder) => {
                builder.values_slice().last().map_or(0, |value| of(&(value + 0.0).to_le_bytes()))
            }
            Values::Boolean(builder) => {
                let at = self.len().saturating_sub(1);
                let set = builder.values_slice().get(at / 8).is_some_and(|byte| (byte >> (at % 8)) & 1 == 1);
                of(&[u8::from(set)])
            }
            Values::Decimal { builder, .. } => {
                builder.values_slice().last().map_or(0, |value| of(&value.to_le_bytes()))
            }
            Values::Date { builder, .. } => builder.values_slice().last().map_or(0, |value| of(&value.to_le_bytes())),
            Values::Timestamp { builder, .. } => {
                builder.values_slice().last().map_or(0, |value| of(&value.to_le_bytes()))
            }
        }
    }

    /// Whether the column keeps values as JSON text.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.values, Values::Json(_))
    }

    /// Whether the column is text, and so tells empty text from nothing.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.values, Values::Text(_))
    }

    /// Takes nothing.
    pub fn push_null(&mut self) {
        self.blank = true;
        match &mut self.values {
            Values::Text(builder) | Values::Json(builder) => builder.append_null(),
            Values::Integer(builder) => builder.append_null(),
            Values::Number(builder) => builder.append_null(),
            Values::Boolean(builder) => builder.append_null(),
            Values::Decimal { builder, .. } => builder.append_null(),
            Values::Date { builder, .. } => builder.append_null(),
            Values::Timestamp { builder, .. } => builder.append_null(),
        }
    }

    /// The number of values taken, nulls too.
    pub(super) fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match &self.values {
            Values::Text(builder) | Values::Json(builder) => builder.len(),
            Values::Integer(builder) => builder.len(),
            Values::Number(builder) => builder.len(),
            Values::Boolean(builder) => builder.len(),
            Values::Decimal { builder, .. } => builder.len(),
            Values::Date { builder, .. } => builder.len(),
            Values::Timestamp { builder, .. } => builder.len(),
        }
    }

    /// The column, which is then empty again.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Text(builder) | Values::Json(builder) => Arc::new(builder.finish()),
            Values::Integer(builder) => Arc::new(builder.finish()),
            Values::Number(builder) => Arc::new(builder.finish()),
            Values::Boolean(builder) => Arc::new(builder.finish()),
            Values::Decimal { builder, .. } => Arc::new(builder.finish()),
            Values::Date { builder, .. } => Arc::new(builder.finish()),
            Values::Timestamp { builder, .. } => Arc::new(builder.finish()),
        }
    }

    fn push_plain(&mut self, text: &str) -> Result<(), Mismatch> {
        match &mut self.values {
            Values::Text(builder) | Values::Json(builder) => append(builder, text)?,
            Values::Integer(builder) => builder.append_value(number::integer(text.as_bytes()).map_err(|fault| {
                Mismatch(match fault {
                    NumberFault::Range => format!("{} does not fit 64 bits; declare a decimal or string", quote(text)),
                    _ => format!("{} is not an integer", quote(text)),
                })
            })?),
            Values::Number(builder) => {
                builder.append_value(
                    number::float(text).map_err(|_| Mismatch(format!("{} is not a number", quote(text))))?,
                );
            }
            Values::Decimal { builder, precision, scale } => {
                let (precision, scale) = (*precision, *scale);
                builder.append_value(number::decimal(text.as_bytes(), precision, scale).map_err(|fault| {
                    let declared = format!("decimal({precision},{scale})");
                    Mismatch(match fault {
                        NumberFault::Syntax => format!("{} is not a {declared}", quote(text)),
                        NumberFault::Range => format!("{} is too large for {declared}", quote(text)),
                        NumberFault::Scale => {
                            format!(
                                "{} has more than {scale} digits after the point; {declared} would lose some",
                                quote(text)
                            )
                        }
                    })
                })?);
            }
            Values::Boolean(builder) => builder.append_value(
                boolean(text).ok_or_else(|| Mismatch(format!("{} is neither true nor false", quote(text))))?,
            ),
            Values::Date { builder, pattern } => builder.append_value(match pattern {
                Some(pattern) => {
                    day_by(pattern, text).map_err(|reason| Mismatch(format!("{} {reason}", quote(text))))?
                }
                None => iso_day(text).ok_or_else(|| {
                    Mismatch(format!(
                        "{} is not a day (YYYY-MM-DD); another way to write it is declared as in date(%d/%m/%Y)",
                        quote(text)
                    ))
                })?,
            }),
            Values::Timestamp { builder, instants } => {
                builder
                    .append_value(instants.read(text).map_err(|reason| Mismatch(format!("{} {reason}", quote(text))))?);
            }
        }
        Ok(())
    }

    fn kind(&self) -> &'static str {
        match &self.values {
            Values::Text(_) => "text",
            Values::Json(_) => "JSON",
            Values::Integer(_) => "an integer",
            Values::Number(_) => "a number",
            Values::Boolean(_) => "a boolean",
            Values::Decimal { .. } => "a decimal",
            Values::Date { .. } => "a day",
            Values::Timestamp { .. } => "an instant",
        }
    }
}

/// Appends within the 2 GiB that the offsets of one array can point to.
pub(super) fn append(builder: &mut StringBuilder, text: &str) -> Result<(), Mismatch> {
    if builder.values_slice().len() + text.len() > i32::MAX as usize {
        return Err(Mismatch("the page would exceed 2 GiB of text in one column".to_owned()));
    }
    builder.append_value(text);
    Ok(())
}

fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "1", "t", "yes", "y"]) {
        Some(true)
    } else if is(&["false", "0", "f", "no", "n"]) {
        Some(false)
    } else {
        None
    }
}

/// The value between backticks, shortened.
fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("`{}...`", &text[..at]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    fn cells(ty: &str) -> Cells {
        Cells::new(&ty.parse().unwrap_or(ColumnType::String), Tz::UTC, false)
    }

    #[test]
    fn tells_why_a_value_does_not_fit() {
        for (ty, text, reason) in [
            ("decimal(12,2)", "134;137", "`134;137` is not a decimal(12,2)"),
            ("decimal(4,2)", "100", "`100` is too large for decimal(4,2)"),
            ("decimal(12,2)", "1.234", "`1.234` has more than 2 digits after the point; decimal(12,2) would lose some"),
            ("date(%d/%m/%Y)", "31/02/2024", "`31/02/2024` is not a day"),
            (
                "integer",
                "9223372036854775808",
                "`9223372036854775808` does not fit 64 bits; declare a decimal or string",
            ),
            ("integer", "NA", "`NA` is not an integer"),
            ("number", "NaN", "`NaN` is not a number"),
            ("boolean", "maybe", "`maybe` is neither true nor false"),
            ("json", "{", "`{` is not JSON"),
        ] {
            let mut cells = cells(ty);
            assert_eq!(cells.push_text(text), Err(Mismatch(reason.to_owned())));
            assert_eq!(cells.len(), 0, "{ty}: a push that fails adds nothing");
        }
    }

    #[test]
    fn empty_is_null_but_for_text_and_words_for_nothing_stay_text() {
        for ty in ["integer", "number", "boolean", "decimal(4,2)", "date", "timestamp", "json"] {
            let mut cells = cells(ty);
            assert_eq!(cells.push_text(""), Ok(()));
            assert_eq!(cells.finish().null_count(), 1, "{ty}");
        }
        let mut text = cells("string");
        for word in ["", "NA", "null", " x "] {
            assert_eq!(text.push_text(word), Ok(()));
        }
        let column = text.finish();
        assert_eq!(column.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["", "NA", "null", " x "]);
    }

    #[test]
    fn a_decimal_comma_holds_for_numbers_only() {
        let ty = ColumnType::Decimal { precision: 12, scale: 2 };
        let mut cells = Cells::new(&ty, Tz::UTC, true);
        assert_eq!(cells.push_text("1 234,56"), Ok(()));
        assert!(cells.push_text("12.5").is_err());
        assert_eq!(cells.finish().as_primitive::<arrow::datatypes::Decimal128Type>().value(0), 123_456);
    }
}
