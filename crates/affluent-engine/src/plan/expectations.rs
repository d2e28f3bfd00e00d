//! The user's tests: of tables that the pipeline builds, and planned once against empty ones, so that a test that cannot run is
//! told before any data is touched.

use affluent_spec::{Document, Pipeline, Problem, TableName, suggest};
use datafusion::prelude::SessionContext;

use super::entities::EntityPlan;
use super::marts::ModelPlan;
use super::sql_problem::told;
use crate::marts::data_test::{self, Probe};

/// Refuses tests of tables that the pipeline does not build.
pub(super) fn known(
    pipeline: &Pipeline,
    document: &Document,
    entities: &[EntityPlan],
    models: &[ModelPlan],
    problems: &mut Vec<Problem>,
) {
    let known: Vec<String> = entities
        .iter()
        .flat_map(EntityPlan::tables)
        .chain(models.iter().map(|model| model.table.clone()))
        .map(|table| table.to_string())
        .collect();
    for table in pipeline.expectations.keys().filter(|table| !known.contains(table)) {
        let message = format!("this pipeline builds no table `{table}`");
        let hint = suggest::hint(table, known.iter().map(String::as_str));
        problems.push(document.key_problem(&["expectations", table], message).with_hint_if(hint));
    }
}

/// Plans the user's tests of a table that `context` knows.
pub(super) async fn planned(
    context: &SessionContext,
    pipeline: &Pipeline,
    document: &Document,
    table: &TableName,
) -> Vec<Problem> {
    let name = table.to_string();
    let mut problems = Vec::new();
    let Some(expectations) = pipeline.expectations.get(&name) else { return problems };
    let Ok(rows) = context.table(name.as_str()).await else { return problems };
    for (column, tests) in &expectations.columns {
        let path = ["expectations", name.as_str(), "columns", column.as_str()];
        if !rows.schema().has_column_with_unqualified_name(column) {
            let names = rows.schema().fields().iter().map(|field| field.name().as_str());
            let problem = document.key_problem(&path, format!("{table} has no column `{column}`"));
            problems.push(problem.with_hint_if(suggest::hint(column, names)));
            continue;
        }
        for test in tests {
            if let Err((message, hint)) = plan(context, &data_test::of_column(table, column, test)).await {
                problems.push(document.problem(&path, format!("`{}`: {message}", test.check)).with_hint_if(hint));
            }
        }
    }
    for (index, test) in expectations.tests.iter().enumerate() {
        if let Err((message, hint)) = plan(context, &data_test::of_table(table, test)).await {
            let path = ["expectations", name.as_str(), "tests", &index.to_string()];
            problems.push(document.problem(&path, format!("`{}`: {message}", test.check)).with_hint_if(hint));
        }
    }
    problems
}

/// Plans a test; what is wrong with it, and what may have been meant.
pub(super) async fn plan(context: &SessionContext, probe: &Probe) -> Result<(), (String, Option<String>)> {
    for read in probe.reads() {
        if !context.table_exist(read.to_string()).unwrap_or(false) {
            return Err((format!("there is no table `{read}` that it could read"), None));
        }
    }
    let frame = context.sql(&probe.sql).await.map_err(|error| told(&error))?;
    frame.create_physical_plan().await.map_err(|error| told(&error))?;
    Ok(())
}
