//! Builds the models of a plan in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use affluent_connect::schema::instant;
use affluent_spec::TableName;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext};
use serde::Serialize;

use super::data_test::{self, Failure, Probe};
use crate::context::{Event, Run};
use crate::day;
use crate::error::Error;
use crate::lake::{Lake, Mark, Staged, Stamp, Table, WriteMode, commented, fingerprint};
use crate::plan::{Common, ModelPlan, Plan, bound, model_failure, model_problem, schema};
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
    /// Its query could not be answered, or what it gave could not be written: readers keep the version before.
    Failed,
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
    /// The tables it was built from, with the versions that were read; none where it was skipped.
    pub inputs: BTreeMap<String, i64>,
    /// Tests that ran.
    pub tests: usize,
    /// Tests that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Why it was skipped, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Wall time.
    pub seconds: f64,
}

/// Builds the models that `wanted` picks, with a report of each, and returns what failed. A model that fails holds back those that
/// need it, no other.
pub async fn build_all(
    plan: &Plan,
    wanted: &dyn Fn(&ModelPlan) -> bool,
    lake: &Lake,
    run: &Run,
    reports: &mut Vec<ModelReport>,
) -> Result<Vec<Error>, Error> {
    let context = run.session.context()?;
    let mut stamps = silver(plan, lake, &context).await?;
    let mut blocked = failed_expectations(plan, &context).await?;
    let mut failed = Vec::new();
    for model in &plan.models {
        if run.stop.is_cancelled() {
            return Err(Error::Interrupted);
        }
        if !wanted(model) {
            if let Some(table) = lake.table(&model.table).await? {
                stamps.insert(model.table.clone(), table.stamp().await?);
                register(&context, &model.table, table.provider().await?)?;
            }
            continue;
        }
        let mut step = Step { plan, model, lake, run, context: &context, stamps: &mut stamps };
        let mut report = step.report().await?;
        let began = std::time::Instant::now();
        if let Err(error) = step.build(&blocked, &mut report).await {
            report.status = ModelStatus::Failed;
            report.because = Some(error.to_string());
            failed.push(error);
        }
        report.seconds = began.elapsed().as_secs_f64();
        if !matches!(report.status, ModelStatus::Published | ModelStatus::Unchanged) {
            blocked.insert(model.table.clone(), format!("{} was not published", model.table));
        }
        run.tell(&Event::Built(report.clone()));
        reports.push(report);
    }
    Ok(failed)
}

/// Registers the canonical silver tables that models and tests read, empty where the lake has none; the stamps of those that
/// are there.
async fn silver(plan: &Plan, lake: &Lake, context: &SessionContext) -> Result<HashMap<TableName, Stamp>, Error> {
    let mut needed: BTreeSet<TableName> =
        plan.models.iter().flat_map(|model| model.reads.iter().chain(&model.tested)).cloned().collect();
    needed.extend(silver_expectations(plan).into_iter().flat_map(|(_, probes)| probes).flat_map(|probe| probe.reads()));
    let mut stamps = HashMap::new();
    for (name, entity) in &plan.canonical {
        let table = TableName::silver(name);
        if !needed.contains(&table) {
            continue;
        }
        match lake.table(&table).await? {
            Some(found) => {
                stamps.insert(table.clone(), found.stamp().await?);
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

/// The user's tests of silver tables.
fn silver_expectations(plan: &Plan) -> Vec<(TableName, Vec<Probe>)> {
    let tables = plan.expectations.iter().filter_map(|(name, tests)| Some((name.parse::<TableName>().ok()?, tests)));
    let silver = tables.filter(|(table, _)| table.schema == "silver");
    silver.map(|(table, tests)| (table.clone(), data_test::of_expectations(tests, &table))).collect()
}

/// Silver tables whose expectations fail, with the words for it.
async fn failed_expectations(plan: &Plan, context: &SessionContext) -> Result<BTreeMap<TableName, String>, Error> {
    let mut blocked = BTreeMap::new();
    for (table, probes) in silver_expectations(plan) {
        let failures = data_test::run(context, &probes).await?;
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
    /// The report of a model that is not built yet.
    async fn report(&self) -> Result<ModelReport, Error> {
        let before = self.lake.table(&self.model.table).await?;
        Ok(ModelReport {
            model: self.model.table.to_string(),
            status: ModelStatus::Skipped,
            rows: 0,
            version: before.as_ref().map(Table::version),
            inputs: BTreeMap::new(),
            tests: 0,
            failures: Vec::new(),
            because: None,
            seconds: 0.0,
        })
    }

    async fn build(&mut self, blocked: &BTreeMap<TableName, String>, report: &mut ModelReport) -> Result<(), Error> {
        let table = &self.model.table;
        let before = self.lake.table(table).await?;
        if let Some(why) = self.model.needs().find_map(|needed| blocked.get(needed)) {
            report.because = Some(why.clone());
            return Ok(());
        }
        let mark = self.mark();
        report.inputs = mark.versions();
        if let Some(before) = before.as_ref().filter(|_| !self.run.full_refresh)
            && let Some(last) = before.mark().await?
        {
            last.is_for(table, &self.plan.name)?;
            if last.covers_the_same(&mark) {
                register(self.context, table, before.provider().await?)?;
                self.stamps.insert(table.clone(), before.stamp().await?);
                report.status = ModelStatus::Unchanged;
                report.rows = before.rows().unwrap_or(0);
                return Ok(());
            }
        }

        let common = common(self.plan, self.run.as_of);
        let fault =
            |error: &datafusion::error::DataFusionError| Error::Problems(vec![model_problem(&self.model.file, error)]);
        let frame = self.context.sql(&self.model.file.sql).await.map_err(|error| fault(&error))?;
        let frame = frame.with_param_values(bound(self.model, &common)).map_err(|error| fault(&error))?;
        let staged = self.staged(frame).await.map_err(|error| match error {
            Error::Query(message) => Error::Model(Box::new(model_failure(&self.model.file, &message))),
            other => other,
        })?;

        register(self.context, table, self.lake.staged_rows(self.context, &staged)?)?;
        report.tests = self.model.tests.len();
        report.failures = data_test::run(self.context, &self.model.tests).await?;
        report.rows = staged.rows;
        if report.failures.iter().any(|failure| !failure.warning) {
            report.status = ModelStatus::TestFailed;
            return Ok(());
        }
        let commit = self.lake.commit(before.as_ref(), staged, WriteMode::Replace, Some(mark)).await?;
        report.status = ModelStatus::Published;
        report.version = Some(commit.version);
        if let Some(published) = self.lake.table(table).await? {
            self.stamps.insert(table.clone(), published.stamp().await?);
            register(self.context, table, published.provider().await?)?;
        }
        Ok(())
    }

    /// The rows of the model's query, written out of readers' sight.
    async fn staged(&self, frame: DataFrame) -> Result<Staged, Error> {
        let schema = described(self.model, frame.schema().as_arrow());
        self.lake.stage(&self.model.table, schema, frame.execute_stream().await?).await
    }

    fn mark(&self) -> Mark {
        let inputs = self
            .model
            .reads
            .iter()
            .chain(&self.model.tested)
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

/// A fingerprint of what makes a model's rows beside its inputs, and of what is asked of them: a new test is run though they are
/// the same.
pub(crate) fn plan_of(plan: &Plan, model: &ModelPlan) -> String {
    let settings = (&model.parameters, &plan.currency, plan.timezone, &model.tests);
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
