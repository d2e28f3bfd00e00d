//! A pipeline file checked against the catalogue: all its faults at once, or a plan that can run.

mod entities;
mod expectations;
pub mod expression;
mod lookups;
mod marts;
mod matching;
mod parameters;
pub mod schema;
mod sources;
mod sql_failure;
mod sql_problem;
mod webhooks;

use std::path::{Path, PathBuf};

use affluent_spec::data_test::Expectations;
use affluent_spec::{Entity, Pipeline, Problem, Read};
use chrono_tz::Tz;
use indexmap::IndexMap;
use url::Url;

use crate::catalog::Catalog;
use crate::lake;

pub use entities::{EntityPlan, Input, Kind, Link, Made, records_of};
pub use marts::{ModelPlan, models_for};
pub use parameters::{Common, bound};
pub use sources::{ConnectorKind, SourcePlan, StreamPlan};
pub(crate) use sql_failure::may_fail;
pub use sql_failure::{model_failure, query_failure};
pub use sql_problem::{model_problem, query_problem};

/// A pipeline that can run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// The folder of the pipeline file; relative paths start here.
    pub base: PathBuf,
    /// Where the tables lie.
    pub lake: Url,
    /// The zone in which days are cut.
    pub timezone: Tz,
    /// The currency of all amounts.
    pub currency: String,
    /// Country of phones and postcodes whose record names none.
    pub country: Option<String>,
    /// For how many days versions stay readable.
    pub retention_days: u32,
    /// Sources in the order of the file.
    pub sources: Vec<SourcePlan>,
    /// All canonical entities by name, whether the pipeline builds them or not.
    pub canonical: IndexMap<String, Entity>,
    /// Silver entities in the order in which they are built.
    pub entities: Vec<EntityPlan>,
    /// Gold models in the order in which they are built.
    pub models: Vec<ModelPlan>,
    /// The user's tests by table.
    pub expectations: IndexMap<String, Expectations>,
}

/// Checks `pipeline`; `lake` takes the place of the file's own where given.
pub fn resolve(
    pipeline: Read<Pipeline>,
    mut catalog: Catalog,
    base: &Path,
    lake: Option<&str>,
) -> Result<Plan, Vec<Problem>> {
    let Read { value, document } = pipeline;
    let mut problems = Vec::new();
    if let Some(folder) = &value.connectors {
        problems.extend(catalog.add_connectors(&base.join(folder)).err().unwrap_or_default());
    }
    if let Some(folder) = &value.marts.folder {
        problems.extend(catalog.add_models(&base.join(folder)).err().unwrap_or_default());
    }
    let located = match lake {
        Some(given) => std::env::current_dir()
            .map_err(|error| error.to_string())
            .and_then(|here| lake::location(given, &here).map_err(|error| error.to_string())),
        None => lake::location(&value.lake, base).map_err(|error| error.to_string()),
    };
    let located = located.map_err(|message| problems.push(document.problem(&["lake"], message))).ok();
    let timezone = value.timezone.parse::<Tz>().map_err(|_| {
        problems.push(
            document
                .problem(&["timezone"], format!("`{}` is not a time zone", value.timezone))
                .with_hint(zone_hint(&value.timezone)),
        );
    });
    let sources = sources::resolve(&value, &document, &catalog, &mut problems);
    let entities = entities::resolve(&value, &document, &catalog, &sources, base, &mut problems);
    let models = marts::resolve(&value, &document, &catalog, &entities, &mut problems);
    expectations::known(&value, &document, &entities, &models, &mut problems);
    problems.sort();
    problems.dedup();
    match (located, timezone) {
        (Some(lake), Ok(timezone)) if problems.is_empty() => Ok(Plan {
            name: value.pipeline.to_string(),
            base: base.to_owned(),
            lake,
            timezone,
            currency: value.currency.0,
            country: value.country.map(|country| country.0),
            retention_days: value.retention_days,
            sources,
            canonical: catalog.entities,
            entities,
            models,
            expectations: value.expectations,
        }),
        _ => Err(problems),
    }
}

fn zone_hint(written: &str) -> String {
    let near = affluent_spec::suggest::nearest(written, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write an IANA name, as in Europe/Paris".to_owned(),
    }
}
