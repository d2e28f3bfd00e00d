//! Unit tests of models: small silver tables in, expected rows out, no lake needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use affluent_spec::TableName;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use datafusion::datasource::MemTable;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::data_test;
use crate::catalog::Catalog;
use crate::day;
use crate::error::Error;
use crate::lake::conform;
use crate::plan::{Common, ModelPlan, bound, model_problem, models_for, schema};
use crate::session::{Session, register};

/// A case, as its file has it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelCase {
    /// The model under test, `gold.<name>`.
    pub model: String,
    /// What the case shows.
    pub why: String,
    /// `as_of`, `timezone`, `currency`, and parameters of the models built.
    pub parameters: IndexMap<String, serde_json::Value>,
    /// Silver tables as CSV with a header.
    #[serde(default)]
    pub given: BTreeMap<String, String>,
    /// The rows expected, as CSV; only its columns are compared.
    pub expect: String,
}

/// Runs a case; the differences in words, none where it passes.
pub async fn run(case: &ModelCase, catalog: &Catalog) -> Result<Vec<String>, Error> {
    let fault = |message: String| Error::Query(message);
    let text =
        |key: &str, other: &str| case.parameters.get(key).and_then(|value| value.as_str()).unwrap_or(other).to_owned();
    let as_of: DateTime<Utc> = text("as_of", "").parse().map_err(|error| fault(format!("as_of: {error}")))?;
    let timezone = text("timezone", "UTC");
    let zone = timezone.parse().map_err(|error| fault(format!("timezone: {error}")))?;
    let common =
        Common { as_of, as_of_on: day::of(as_of, zone).to_epoch_days(), currency: text("currency", "EUR"), timezone };
    let name = case.model.strip_prefix("gold.").unwrap_or(&case.model);
    let models = models_for(name, &case.parameters, catalog).map_err(Error::Problems)?;
    let context = Session::new(None)?.context()?;
    for (name, entity) in &catalog.entities {
        let table = TableName::silver(name);
        let schema = schema::table(entity, None);
        let rows = match case.given.get(&table.to_string()) {
            Some(csv) => vec![given(csv, &schema).map_err(|error| fault(format!("{table}: {error}")))?],
            None => vec![],
        };
        register(&context, &table, Arc::new(MemTable::try_new(schema, vec![rows])?))?;
    }
    let mut built: Vec<RecordBatch> = Vec::new();
    for model in &models {
        let told =
            |error: &datafusion::error::DataFusionError| Error::Problems(vec![model_problem(&model.file, error)]);
        let frame = context.sql(&model.file.sql).await.map_err(|error| told(&error))?;
        let frame = frame.with_param_values(bound(model, &common)).map_err(|error| told(&error))?;
        let schema = super::build::described(model, frame.schema().as_arrow());
        let rows = conform::frame(frame, &schema)?.collect().await?;
        let rows: Vec<RecordBatch> =
            rows.iter().map(|batch| conform::batch(batch, &schema)).collect::<Result<_, _>>()?;
        register(&context, &model.table, Arc::new(MemTable::try_new(schema, vec![rows.clone()])?))?;
        checked(&context, model).await?;
        built = rows;
    }
    compare(&case.expect, &built)
}

async fn checked(context: &datafusion::prelude::SessionContext, model: &ModelPlan) -> Result<(), Error> {
    let failures = data_test::run(context, &model.tests).await?;
    match failures.iter().find(|failure| !failure.warning) {
        None => Ok(()),
        Some(failure) => Err(Error::TestsFailed(format!("{}: {} ({})", model.table, failure.test, failure.example))),
    }
}

/// The header and the rows of CSV.
pub fn records(csv: &str) -> Result<(Vec<String>, Vec<Vec<String>>), String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
    let rows: Result<Vec<Vec<String>>, _> =
        reader.records().map(|record| record.map(|record| record.iter().map(str::to_owned).collect())).collect();
    Ok((header, rows.map_err(|error| error.to_string())?))
}

fn given(csv: &str, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let (header, rows) = records(csv)?;
    if let Some(unknown) = header.iter().find(|column| schema.field_with_name(column).is_err()) {
        return Err(format!("there is no column `{unknown}`"));
    }
    let cells = |name: &str| -> Option<ArrayRef> {
        let at = header.iter().position(|column| column == name)?;
        let cells: StringArray =
            rows.iter().map(|row| Some(row[at].as_str()).filter(|cell| !cell.is_empty())).collect();
        Some(Arc::new(cells))
    };
    conform::columns(schema, rows.len(), cells).map_err(|error| error.to_string())
}

fn compare(expect: &str, built: &[RecordBatch]) -> Result<Vec<String>, Error> {
    let (header, wanted) = records(expect).map_err(Error::Query)?;
    let options = FormatOptions::default();
    let mut found: Vec<Vec<String>> = Vec::new();
    for batch in built {
        let formatters: Vec<_> = header
            .iter()
            .map(|column| {
                let array = batch
                    .column_by_name(column)
                    .ok_or_else(|| Error::Query(format!("no column `{column}` in the result")))?;
                Ok(ArrayFormatter::try_new(array, &options)?)
            })
            .collect::<Result<_, Error>>()?;
        found.extend(
            (0..batch.num_rows()).map(|row| formatters.iter().map(|cell| cell.value(row).to_string()).collect()),
        );
    }
    Ok(differences(&wanted, found))
}

/// How the rows found differ from those wanted, in any order; nothing where they are the same.
pub fn differences(wanted: &[Vec<String>], mut found: Vec<Vec<String>>) -> Vec<String> {
    let mut differences = Vec::new();
    for row in wanted {
        match found.iter().position(|other| row.iter().zip(other).all(|(wanted, found)| same(wanted, found))) {
            Some(at) => {
                found.swap_remove(at);
            }
            None => differences.push(format!("missing: {}", row.join(","))),
        }
    }
    differences.extend(found.iter().map(|row| format!("too much: {}", row.join(","))));
    differences
}

/// Equal as text, or as numbers: to half a unit of the last decimal that the expected one is written with, exactly where it
/// is written without (139.6 is no 140).
pub fn same(wanted: &str, found: &str) -> bool {
    if wanted == found {
        return true;
    }
    let (Ok(number), Ok(other)) = (wanted.parse::<f64>(), found.parse::<f64>()) else { return false };
    let rounded = wanted.split_once('.').map_or(0.0, |(_, decimals)| 0.5 * 10_f64.powi(-(decimals.len() as i32)));
    (number - other).abs() <= rounded + 1e-9
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn a_number_is_as_exact_as_it_is_written() {
        for (wanted, found, is_same) in [
            ("140", "140.0", true),
            ("140", "140.0000", true),
            ("140", "139.6", false),
            ("140", "140.0001", false),
            ("33.3333", "33.33333333333333", true),
            ("33.3333", "33.3334", false),
            ("140.0", "139.96", true),
            ("140.0", "139.94", false),
            ("-100", "-100.0", true),
            ("0", "", false),
            ("2026-01-01", "2026-01-02", false),
        ] {
            assert_eq!(same(wanted, found), is_same, "{wanted} {found}");
        }
    }
}
