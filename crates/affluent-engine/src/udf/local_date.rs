//! `local_date(instant, zone)`: the day of an instant in a time zone.

use std::sync::Arc;

use affluent_connect::schema::instant;
use arrow::array::Date32Array;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::DateTime;
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use crate::day;

/// `local_date(timestamp, text) -> date`; the zone is an IANA name, given as a literal.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocalDate {
    signature: Signature,
}

impl LocalDate {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for LocalDate {
    fn name(&self) -> &'static str {
        "local_date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [instants, zone] = args.args.as_slice() else { return exec_err!("local_date takes an instant and a zone") };
        let zone = match zone {
            ColumnarValue::Scalar(value) => value.try_as_str().flatten().map(str::to_owned),
            ColumnarValue::Array(_) => None,
        };
        let Some(Ok(zone)) = zone.as_deref().map(str::parse::<Tz>) else {
            return exec_err!("local_date takes the name of a time zone, such as 'Europe/Paris'");
        };
        let scalar = matches!(instants, ColumnarValue::Scalar(_));
        let array = instants.to_array(args.number_rows)?;
        let array = cast(&array, &instant())?;
        let micros = arrow::array::AsArray::as_primitive::<TimestampMicrosecondType>(&array);
        let days: Date32Array = micros.iter().map(|instant| instant.and_then(|micros| day(micros, zone))).collect();
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&days, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(days)))
    }
}

fn day(micros: i64, zone: Tz) -> Option<i32> {
    Some(day::of(DateTime::from_timestamp_micros(micros)?, zone).to_epoch_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_zone_across_summer_time_and_new_year() {
        let paris: Tz = chrono_tz::Europe::Paris;
        let of = |text: &str| {
            let micros = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            chrono::NaiveDate::from_epoch_days(day(micros, paris).unwrap()).unwrap().to_string()
        };
        assert_eq!(of("2025-12-31T23:30:00Z"), "2026-01-01");
        assert_eq!(of("2026-03-28T22:59:59Z"), "2026-03-28");
        assert_eq!(of("2026-03-28T23:00:00Z"), "2026-03-29");
        assert_eq!(of("2026-03-29T21:59:59Z"), "2026-03-29");
        assert_eq!(of("2026-03-29T22:00:00Z"), "2026-03-30");
        assert_eq!(of("1969-12-31T22:00:00Z"), "1969-12-31");
    }
}
