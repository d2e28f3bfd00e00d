//! The exchange rates of a run, as the conversion function that facts are built with.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::ident;

use super::Work;
use super::made_of::rates as rates_table;
use crate::error::Error;
use crate::udf::convert::{Convert, RATE, Rates};

impl Work<'_> {
    /// Registers `to_pipeline_currency` with the rates of `silver.exchange_rates`.
    pub(super) async fn currencies(&self) -> Result<(), Error> {
        let mut rates: Rates = BTreeMap::new();
        let table = self.lake.table(&rates_table()).await?;
        if let Some(table) = &table {
            let rows = self.context.read_table(table.provider().await?)?;
            let rows = rows.select(vec![ident("currency"), ident("rate_on"), ident("rate")])?.collect().await?;
            for batch in rows {
                let currencies = cast(batch.column(0), &DataType::Utf8)?;
                let days = cast(batch.column(1), &DataType::Date32)?;
                let values = cast(batch.column(2), &RATE)?;
                let (currencies, days) = (currencies.as_string::<i32>(), days.as_primitive::<Date32Type>());
                let values = values.as_primitive::<Decimal128Type>();
                for row in (0..batch.num_rows()).filter(|row| !currencies.is_null(*row) && !values.is_null(*row)) {
                    let currency = currencies.value(row).trim().to_ascii_uppercase();
                    rates.entry(currency).or_default().insert(days.value(row), values.value(row));
                }
            }
        }
        self.context.register_udf(ScalarUDF::from(Convert::new(self.plan.currency.clone(), rates)));
        Ok(())
    }
}
