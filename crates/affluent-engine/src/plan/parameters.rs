//! Parameters of models: those that every model has, those that a header declares, and the values bound to a query.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use affluent_connect::schema::instant;
use affluent_spec::model::ParameterType;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, visit_expressions};

use super::marts::ModelPlan;

/// Parameters that every model has.
pub(super) const COMMON: [&str; 4] = ["as_of", "as_of_on", "currency", "timezone"];

/// What a value of a type is, in words.
pub(super) fn word(kind: ParameterType) -> &'static str {
    match kind {
        ParameterType::String => "text",
        ParameterType::Integer => "a whole number",
        ParameterType::Number => "a number",
        ParameterType::Boolean => "true or false",
        ParameterType::Date => "a day, as in 2026-11-21",
    }
}

/// A value that its type takes, as SQL has it.
pub(super) fn scalar(kind: ParameterType, value: &serde_json::Value) -> ScalarValue {
    match kind {
        ParameterType::String => ScalarValue::from(value.as_str().unwrap_or_default()),
        ParameterType::Integer => ScalarValue::from(value.as_i64().unwrap_or_default()),
        ParameterType::Number => ScalarValue::from(value.as_f64().unwrap_or_default()),
        ParameterType::Boolean => ScalarValue::from(value.as_bool().unwrap_or_default()),
        ParameterType::Date => {
            let days =
                value.as_str().and_then(|text| text.parse::<chrono::NaiveDate>().ok()).map(|day| day.to_epoch_days());
            ScalarValue::Date32(days)
        }
    }
}

/// The parameters that a query names.
pub(super) fn placeholders(statement: &Statement) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let _ = visit_expressions(statement, |expression| {
        if let Expr::Value(value) = expression
            && let Value::Placeholder(name) = &value.value
        {
            found.insert(name.trim_start_matches('$').to_owned());
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// All parameters of a model with values of the right types.
pub(super) fn example_values(model: &ModelPlan) -> Vec<(String, ScalarValue)> {
    bound(
        model,
        &Common { as_of: chrono::DateTime::UNIX_EPOCH, as_of_on: 0, currency: "EUR".into(), timezone: "UTC".into() },
    )
}

/// Values of the parameters that every model has.
#[derive(Debug, Clone)]
pub struct Common {
    /// Exclusive upper bound of event time.
    pub as_of: chrono::DateTime<chrono::Utc>,
    /// Its day in the pipeline's zone, in days since 1970-01-01.
    pub as_of_on: i32,
    /// The pipeline's currency.
    pub currency: String,
    /// The pipeline's zone.
    pub timezone: String,
}

/// The values to bind to a model's query.
pub fn bound(model: &ModelPlan, common: &Common) -> Vec<(String, ScalarValue)> {
    let as_of = ScalarValue::TimestampMicrosecond(Some(common.as_of.timestamp_micros()), Some("UTC".into()));
    debug_assert_eq!(as_of.data_type(), instant());
    let common = [
        ("as_of", as_of),
        ("as_of_on", ScalarValue::Date32(Some(common.as_of_on))),
        ("currency", ScalarValue::from(common.currency.as_str())),
        ("timezone", ScalarValue::from(common.timezone.as_str())),
    ];
    common
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(model.parameters.iter().map(|(name, value)| (name.clone(), value.clone())))
        .collect()
}
