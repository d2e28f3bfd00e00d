//! Which records are the same person or company: by comparison, or by ids that are good already.

use std::collections::HashMap;

use affluent_match::{
    Block, Decision, Field, IdentityEvent, Kind, Known, Matched, Part, Rule, Settings, Threshold, link_knowing,
    settle_ids,
};
use affluent_spec::OneOrMany;
use affluent_spec::pipeline::{Auto, Compare, CompareKind, Comparison, Match};
use serde::Serialize;

use super::history::History;
use super::records::Records;
use crate::error::Error;
use crate::matching::kind_of;

/// How matching went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MatchReport {
    /// Records compared.
    pub records: u64,
    /// Records new or changed since the last run; all where everything was compared.
    pub fresh: u64,
    /// Entities found.
    pub entities: u64,
    /// Pairs compared.
    pub pairs: u64,
    /// Pairs by the rule that found them first.
    pub rules: Vec<(String, u64)>,
    /// Blocks too large to compare in full, by rule, with the pairs left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capped: Vec<(String, u64)>,
    /// Probability from which on two records belong together.
    pub threshold: f64,
    /// Records of the largest entity.
    pub largest: u64,
    /// What became of entities: created, merged, split, and records moved.
    pub changes: [u64; 4],
    /// Pairs in the review queue.
    pub doubts: u64,
    /// Decisions that could not be followed.
    #[serde(skip_serializing_if = "is_zero")]
    pub decisions_unused: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The entity of each record.
pub(super) struct Identified {
    pub(super) entity_of: Vec<String>,
    pub(super) probability: Vec<f64>,
    pub(super) report: MatchReport,
    pub(super) events: Vec<IdentityEvent>,
    /// What matching found and by which settings; none where ids are good already.
    pub(super) compared: Option<(Matched, Settings)>,
}

/// Finds the entity of each record, by what is known of earlier runs.
pub(super) fn identify(
    entity: &str,
    records: &Records,
    matching: &Match,
    decisions: &[Decision],
    history: &History,
) -> Result<Identified, Error> {
    match matching {
        Match::None => Ok(given(records)),
        Match::Compare(comparison) => compared(entity, records, comparison, decisions, history),
    }
}

/// Ids that are good already: the key of the record is the id.
fn given(records: &Records) -> Identified {
    let entity_of: Vec<String> =
        records.ids.iter().map(|id| id.split_once(':').map_or(id.as_str(), |(_, key)| key).to_owned()).collect();
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    for entity in &entity_of {
        *sizes.entry(entity).or_default() += 1;
    }
    let report = MatchReport {
        records: entity_of.len() as u64,
        entities: sizes.len() as u64,
        largest: sizes.values().copied().max().unwrap_or(0),
        threshold: 1.0,
        ..MatchReport::default()
    };
    Identified { probability: vec![1.0; entity_of.len()], entity_of, report, events: Vec::new(), compared: None }
}

fn compared(
    entity: &str,
    records: &Records,
    comparison: &Comparison,
    decisions: &[Decision],
    history: &History,
) -> Result<Identified, Error> {
    let fault = |error: affluent_match::MatchError| Error::Query(format!("matching {entity}: {error}"));
    let names: Vec<&str> = records.columns.keys().map(String::as_str).collect();
    let held =
        held(entity, &names, &records.ids, &records.sources, |name, row| records.compared(name, row)).map_err(fault)?;
    let settings = settings(entity, &held, comparison);
    let found = history.found(records, &settings, decisions);
    let learned = found.as_ref().and(history.kept.as_ref()).map(|kept| &kept.learned);
    let known = Known { decisions, learned, found: found.as_deref() };
    let matched = link_knowing(&held, &settings, &known).map_err(fault)?;
    let prefix = entity.get(..1).unwrap_or("e");
    let (entity_of, events) =
        settle_ids(&records.ids, &matched.cluster_of, &history.entities, &history.retired, prefix);
    let mut changes = [0; 4];
    for event in &events {
        let at = match event {
            IdentityEvent::Created { .. } => 0,
            IdentityEvent::Merged { .. } => 1,
            IdentityEvent::Split { .. } => 2,
            IdentityEvent::Moved { .. } => 3,
        };
        changes[at] += 1;
    }
    let told = &matched.report;
    let report = MatchReport {
        records: records.ids.len() as u64,
        fresh: told.fresh as u64,
        entities: told.cluster_sizes.iter().map(|(_, clusters)| *clusters as u64).sum(),
        pairs: told.pairs,
        rules: told.rules.iter().map(|rule| (rule.rule.clone(), rule.pairs)).collect(),
        capped: told
            .rules
            .iter()
            .filter(|rule| rule.capped_blocks > 0)
            .map(|rule| (rule.rule.clone(), rule.pairs_left_out))
            .collect(),
        threshold: told.threshold,
        largest: told.largest_cluster as u64,
        changes,
        doubts: matched.doubts.len() as u64,
        decisions_unused: told.decisions_unused as u64,
    };
    let probability = matched.probability.clone();
    Ok(Identified { entity_of, probability, report, events, compared: Some((matched, settings)) })
}

