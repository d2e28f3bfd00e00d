//! Builds the models of a plan in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use affluent_connect::schema::instant;
use affluent_spec::TableName;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::data_test::{self, Failure};
use crate::context::{Event, Run};
use crate::day;
use crate::error::Error;
use crate::lake::{Lake, Mark, Stamp, WriteMode, commented, fingerprint};
use crate::plan::{Common, ModelPlan, Plan, bound, model_problem, schema};
use crate::session::register;

/// How a model ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelStatus {
    /// Published.
    Published,
    /// Inputs, parameters and SQL are those of the last build.
    Unchanged,
    /// A test failed: readers keep the version before.
    TestFailed,
    /// It reads a table that was not built, which is named.
    Skipped,
}

/// What happened to one model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelReport {
    /// Its table.
    pub model: String,
    /// How it ended.
    pub status: ModelStatus,
    /// Rows.
    pub rows: u64,
    /// Version of the table that readers see; `None` where there is none.
    pub version: Option<i64>,
    /// Tests that ran.
    pub tests: usize,
    /// Tests that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Wall time.
    pub seconds: f64,
}

/// Builds the models that `wanted` picks.
pub async fn build_all(
    plan: &Plan,
    wanted: &dyn Fn(&ModelPlan) -> bool,
    lake: &Lake,
    run: &Run,
) -> Result<Vec<ModelReport>, Error> {
    let context = run.session.context()?;
    let mut stamps = silver(plan, lake, &context).await?;
    let mut blocked = failed_expectations(plan, &context).await?;
    let mut reports = Vec::new();
    for model in &plan.models {
        if run.stop.is_cancelled() {
            return Err(Error::Interrupted);
        }
        if !wanted(model) {
            if let Some(table) = lake.table(&model.table).await? {
                stamps.insert(model.table.clone(), table.stamp()?);
                register(&context, &model.table, table.provider().await?)?;
            }
            continue;
        }
        let mut step = Step { plan, model, lake, run, context: &context, stamps: &mut stamps };
        let report = step.build(&blocked).await?;
        if matches!(report.status, ModelStatus::TestFailed | ModelStatus::Skipped) {
            blocked.insert(model.table.clone(), format!("{} was not published", model.table));
        }
        run.tell(&Event::Built(report.clone()));
        reports.push(report);
    }
    Ok(reports)
}

/// Registers every canonical silver table, empty where the lake has none; the stamps of those that are there.
async fn silver(plan: &Plan, lake: &Lake, context: &SessionContext) -> Result<HashMap<TableName, Stamp>, Error> {
    let needed: BTreeSet<&TableName> = plan.models.iter().flat_map(|model| &model.reads).collect();
    let tested: BTreeSet<String> = plan.expectations.keys().cloned().collect();
    let mut stamps = HashMap::new();
    for (name, entity) in &plan.canonical {
        let table = TableName::silver(name);
        let referenced = ["persons", "companies"].contains(&name.as_str());
        if !needed.contains(&table) && !tested.contains(&table.to_string()) && !referenced {
            continue;
        }
        match lake.table(&table).await? {
            Some(found) => {
                stamps.insert(table.clone(), found.stamp()?);
                register(context, &table, found.provider().await?)?;
            }
            None => {
                let built = plan.entities.iter().find(|built| built.name() == name);
                let empty = MemTable::try_new(schema::table(entity, built), vec![vec![]])?;
                register(context, &table, Arc::new(empty))?;
            }
        }
    }
    Ok(stamps)
}

/// Silver tables whose expectations fail, with the words for it.
async fn failed_expectations(plan: &Plan, context: &SessionContext) -> Result<BTreeMap<TableName, String>, Error> {
    let mut blocked = BTreeMap::new();
    for (name, expectations) in &plan.expectations {
        let Ok(table) = name.parse::<TableName>() else { continue };
        if table.schema != "silver" {
            continue;
        }
        let failures = data_test::run(context, &data_test::of_expectations(expectations, &table)).await?;
        for failure in &failures {
            tracing::warn!("{table}: {} fails for {} rows, the first: {}", failure.test, failure.rows, failure.example);
        }
        if let Some(failure) = failures.iter().find(|failure| !failure.warning) {
            let words = format!(
                "{table} fails its expectation `{}` for {} rows, the first: {}",
                failure.test, failure.rows, failure.example
            );
            blocked.insert(table, words);
        }
    }
    Ok(blocked)
}

struct Step<'a> {
    plan: &'a Plan,
    model: &'a ModelPlan,
    lake: &'a Lake,
    run: &'a Run,
    context: &'a SessionContext,
    stamps: &'a mut HashMap<TableName, Stamp>,
}

