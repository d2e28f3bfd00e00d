//! Matching of files by themselves, without a pipeline: read, recognise, match, tell.

mod config;
mod decisions;
mod entry;
mod lake;
mod reader;
mod recognised;
mod result;
mod truth;

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use affluent_match::{Known, Matched, Records, Settings, explain, link_knowing, settle_ids};
use affluent_spec::pipeline::MatchFile;

use crate::error::Error;

pub use config::{read as read_config, written};
pub use decisions::read as read_decisions;
pub use entry::{Asked, settings};
pub use lake::{Explained, explain_lake};
pub use reader::Refused;
pub(crate) use recognised::kind_of;
pub use result::write;
pub use truth::{CurvePoint, Measured};

/// What matching files gave.
#[derive(Debug)]
pub struct Outcome {
    /// The settings that were used, found out or given.
    pub config: MatchFile,
    /// The records: ids, sources and the values that were compared.
    pub records: Records,
    /// The name of each record in its own file.
    pub own_ids: Vec<String>,
    /// The file of each record, where there are several.
    pub files: Option<Vec<String>>,
    /// The entity of each record.
    pub entity_of: Vec<String>,
    /// What matching found.
    pub matched: Matched,
    /// Rows that could not be read.
    pub refused: Vec<Refused>,
    /// Values that are not what their column says, by column: how many, and an example with its reason.
    pub invalid: Vec<(String, u64, String)>,
    /// Columns of which nothing was made.
    pub unused: Vec<String>,
    /// The quality, where a truth was given.
    pub measured: Option<Measured>,
    /// Seconds of reading and normalising, and of matching.
    pub seconds: (f64, f64),
}

/// Matches files.
pub async fn match_files(asked: &Asked) -> Result<Outcome, Error> {
    let began = Instant::now();
    let entry::Loaded { config, records, own_ids, files, refused, invalid, unused } = entry::load(asked).await?;
    let truth = match &asked.truth {
        Some(path) => Some(truth::read(path, &config.id, &records, &own_ids, files.as_deref()).await?),
        None => None,
    };
    let decisions = match &asked.decisions {
        Some(path) => decisions::read(path)?,
        None => Vec::new(),
    };
    let read = began.elapsed().as_secs_f64();
    let settings = settings(&config, &records);
    let prefix = entry::prefix(config.entity);
    let (records, matched, entity_of, measured) = blocking(move || {
        let known = Known { decisions: &decisions, ..Known::default() };
        let matched = link_knowing(&records, &settings, &known).map_err(|error| fault(&error))?;
        let (entity_of, _) = settle_ids(records.ids(), &matched.cluster_of, &HashMap::new(), &HashSet::new(), prefix);
        let measured = truth.map(|truth| truth::measure(&records, &settings, &matched, &truth)).transpose();
        Ok((records, matched, entity_of, measured.map_err(|error| fault(&error))?))
    })
    .await?;
    let seconds = (read, began.elapsed().as_secs_f64() - read);
    Ok(Outcome { config, records, own_ids, files, entity_of, matched, refused, invalid, unused, measured, seconds })
}

/// Why two records of files are taken for one entity or for two.
pub async fn explain_files(asked: &Asked, left: &str, right: &str) -> Result<Explained, Error> {
    let entry::Loaded { config, records, .. } = entry::load(asked).await?;
    let (left, right) = (place_of(&records, left)?, place_of(&records, right)?);
    let settings = settings(&config, &records);
    let explanation =
        blocking(move || explain(&records, &settings, &Known::default(), left, right).map_err(|error| fault(&error)))
            .await?;
    Ok(Explained { explanation, entities: (None, None) })
}

/// The place of a record, or what ids look like.
pub(crate) fn place_of(records: &Records, id: &str) -> Result<usize, Error> {
    records.place_of(id).map(|place| place as usize).ok_or_else(|| {
        let example = records.ids().first().map(|id| format!("ids look like `{id}`"));
        usage("", format!("there is no record `{id}`"), &example.unwrap_or_else(|| "there are no records".to_owned()))
    })
}

pub(crate) fn fault(error: &affluent_match::MatchError) -> Error {
    usage("matching", error.to_string(), error.hint())
}

/// A fault of what was asked for.
pub(crate) fn usage(place: &str, what: String, hint: &str) -> Error {
    Error::Input(affluent_connect::SourceError::usage(place, what).with_hint(hint))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Query(format!("matching was broken off: {error}"))))
}

/// The kinds of fields of settings by name, for a report.
pub fn kinds(settings: &Settings) -> Vec<(String, affluent_match::Kind)> {
    settings.compare.iter().map(|field| (field.name.clone(), field.kind)).collect()
}
