//! The demo's figures, read from the lake it wrote, and held against the sandbox's truth.

use std::collections::HashMap;

use affluent_engine::run::StageReport;
use affluent_engine::{Lake, Session};
use affluent_sandbox::Truth;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use crate::commands::sql;
use crate::failure::Failure;
use crate::output;

/// What the demo tells.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) status: &'static str,
    pub(super) run_id: String,
    pub(super) pipeline: &'static str,
    pub(super) month: u32,
    pub(super) lake: String,
    pub(super) people: People,
    pub(super) segments: Vec<Segment>,
    pub(super) kpis: Vec<Kpi>,
    pub(super) stages: Vec<StageReport>,
    pub(super) seconds: f64,
    /// The flags that go on with these customers.
    #[serde(skip)]
    pub(super) again: String,
}

/// People found, against the truth.
#[derive(Debug, Serialize)]
pub(super) struct People {
    /// Records of persons that were matched.
    pub(super) records: usize,
    /// Golden records.
    pub(super) found: u64,
    /// True people.
    pub(super) truth: usize,
    /// Share of the pairs of records put together that belong together.
    pub(super) precision: f64,
    /// Share of the pairs of records that belong together that were put together.
    pub(super) recall: f64,
}

/// One RFM segment.
#[derive(Debug, Serialize)]
pub(super) struct Segment {
    pub(super) segment: String,
    pub(super) people: u64,
}

/// One figure of gold.kpis: to date where it has such a row, else of its newest month.
#[derive(Debug, Serialize)]
pub(super) struct Kpi {
    pub(super) metric: String,
    pub(super) span: String,
    pub(super) period_on: String,
    pub(super) value: f64,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    pub(super) unit: String,
}

const KPIS: &str = "select metric, span, cast(period_on as varchar), value, low, high, unit from (
    select *, row_number() over (partition by metric order by span = 'to_date' desc, period_on desc) as place from gold.kpis
) where place = 1 order by metric";

impl Figures {
    /// The figures of a run that has ended well.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of the run, told once")]
    pub(super) async fn of(
        lake: &Lake,
        session: &Session,
        truth: &Truth,
        stages: Vec<StageReport>,
        run_id: &str,
        month: u32,
        seconds: f64,
        again: String,
    ) -> Result<Self, Failure> {
        let context = session.over(lake).await?;
        let segments = cells(&context, "select segment, people from gold.rfm_segments order by position").await?;
        let segments = segments
            .into_iter()
            .map(|row| Segment { segment: row[0].clone(), people: row[1].parse().unwrap_or(0) })
            .collect();
        let kpis = cells(&context, KPIS).await?;
        let kpis = kpis
            .into_iter()
            .map(|row| Kpi {
                metric: row[0].clone(),
                span: row[1].clone(),
                period_on: row[2].clone(),
                value: row[3].parse().unwrap_or(f64::NAN),
                low: row[4].parse().ok(),
                high: row[5].parse().ok(),
                unit: row[6].clone(),
            })
            .collect();
        Ok(Self {
            status: "ok",
            run_id: run_id.to_owned(),
            pipeline: "demo",
            month,
            lake: lake.root(),
            people: people(&context, truth).await?,
            segments,
            kpis,
            stages,
            seconds,
            again,
        })
    }
}

async fn cells(context: &SessionContext, query: &str) -> Result<Vec<Vec<String>>, Failure> {
    output::cells(&sql::rows(context, query).await?)
}

async fn people(context: &SessionContext, truth: &Truth) -> Result<People, Failure> {
    let rows = cells(context, "select record_id, person_id from silver.person_records").await?;
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let (mut clusters, mut true_people) = (Vec::new(), Vec::new());
    for row in &rows {
        let Some(person) = truth.persons.get(&row[0]) else { continue };
        let next = numbers.len() as u32;
        clusters.push(*numbers.entry(row[1].as_str()).or_insert(next));
        true_people.push(*person);
    }
    let found = cells(context, "select count(*) from silver.persons").await?;
    let quality = affluent_match::evaluate(&clusters, &true_people);
    Ok(People {
        records: rows.len(),
        found: found.first().and_then(|row| row[0].parse().ok()).unwrap_or(0),
        truth: truth.people,
        precision: quality.pairwise_precision,
        recall: quality.pairwise_recall,
    })
}
