//! `to_instant(value, zone)`: an instant out of whatever a mapping gives.

use std::sync::Arc;

use affluent_connect::schema::instant;
use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use chrono::NaiveDate;
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use crate::day;

/// `to_instant(any, text) -> timestamp (UTC, microseconds)`.
///
/// An instant stays what it is (without a zone it is UTC); a day, or a text that holds nothing but a day, is the
/// beginning of that day in the zone; any other text is read as RFC 3339 or ISO 8601, UTC where it has no offset. What
/// cannot be read is null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ToInstant {
    signature: Signature,
}

impl ToInstant {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for ToInstant {
    fn name(&self) -> &'static str {
        "to_instant"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [values, zone] = args.args.as_slice() else { return exec_err!("to_instant takes a value and a zone") };
        let name = match zone {
            ColumnarValue::Scalar(value) => value.try_as_str().flatten(),
            ColumnarValue::Array(_) => None,
        };
        let Some(Ok(zone)) = name.map(str::parse::<Tz>) else {
            return exec_err!("to_instant takes the name of a time zone, such as 'Europe/Paris'");
        };
        let scalar = matches!(values, ColumnarValue::Scalar(_));
        let array = values.to_array(if scalar { 1 } else { args.number_rows })?;
        let result = converted(&array, zone)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

fn converted(array: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    let safe = CastOptions { safe: true, ..CastOptions::default() };
    Ok(match array.data_type() {
        DataType::Date32 | DataType::Date64 => {
            let days = cast_with_options(array, &DataType::Date32, &safe)?;
            let days = days.as_primitive::<Date32Type>();
            let micros: TimestampMicrosecondArray =
                days.iter().map(|day| begin(Date32Type::to_naive_date_opt(day?)?, zone)).collect();
            Arc::new(micros.with_timezone("UTC"))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast_with_options(array, &DataType::Utf8, &safe)?;
            let texts = texts.as_string::<i32>();
            let parsed = cast_with_options(&texts, &instant(), &safe)?;
            let parsed = parsed.as_primitive::<TimestampMicrosecondType>();
            let micros: TimestampMicrosecondArray = (0..texts.len())
                .map(|row| {
                    let text = (!texts.is_null(row)).then(|| texts.value(row).trim())?;
                    match text.parse::<NaiveDate>() {
                        Ok(day) => begin(day, zone),
                        Err(_) => (!parsed.is_null(row)).then(|| parsed.value(row)),
                    }
                })
                .collect();
            Arc::new(micros.with_timezone("UTC"))
        }
        _ => cast_with_options(array, &instant(), &safe)?,
    })
}

fn begin(day: NaiveDate, zone: Tz) -> Option<i64> {
    Some(day::begin(day, zone)?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn days_begin_in_the_zone_and_offsets_are_kept() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![
            "1997-01-01",
            "1997-01-01T12:00:00-05:00",
            "1997-01-01 12:00:00",
            "31/02/1997",
        ]));
        let found = converted(&texts, chrono_tz::America::New_York).unwrap();
        let found = found.as_primitive::<TimestampMicrosecondType>();
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        assert_eq!(found.value(0), at("1997-01-01T05:00:00Z"));
        assert_eq!(found.value(1), at("1997-01-01T17:00:00Z"));
        assert_eq!(found.value(2), at("1997-01-01T12:00:00Z"));
        assert!(found.is_null(3));
    }
}