impl Step<'_> {
    async fn build(&mut self, blocked: &BTreeMap<TableName, String>) -> Result<ModelReport, Error> {
        let began = std::time::Instant::now();
        let table = &self.model.table;
        let before = self.lake.table(table).await?;
        let mut report = ModelReport {
            model: table.to_string(),
            status: ModelStatus::Skipped,
            rows: 0,
            version: before.as_ref().map(crate::lake::Table::version),
            tests: 0,
            failures: Vec::new(),
            because: None,
            seconds: 0.0,
        };
        if let Some(why) = self.model.reads.iter().find_map(|read| blocked.get(read)) {
            report.because = Some(why.clone());
            return Ok(report);
        }
        let mark = self.mark();
        if let Some(before) = before.as_ref().filter(|_| !self.run.full_refresh)
            && let Some(last) = before.mark().await?
        {
            last.is_for(table, &self.plan.name)?;
            if last.covers_the_same(&mark) {
                register(self.context, table, before.provider().await?)?;
                self.stamps.insert(table.clone(), before.stamp()?);
                report.status = ModelStatus::Unchanged;
                report.rows = before.rows().unwrap_or(0);
                return Ok(report);
            }
        }

        let common = common(self.plan, self.run.as_of);
        let fault =
            |error: &datafusion::error::DataFusionError| Error::Problems(vec![model_problem(&self.model.file, error)]);
        let frame = self.context.sql(&self.model.file.sql).await.map_err(|error| fault(&error))?;
        let frame = frame.with_param_values(bound(self.model, &common)).map_err(|error| fault(&error))?;
        let schema = described(self.model, frame.schema().as_arrow());
        let rows = frame.execute_stream().await?;
        let staged = self.lake.stage(table, schema, rows).await?;

        register(self.context, table, self.lake.staged_rows(self.context, &staged)?)?;
        let mut probes = data_test::of_model(&self.model.file, table);
        if let Some(expectations) = self.plan.expectations.get(&table.to_string()) {
            probes.extend(data_test::of_expectations(expectations, table));
        }
        report.tests = probes.len();
        report.failures = data_test::run(self.context, &probes).await?;
        report.rows = staged.rows;
        if report.failures.iter().any(|failure| !failure.warning) {
            report.status = ModelStatus::TestFailed;
            report.seconds = began.elapsed().as_secs_f64();
            return Ok(report);
        }
        let commit = self.lake.commit(before.as_ref(), staged, WriteMode::Replace, Some(mark)).await?;
        report.status = ModelStatus::Published;
        report.version = Some(commit.version);
        if let Some(published) = self.lake.table(table).await? {
            self.stamps.insert(table.clone(), published.stamp()?);
            register(self.context, table, published.provider().await?)?;
        }
        report.seconds = began.elapsed().as_secs_f64();
        Ok(report)
    }

    fn mark(&self) -> Mark {
        let inputs = self
            .model
            .reads
            .iter()
            .filter_map(|read| Some((read.to_string(), self.stamps.get(read)?.clone())))
            .collect();
        Mark {
            run_id: self.run.run_id.clone(),
            pipeline: Some(self.plan.name.clone()),
            inputs,
            plan: Some(plan_of(self.plan, self.model)),
            as_of: Some(self.run.as_of),
            ..Mark::default()
        }
    }
}

/// A fingerprint of what makes a model's rows beside its inputs.
pub(crate) fn plan_of(plan: &Plan, model: &ModelPlan) -> String {
    let settings = (&model.parameters, &plan.currency, plan.timezone);
    fingerprint(&format!("{}\n{settings:?}", model.file.document.text))
}

/// The values of the parameters that every model has.
pub(super) fn common(plan: &Plan, as_of: chrono::DateTime<chrono::Utc>) -> Common {
    Common {
        as_of,
        as_of_on: day::of(as_of, plan.timezone).to_epoch_days(),
        currency: plan.currency.clone(),
        timezone: plan.timezone.name().to_owned(),
    }
}

/// The columns of a model's table: types that Delta knows, nullable, with the header's descriptions.
pub(super) fn described(model: &ModelPlan, schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let kind = match field.data_type() {
                DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
                DataType::Timestamp(_, Some(_)) => instant(),
                DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
                DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => DataType::Int64,
                other => other.clone(),
            };
            let comment = model.file.header.columns.get(field.name()).and_then(|column| column.description.clone());
            let metadata = comment.map(|text| HashMap::from([("comment".to_owned(), text)])).unwrap_or_default();
            Field::new(field.name(), kind, true).with_metadata(metadata)
        })
        .collect();
    Arc::new(commented(Schema::new(fields), &model.file.header.description))
}
