//! Bronze → silver: mapped, normalised, matched, converted, enriched; each table merged on its key.

mod employers;
mod facts;
mod golden;
mod history;
mod identity;
mod layers;
mod made_of;
mod match_log;
mod newest;
mod rates;
mod records;
mod review;

use std::collections::BTreeMap;

use affluent_spec::TableName;
use datafusion::prelude::{DataFrame, SessionContext};
use serde::Serialize;

use crate::context::{Event, Run};
use crate::error::Error;
use crate::lake::{Lake, Mark, Merged, Stamp, Target};
use crate::plan::{EntityPlan, Kind, Plan, may_fail};
use crate::session::register;

pub(crate) use identity::{block_of, held, threshold_of};
pub(crate) use made_of::{plan_of, tables};
pub(crate) use match_log::newest as newest_match;

/// What the transform did with one entity.
#[derive(Debug, Clone, Serialize)]
pub struct EntityReport {
    /// The entity.
    pub entity: String,
    /// Rows in its table, where known.
    pub rows: u64,
    /// Rows that went into it: records of persons and companies.
    pub records: u64,
    /// Rows added or changed by this run.
    pub changed: u64,
    /// Rows taken away by this run.
    pub gone: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Its tables with their versions.
    pub tables: BTreeMap<String, i64>,
    /// The tables it was made of, with the versions that were read.
    pub inputs: BTreeMap<String, i64>,
    /// How matching went, for persons and companies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matching: Option<identity::MatchReport>,
    /// Whether nothing had to be done, since inputs and plan are those of the last run.
    pub unchanged: bool,
    /// Wall time.
    pub seconds: f64,
}

/// What the transform writes beside the entities: the queue of pairs, the log of identities, the reports of matching.
#[cfg(test)]
pub(crate) fn own_schemas() -> [arrow::datatypes::SchemaRef; 3] {
    [review::schema(), match_log::log_schema(), match_log::report_schema()]
}

/// Builds one entity.
pub async fn build(plan: &Plan, entity: &EntityPlan, lake: &Lake, run: &Run) -> Result<EntityReport, Error> {
    let began = std::time::Instant::now();
    if run.stop.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let work = Work { plan, lake, run, context: run.session.context()? };
    let built = match &entity.kind {
        Kind::Facts => facts::build(&work, entity).await,
        Kind::Golden { matching, survivorship, decisions } => {
            golden::build(&work, entity, matching, decisions, survivorship).await
        }
    };
    let mut report = built.map_err(|error| told(entity, error))?;
    report.seconds = began.elapsed().as_secs_f64();
    run.tell(&Event::Transformed(report.clone()));
    Ok(report)
}

/// A query's failure with the entity, and the mappings that it can come from.
fn told(entity: &EntityPlan, error: Error) -> Error {
    let Error::Query(message) = error else { return error };
    let mut suspects = Vec::new();
    for input in &entity.inputs {
        let fails = input.columns.iter().filter(|(_, sql)| may_fail(sql, &message));
        suspects.extend(fails.map(|(column, sql)| format!("`{column}: {sql}` of {}", input.stream)));
    }
    let from = if suspects.is_empty() { String::new() } else { format!(", by the mapping {}", suspects.join(" or ")) };
    Error::Query(format!("silver.{} cannot be built: {message}{from}", entity.name()))
}

/// What building an entity works with.
struct Work<'a> {
    plan: &'a Plan,
    lake: &'a Lake,
    run: &'a Run,
    context: SessionContext,
}

impl Work<'_> {
    /// Makes `name` known to queries and gives its stamp; `None` where the table is not there yet.
    async fn read(&self, name: &TableName) -> Result<Option<Stamp>, Error> {
        let Some(table) = self.lake.table(name).await? else { return Ok(None) };
        register(&self.context, name, table.provider().await?)?;
        table.stamp().await.map(Some)
    }

    /// Makes the tables that `entity` is made of known; the stamps of those that are there.
    async fn inputs(&self, entity: &EntityPlan) -> Result<BTreeMap<String, Stamp>, Error> {
        let mut stamps = BTreeMap::new();
        for name in tables(self.plan, entity) {
            if let Some(stamp) = self.read(&name).await? {
                stamps.insert(name.to_string(), stamp);
            }
        }
        Ok(stamps)
    }

    /// The mark of an entity's tables made from `inputs`.
    fn mark(&self, entity: &EntityPlan, inputs: BTreeMap<String, Stamp>) -> Mark {
        let plan = Some(plan_of(self.plan, entity, self.run.as_of));
        let pipeline = Some(self.plan.name.clone());
        Mark { run_id: self.run.run_id.clone(), pipeline, inputs, plan, ..Mark::default() }
    }

    /// Brings a table to new content: what differs, or all of it where it is to be built anew.
    async fn write(&self, to: &Target<'_>, fresh: DataFrame, mark: Mark) -> Result<Merged, Error> {
        if self.run.full_refresh {
            self.lake.replace(&self.context, to, fresh, mark).await
        } else {
            self.lake.merge(&self.context, to, fresh, mark).await
        }
    }

    /// The report of an entity whose tables need not be built again, or `None` where they must. Tables of another pipeline are
    /// refused, unless they are to be built anew.
    async fn unchanged(
        &self,
        entity: &EntityPlan,
        tables: &[TableName],
        mark: &Mark,
    ) -> Result<Option<EntityReport>, Error> {
        if self.run.full_refresh {
            return Ok(None);
        }
        let mut versions = BTreeMap::new();
        let mut rows = 0;
        for name in tables {
            let Some(table) = self.lake.table(name).await? else { return Ok(None) };
            let Some(last) = table.mark().await? else { return Ok(None) };
            last.is_for(name, &self.plan.name)?;
            if !last.covers_the_same(mark) {
                return Ok(None);
            }
            if versions.is_empty() {
                rows = table.rows().unwrap_or(0);
            }
            versions.insert(name.to_string(), table.version());
        }
        Ok(Some(EntityReport {
            entity: entity.name().to_owned(),
            rows,
            records: 0,
            changed: 0,
            gone: 0,
            quarantined: 0,
            tables: versions,
            inputs: mark.versions(),
            matching: None,
            unchanged: true,
            seconds: 0.0,
        }))
    }
}
