//! Bronze → silver: mapped, normalised, matched, converted, enriched; each table merged on its key.

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
use datafusion::prelude::SessionContext;
use serde::Serialize;

use crate::context::{Event, Run};
use crate::error::Error;
use crate::lake::{Lake, Mark, Stamp};
use crate::plan::{EntityPlan, Kind, Plan};
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
    /// How matching went, for persons and companies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matching: Option<identity::MatchReport>,
    /// Whether nothing had to be done, since inputs and plan are those of the last run.
    pub unchanged: bool,
    /// Wall time.
    pub seconds: f64,
}

/// Builds one entity.
pub async fn build(plan: &Plan, entity: &EntityPlan, lake: &Lake, run: &Run) -> Result<EntityReport, Error> {
    let began = std::time::Instant::now();
    if run.stop.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let work = Work { plan, lake, run, context: run.session.context()? };
    let mut report = match &entity.kind {
        Kind::Facts => facts::build(&work, entity).await?,
        Kind::Golden { matching, survivorship, decisions } => {
            golden::build(&work, entity, matching, decisions, survivorship).await?
        }
    };
    report.seconds = began.elapsed().as_secs_f64();
    run.tell(&Event::Transformed(report.clone()));
    Ok(report)
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
        table.stamp().map(Some)
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
            matching: None,
            unchanged: true,
            seconds: 0.0,
        }))
    }
}
