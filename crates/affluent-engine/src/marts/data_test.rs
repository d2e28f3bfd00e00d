//! Data tests as queries that return the rows at fault.

use std::collections::BTreeSet;

use affluent_spec::TableName;
use affluent_spec::data_test::{ColumnCheck, Expectations, Severity, TableCheck, Test};
use affluent_spec::model::ModelFile;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::TryStreamExt;
use serde::Serialize;

use crate::error::Error;
use crate::sql::{identifier, literal};

/// One test with the query of its failures.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The table that it tests.
    pub table: TableName,
    /// The test as a reader knows it: `person_id: not_null`.
    pub name: String,
    /// Returns the rows at fault.
    pub sql: String,
    /// What a failure does.
    pub severity: Severity,
}

impl Probe {
    /// The tables that it reads, the one under test among them; none where it is no query.
    pub fn reads(&self) -> BTreeSet<TableName> {
        let statements = Parser::parse_sql(&GenericDialect {}, &self.sql).unwrap_or_default();
        let tables = statements.into_iter().filter_map(|statement| {
            resolve_table_references(&Statement::Statement(Box::new(statement)), true).ok().map(|(tables, _)| tables)
        });
        tables.flatten().map(|table| TableName::new(table.schema().unwrap_or("gold"), table.table())).collect()
    }
}

/// A test that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The test.
    pub test: String,
    /// Rows at fault.
    pub rows: u64,
    /// The first of them.
    pub example: String,
    /// Whether it is told only.
    pub warning: bool,
}

/// The tests of a model: those of its header, and that its grain is unique.
pub fn of_model(model: &ModelFile, table: &TableName) -> Vec<Probe> {
    let header = &model.header;
    let mut probes = Vec::new();
    if !header.grain.is_empty() {
        let check = TableCheck::Unique(header.grain.clone());
        probes.push(of_table(table, &Test { check, severity: Severity::Error }));
    }
    for (column, spec) in &header.columns {
        probes.extend(spec.tests.iter().map(|test| of_column(table, column, test)));
    }
    probes.extend(header.tests.iter().map(|test| of_table(table, test)));
    probes
}

/// The user's tests of a table.
pub fn of_expectations(expectations: &Expectations, table: &TableName) -> Vec<Probe> {
    let columns = expectations
        .columns
        .iter()
        .flat_map(|(column, tests)| tests.iter().map(move |test| of_column(table, column, test)));
    columns.chain(expectations.tests.iter().map(|test| of_table(table, test))).collect()
}

/// A test of a column of `table`.
pub(crate) fn of_column(table: &TableName, column: &str, test: &Test<ColumnCheck>) -> Probe {
    let quoted = identifier(column);
    let sql = match &test.check {
        ColumnCheck::NotNull => format!("select * from {table} where {quoted} is null"),
        ColumnCheck::Unique => format!(
            "select {quoted}, count(*) as times from {table} where {quoted} is not null group by {quoted} having count(*) > 1"
        ),
        ColumnCheck::NotNegative => format!("select * from {table} where {quoted} < 0"),
        ColumnCheck::AcceptedValues(values) => {
            let list: Vec<String> = values.iter().map(literal).collect();
            format!("select * from {table} where {quoted} not in ({})", list.join(", "))
        }
        ColumnCheck::Between([low, high]) => {
            format!("select * from {table} where {quoted} < {low} or {quoted} > {high}")
        }
        ColumnCheck::References(target) => {
            let (other, key) = target.rsplit_once('.').unwrap_or((target, column));
            format!(
                "select t.* from {table} t where t.{quoted} is not null \
                 and not exists (select 1 from {other} o where o.{} = t.{quoted})",
                identifier(key)
            )
        }
    };
    Probe { table: table.clone(), name: format!("{column}: {}", test.check), sql, severity: test.severity }
}

/// A test of `table`.
pub(crate) fn of_table(table: &TableName, test: &Test<TableCheck>) -> Probe {
    let sql = match &test.check {
        TableCheck::Unique(columns) => {
            let list: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
            let list = list.join(", ");
            format!("select {list}, count(*) as times from {table} group by {list} having count(*) > 1")
        }
        TableCheck::MinRows(least) => {
            format!("select n as rows_found from (select count(*) as n from {table}) where n < {least}")
        }
        TableCheck::NoRows(sql) => sql.clone(),
    };
    Probe { table: table.clone(), name: test.check.to_string(), sql, severity: test.severity }
}

/// Runs the tests; those that fail.
pub async fn run(context: &SessionContext, probes: &[Probe]) -> Result<Vec<Failure>, Error> {
    let mut failures = Vec::new();
    for probe in probes {
        let found = context.sql(&probe.sql).await.map_err(|error| named(probe, error))?;
        let mut rows = 0;
        let mut example = String::new();
        let mut stream = found.execute_stream().await.map_err(|error| named(probe, error))?;
        while let Some(batch) = stream.try_next().await.map_err(|error| named(probe, error))? {
            if example.is_empty() && batch.num_rows() > 0 {
                example = shown(&batch)?;
            }
            rows += batch.num_rows() as u64;
        }
        if rows > 0 {
            let warning = probe.severity == Severity::Warn;
            failures.push(Failure { test: probe.name.clone(), rows, example, warning });
        }
    }
    Ok(failures)
}

fn named(probe: &Probe, error: DataFusionError) -> Error {
    match Error::from(error) {
        Error::Query(message) => {
            Error::Query(format!("{}: the test `{}` cannot run: {message}", probe.table, probe.name))
        }
        other => other,
    }
}

fn shown(batch: &arrow::array::RecordBatch) -> Result<String, Error> {
    let options = FormatOptions::default().with_null("null");
    let mut parts = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()).take(6) {
        parts.push(format!("{}={}", field.name(), ArrayFormatter::try_new(column, &options)?.value(0)));
    }
    Ok(parts.join(", "))
}
