//! Gold models of a plan: read from their files, ordered by what they read, planned once against empty tables so that
//! faults of the SQL are told before any data is touched.

use std::collections::BTreeSet;
use std::sync::Arc;

use affluent_spec::data_test::Expectations;
use affluent_spec::model::ModelFile;
use affluent_spec::{Document, Name, Pipeline, Problem, Span, TableName, suggest};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use indexmap::IndexMap;

use super::entities::EntityPlan;
use super::expectations;
use super::parameters::{COMMON, example_values, placeholders, scalar, word};
use super::schema;
use super::sql_problem::{at, at_parse_error, find, model_problem};
use crate::catalog::Catalog;
use crate::marts::data_test::{self, Probe};
use crate::session::{Session, register};

/// One gold model.
#[derive(Debug, Clone)]
pub struct ModelPlan {
    /// Its name without the schema.
    pub name: String,
    /// Its table.
    pub table: TableName,
    /// Its file.
    pub file: Arc<ModelFile>,
    /// The tables its SQL reads.
    pub reads: BTreeSet<TableName>,
    /// What must hold of its rows before they are published: the tests of its file, and the pipeline's.
    pub tests: Vec<Probe>,
    /// The other tables that its tests read.
    pub tested: BTreeSet<TableName>,
    /// Its parameters with their values.
    pub parameters: IndexMap<String, ScalarValue>,
}

impl ModelPlan {
    /// The tables that must be right before it can be: those that it reads, and the models that its tests read.
    pub fn needs(&self) -> impl Iterator<Item = &TableName> {
        self.reads.iter().chain(self.tested.iter().filter(|table| table.schema == "gold"))
    }
}

