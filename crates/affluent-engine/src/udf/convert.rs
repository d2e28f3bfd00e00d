//! `to_pipeline_currency(amount, currency, day)`: an amount at the rate of its day.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Digits of amounts: `decimal(18,4)`.
pub const AMOUNT: DataType = DataType::Decimal128(18, 4);
/// Digits of rates: `decimal(18,8)`.
pub const RATE: DataType = DataType::Decimal128(18, 8);
const RATE_UNIT: i128 = 100_000_000;

/// Rates by currency, then by day since 1970-01-01: units of the pipeline's currency for one unit, times 10^8.
pub type Rates = BTreeMap<String, BTreeMap<i32, i128>>;

/// `to_pipeline_currency(decimal, text, date) -> decimal(18,4)`: null where there is no rate on or before the day; a day
/// that is not known takes the newest rate. Half a unit of the last digit is rounded away from zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Convert {
    signature: Signature,
    base: String,
    rates: Arc<Rates>,
}

impl Convert {
    /// The function for a pipeline with currency `base` and these rates.
    pub fn new(base: String, rates: Rates) -> Self {
        Self { signature: Signature::any(3, Volatility::Immutable), base, rates: Arc::new(rates) }
    }

    fn rate(&self, currency: Option<&str>, day: Option<i32>) -> Option<i128> {
        let currency = currency.map(str::trim).filter(|text| !text.is_empty());
        match currency {
            None => Some(RATE_UNIT),
            Some(same) if same.eq_ignore_ascii_case(&self.base) => Some(RATE_UNIT),
            Some(other) => {
                let days = self.rates.get(&other.to_ascii_uppercase())?;
                let found = match day {
                    Some(day) => days.range(..=day).next_back(),
                    None => days.iter().next_back(),
                };
                found.map(|(_, rate)| *rate)
            }
        }
    }
}

impl ScalarUDFImpl for Convert {
    fn name(&self) -> &'static str {
        "to_pipeline_currency"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(AMOUNT)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let column =
            |at: usize, kind: &DataType| -> Result<_> { Ok(cast(&args.args[at].to_array(args.number_rows)?, kind)?) };
        let (amounts, currencies, days) =
            (column(0, &AMOUNT)?, column(1, &DataType::Utf8)?, column(2, &DataType::Date32)?);
        let amounts = amounts.as_primitive::<Decimal128Type>();
        let currencies = currencies.as_string::<i32>();
        let days = days.as_primitive::<Date32Type>();
        let converted: Decimal128Array = (0..amounts.len())
            .map(|row| {
                let amount = (!amounts.is_null(row)).then(|| amounts.value(row))?;
                let currency = (!currencies.is_null(row)).then(|| currencies.value(row));
                let day = (!days.is_null(row)).then(|| days.value(row));
                let rate = self.rate(currency, day)?;
                Some(if rate == RATE_UNIT { amount } else { divided(amount.checked_mul(rate)?, RATE_UNIT) })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(converted.with_data_type(AMOUNT))))
    }
}

fn divided(amount: i128, by: i128) -> i128 {
    let half = if amount < 0 { -by / 2 } else { by / 2 };
    (amount + half) / by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_rate_of_the_day_or_the_latest_before() {
        let rates = Rates::from([("USD".to_owned(), BTreeMap::from([(10, 90_000_000), (12, 95_000_000)]))]);
        let convert = Convert::new("EUR".to_owned(), rates);
        assert_eq!(convert.rate(Some("usd"), Some(11)), Some(90_000_000));
        assert_eq!(convert.rate(Some("USD"), Some(12)), Some(95_000_000));
        assert_eq!(convert.rate(Some("USD"), Some(9)), None, "no rate yet is no rate, never zero");
        assert_eq!(convert.rate(Some("GBP"), Some(12)), None);
        assert_eq!(convert.rate(None, Some(9)), Some(RATE_UNIT));
    }

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!(divided(15, 10), 2);
        assert_eq!(divided(-15, 10), -2);
        assert_eq!(divided(14, 10), 1);
    }
}