/// Rows of an entity as records to match: the columns that are compared by their kinds.
pub(crate) fn held<'a>(
    entity: &str,
    names: &[&str],
    ids: &[String],
    sources: &[String],
    value: impl Fn(&str, usize) -> Option<&'a str>,
) -> Result<affluent_match::Records, affluent_match::MatchError> {
    let kind_of: fn(&str) -> Option<Kind> =
        if entity == "companies" { Settings::company_kind } else { Settings::person_kind };
    let fields: Vec<Field> = names.iter().filter_map(|name| Some(Field::new(*name, kind_of(name)?))).collect();
    let mut held = affluent_match::Records::new(fields.clone())?;
    for (row, id) in ids.iter().enumerate() {
        let values: Vec<Option<&str>> = fields.iter().map(|field| value(&field.name, row)).collect();
        held.push(id, source_of(&sources[row]), &values)?;
    }
    Ok(held)
}

/// The source of a stream.
pub(super) fn source_of(stream: &str) -> &str {
    stream.split('.').next().unwrap_or(stream)
}

fn settings(entity: &str, records: &affluent_match::Records, comparison: &Comparison) -> Settings {
    let names: Vec<&str> = records.fields().iter().map(|field| field.name.as_str()).collect();
    let coverage = records.coverage();
    let mut settings = match &comparison.compare {
        Auto::Auto if entity == "companies" => Settings::auto_companies(&names, &coverage),
        Auto::Auto => Settings::auto_persons(&names, &coverage),
        Auto::Said(compare) => Settings::of(compare.iter().flat_map(|(label, one)| fields(label, one)).collect()),
    };
    settings.block = block_of(&comparison.block);
    settings.threshold = threshold_of(comparison.threshold.clone());
    settings.duplicate_free = comparison.duplicate_free.to_vec();
    settings
}

/// The blocking that a configuration says.
pub(crate) fn block_of(said: &Auto<Vec<OneOrMany<String>>>) -> Block {
    match said {
        Auto::Auto => Block::Auto,
        Auto::Said(rules) => {
            Block::Rules(rules.iter().map(|rule| Rule(rule.iter().map(|part| part_of(part)).collect())).collect())
        }
    }
}

/// The threshold that a configuration says.
pub(crate) fn threshold_of(said: Auto<f64>) -> Threshold {
    match said {
        Auto::Auto => Threshold::Auto,
        Auto::Said(threshold) => Threshold::Probability(threshold),
    }
}

fn fields(label: &str, compare: &Compare) -> Vec<Field> {
    let column = compare.column.as_deref().unwrap_or(label);
    match compare.kind {
        CompareKind::PersonName => vec![
            Field::new(compare.given.as_deref().unwrap_or("first_name"), Kind::GivenName),
            Field::new(compare.family.as_deref().unwrap_or("last_name"), Kind::FamilyName),
        ]
        .into_iter()
        .chain(compare.maiden.as_deref().map(|maiden| Field::new(maiden, Kind::MaidenName)))
        .collect(),
        CompareKind::Address => vec![
            Field::new(compare.street.first().map_or("street", String::as_str), Kind::Street),
            Field::new(compare.postcode.as_deref().unwrap_or("postcode"), Kind::Postcode),
            Field::new(compare.city.as_deref().unwrap_or("city"), Kind::City),
        ],
        kind => kind_of(kind).map(|kind| Field::new(column, kind)).into_iter().collect(),
    }
}

/// `postcode:2` is the first two characters of the postcode.
fn part_of(text: &str) -> Part {
    match text.split_once(':').and_then(|(column, length)| Some((column, length.parse().ok()?))) {
        Some((column, length)) => Part::Prefix(column.to_owned(), length),
        None => Part::Whole(text.to_owned()),
    }
}