/// The models that `name` needs, itself last, for tests of models: `parameters` go to each that declares them.
pub fn models_for(
    name: &str,
    parameters: &IndexMap<String, serde_json::Value>,
    catalog: &Catalog,
) -> Result<Vec<ModelPlan>, Vec<Problem>> {
    if !catalog.models.contains_key(name) {
        let hint = suggest::hint(name, catalog.models.keys().map(String::as_str));
        return Err(vec![Problem::of_file(name, format!("model `{name}` does not exist")).with_hint_if(hint)]);
    }
    let (models, problems) = with_upstream(vec![name.to_owned()], catalog, |name, file| {
        let declared = |key: &String| file.header.parameters.contains_key(key);
        let given = parameters.iter().filter(|(key, _)| declared(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        model(name, file, Some(&given), None, &file.document, catalog)
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    ordered(models).map_err(|problem| vec![*problem])
}

/// A model, or the faults that keep it from being one.
type Planned = Result<ModelPlan, Vec<Problem>>;

/// Models by name.
type Models = IndexMap<String, ModelPlan>;

/// The models of `wanted` and all that they need, each as `plan_of` plans it, with the faults of those it could not plan.
fn with_upstream(
    mut wanted: Vec<String>,
    catalog: &Catalog,
    plan_of: impl Fn(&str, &Arc<ModelFile>) -> Planned,
) -> (Models, Vec<Problem>) {
    let mut models = Models::new();
    let mut problems = Vec::new();
    let mut next = 0;
    while next < wanted.len() {
        let name = wanted[next].clone();
        next += 1;
        let Some(file) = catalog.models.get(&name).filter(|_| !models.contains_key(&name)) else { continue };
        match plan_of(&name, file) {
            Ok(plan) => {
                let upstream = plan.needs().filter(|table| table.schema == "gold");
                wanted.extend(upstream.map(|table| table.table.clone()));
                models.insert(name, plan);
            }
            Err(faults) => problems.extend(faults),
        }
    }
    (models, problems)
}

pub(super) fn resolve(
    pipeline: &Pipeline,
    document: &Document,
    catalog: &Catalog,
    entities: &[EntityPlan],
    problems: &mut Vec<Problem>,
) -> Vec<ModelPlan> {
    let mut wanted: Vec<String> = Vec::new();
    for (index, name) in pipeline.marts.models.iter().enumerate() {
        if catalog.models.contains_key(name.as_str()) {
            wanted.push(name.to_string());
        } else if !catalog.is_faulty(name.as_str()) {
            let known = catalog.models.keys().map(String::as_str);
            problems.push(
                document
                    .problem(&["marts", "models", &index.to_string()], format!("model `{name}` does not exist"))
                    .with_hint_if(suggest::hint(name.as_str(), known)),
            );
        }
    }
    let known = |name: &Name| catalog.models.contains_key(name.as_str()) || catalog.is_faulty(name.as_str());
    for name in pipeline.marts.parameters.keys().filter(|name| !known(name)) {
        let known = catalog.models.keys().map(String::as_str);
        let problem =
            document.key_problem(&["marts", "parameters", name.as_str()], format!("model `{name}` does not exist"));
        problems.push(problem.with_hint_if(suggest::hint(name.as_str(), known)));
    }
    let given = |name: &str| pipeline.marts.parameters.get(name);
    let expected = |name: &str| pipeline.expectations.get(&TableName::new("gold", name).to_string());
    let (models, faults) =
        with_upstream(wanted, catalog, |name, file| model(name, file, given(name), expected(name), document, catalog));
    problems.extend(faults);
    let ordered = match ordered(models) {
        Ok(ordered) => ordered,
        Err(problem) => {
            problems.push(*problem);
            return Vec::new();
        }
    };
    // Without its share of the runtime's budget: where that is used up inside of this call, nothing would renew it.
    let planned = tokio::task::unconstrained(planned(&ordered, catalog, entities, pipeline, document));
    problems.extend(futures::executor::block_on(planned));
    ordered
}

fn model(
    name: &str,
    file: &Arc<ModelFile>,
    given: Option<&IndexMap<String, serde_json::Value>>,
    expected: Option<&Expectations>,
    document: &Document,
    catalog: &Catalog,
) -> Result<ModelPlan, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut statements = Parser::parse_sql(&GenericDialect {}, &file.sql)
        .map_err(|error| vec![at_parse_error(file, &error.to_string())])?;
    let (Some(statement @ Statement::Query(_)), true) = (statements.pop(), statements.is_empty()) else {
        let begin = Span { line: 1, column: 1, length: 1 };
        return Err(vec![at(file, begin, "a model is one query, from select or with on")]);
    };
    let (tables, _) = resolve_table_references(&DfStatement::Statement(Box::new(statement.clone())), true)
        .map_err(|error| vec![model_problem(file, &error)])?;
    let mut reads = BTreeSet::new();
    for table in tables {
        match table.schema() {
            Some(schema @ "silver") if catalog.entities.contains_key(table.table()) => {
                reads.insert(TableName::new(schema, table.table()));
            }
            Some(schema @ "gold") if catalog.models.contains_key(table.table()) || catalog.is_faulty(table.table()) => {
                reads.insert(TableName::new(schema, table.table()));
            }
            schema => {
                let known: Vec<String> = match schema {
                    Some("gold") => catalog.models.keys().map(|name| format!("gold.{name}")).collect(),
                    _ => catalog.entities.keys().map(|name| format!("silver.{name}")).collect(),
                };
                let span = find(&file.sql, table.table());
                let problem = at(file, span, &format!("there is no table `{table}` that a model could read"));
                problems
                    .push(problem.with_hint_if(suggest::hint(&table.to_string(), known.iter().map(String::as_str))));
            }
        }
    }
    let used = placeholders(&statement);
    for placeholder in &used {
        if !COMMON.contains(&placeholder.as_str()) && !file.header.parameters.contains_key(placeholder) {
            let known = COMMON.iter().copied().chain(file.header.parameters.keys().map(String::as_str));
            let span = find(&file.sql, &format!("${placeholder}"));
            let problem = at(file, span, &format!("the header declares no parameter `{placeholder}`"));
            problems.push(problem.with_hint_if(suggest::hint(placeholder, known)));
        }
    }
    for key in given.into_iter().flat_map(IndexMap::keys).filter(|key| !file.header.parameters.contains_key(*key)) {
        let known = file.header.parameters.keys().map(String::as_str);
        let problem = document
            .key_problem(&["marts", "parameters", name, key], format!("model `{name}` has no parameter `{key}`"));
        problems.push(problem.with_hint_if(suggest::hint(key, known)));
    }
    let mut parameters = IndexMap::new();
    for (key, spec) in &file.header.parameters {
        let value = given.and_then(|given| given.get(key)).unwrap_or(&spec.default);
        if !spec.kind.takes(value) {
            let message = format!("`{key}` is {}, not {value}", word(spec.kind));
            problems.push(document.problem(&["marts", "parameters", name, key], message));
            continue;
        }
        parameters.insert(key.clone(), scalar(spec.kind, value));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let table = TableName::new("gold", name);
    let mut tests = data_test::of_model(file, &table);
    tests.extend(expected.into_iter().flat_map(|expected| data_test::of_expectations(expected, &table)));
    let tested = tests.iter().flat_map(Probe::reads).filter(|read| *read != table).collect();
    Ok(ModelPlan { name: name.to_owned(), table, file: file.clone(), reads, tests, tested, parameters })
}

/// Each model after those it needs.
fn ordered(mut models: Models) -> Result<Vec<ModelPlan>, Box<Problem>> {
    models.sort_keys();
    let mut ordered: Vec<ModelPlan> = Vec::new();
    while !models.is_empty() {
        let ready = models
            .iter()
            .find(|(_, model)| model.needs().all(|table| table.schema != "gold" || !models.contains_key(&table.table)))
            .map(|(name, _)| name.clone());
        match ready.and_then(|name| models.shift_remove(&name)) {
            Some(model) => ordered.push(model),
            None => return Err(Box::new(cycle(&models))),
        }
    }
    Ok(ordered)
}

fn cycle(models: &Models) -> Problem {
    // Every model left needs another one that is left, so following them comes round.
    let mut path: Vec<&str> = Vec::new();
    let mut current = models.keys().next().map(String::as_str);
    while let Some(name) = current {
        if let Some(start) = path.iter().position(|seen| *seen == name) {
            path.drain(..start);
            path.push(name);
            break;
        }
        path.push(name);
        current = models[name]
            .needs()
            .find(|t| t.schema == "gold" && models.contains_key(&t.table))
            .map(|t| t.table.as_str());
    }
    let file = &models[path[0]].file;
    let next = path.get(1).copied().unwrap_or_default();
    at(
        file,
        find(&file.sql, &format!("gold.{next}")),
        &format!("models read each other, or test themselves by each other, in a circle: {}", path.join(" → ")),
    )
    .with_hint("take one of them out of the circle")
}

/// Plans every model, and every test, against empty tables of the right columns.
async fn planned(
    models: &[ModelPlan],
    catalog: &Catalog,
    entities: &[EntityPlan],
    pipeline: &Pipeline,
    document: &Document,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Ok(context) = Session::new(None).and_then(|session| session.context()) else { return problems };
    for (name, entity) in &catalog.entities {
        let plan = entities.iter().find(|plan| plan.name() == name);
        let empty = MemTable::try_new(schema::table(entity, plan), vec![vec![]]);
        if let Ok(table) = empty {
            let _ = register(&context, &TableName::silver(name), Arc::new(table));
        }
    }
    // Those of silver before gold is known: they run before it is built.
    for entity in entities {
        for table in entity.tables() {
            problems.extend(expectations::planned(&context, pipeline, document, &table).await);
        }
    }
    for model in models {
        match plan_one(&context, model).await {
            Ok(()) => {
                problems.extend(expectations::planned(&context, pipeline, document, &model.table).await);
                // Those of its own columns cannot fail to run: the header names no column that the query does not give.
                let tests = data_test::of_model(&model.file, &model.table);
                for probe in tests.iter().filter(|probe| probe.reads().len() > 1) {
                    if let Err((message, hint)) = expectations::plan(&context, probe).await {
                        let begin = Span { line: 1, column: 1, length: 1 };
                        let message = format!("the test `{}` cannot run: {message}", probe.name);
                        problems.push(at(&model.file, begin, &message).with_hint_if(hint));
                    }
                }
            }
            Err(error) => problems.push(model_problem(&model.file, &error)),
        }
    }
    problems
}

async fn plan_one(context: &SessionContext, model: &ModelPlan) -> Result<(), DataFusionError> {
    let frame = context.sql(&model.file.sql).await?.with_param_values(example_values(model))?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    if let Some(column) = model.file.header.columns.keys().find(|column| schema.field_with_name(column).is_err()) {
        return Err(DataFusionError::Plan(format!(
            "the header describes a column `{column}` that the query does not give"
        )));
    }
    frame.create_physical_plan().await?;
    let table = MemTable::try_new(schema, vec![vec![]])?;
    context.register_table(datafusion::common::TableReference::partial("gold", model.name.clone()), Arc::new(table))?;
    Ok(())
}
