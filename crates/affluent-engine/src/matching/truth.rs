//! How good a match is against a truth: a file that says which record is of which entity.

use std::collections::HashMap;
use std::path::Path;

use affluent_match::{Evaluation, Known, MatchError, Matched, Records, Settings, curve, evaluate, scored};
use arrow::array::Array;
use futures::StreamExt;
use serde::Serialize;

use super::{reader, usage};
use crate::error::Error;

pub use affluent_match::CurvePoint;

/// The quality of a match.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Records whose entity is known.
    pub records: usize,
    /// Pairs of one entity.
    pub pairs: u64,
    /// Of the clusters, pairwise and B-cubed.
    pub quality: Evaluation,
    /// Share of the true pairs that were compared.
    pub blocking_recall: f64,
    /// Precision and recall of the compared pairs from each probability on.
    pub curve: Vec<CurvePoint>,
}

impl Serialize for Measured {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let point = |point: &CurvePoint| serde_json::json!({ "probability": point.probability, "precision": point.precision, "recall": point.recall });
        let quality = &self.quality;
        serde_json::json!({
            "records": self.records, "pairs": self.pairs, "precision": quality.pairwise_precision,
            "recall": quality.pairwise_recall, "f1": quality.pairwise_f1,
            "b_cubed_precision": quality.b_cubed_precision, "b_cubed_recall": quality.b_cubed_recall,
            "b_cubed_f1": quality.b_cubed_f1, "blocking_recall": self.blocking_recall,
            "curve": self.curve.iter().map(point).collect::<Vec<_>>(),
        })
        .serialize(serializer)
    }
}

/// The true entity of each record, where it is known.
pub(super) async fn read(
    path: &Path,
    id: &str,
    records: &Records,
    own_ids: &[String],
    files: Option<&[String]>,
) -> Result<Vec<Option<u32>>, Error> {
    let place = path.display().to_string();
    let mut of_record: HashMap<String, u32> = HashMap::new();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut pages = reader::read(&place);
    while let Some(rows) = pages.next().await {
        let rows = rows?;
        let key = rows.place(id).unwrap_or(0);
        let known = ["truth", "entity_id", "entity", "cluster", "true_id", "master_id"];
        let entity =
            known.iter().find_map(|name| rows.place(name)).or_else(|| (0..rows.names.len()).find(|&at| at != key));
        let file = rows.place("file");
        let Some(entity) = entity else {
            let hint = format!("its columns are `{id}` and `truth`");
            return Err(usage(&place, "a column with the true entity is missing".to_owned(), &hint));
        };
        let cell = |at: usize, row: usize| {
            let column = &rows.columns[at];
            (!column.is_null(row)).then(|| column.value(row).trim()).filter(|text| !text.is_empty())
        };
        for row in 0..rows.count {
            let (Some(key), Some(entity)) = (cell(key, row), cell(entity, row)) else { continue };
            let next = numbers.len() as u32;
            let number = *numbers.entry(entity.to_owned()).or_insert(next);
            let of_file = file.filter(|_| files.is_some()).and_then(|file| cell(file, row));
            of_record.insert(of_file.map_or_else(|| key.to_owned(), |file| format!("{file}:{key}")), number);
        }
    }
    let found: Vec<Option<u32>> = records
        .ids()
        .iter()
        .zip(own_ids)
        .map(|(record, own)| of_record.get(record).or_else(|| of_record.get(own)).copied())
        .collect();
    if found.iter().all(Option::is_none) {
        let hint = format!("its column `{id}` must hold the ids of the records");
        return Err(usage(&place, "it names none of the records".to_owned(), &hint));
    }
    Ok(found)
}

/// Measures a match against the truth.
pub(super) fn measure(
    records: &Records,
    settings: &Settings,
    matched: &Matched,
    truth: &[Option<u32>],
) -> Result<Measured, MatchError> {
    let known: Vec<usize> = (0..truth.len()).filter(|&at| truth[at].is_some()).collect();
    let entities: Vec<u32> = known.iter().filter_map(|&at| truth[at]).collect();
    let clusters: Vec<u32> = known.iter().map(|&at| matched.cluster_of[at]).collect();
    let pairs = scored(records, settings, &Known { learned: matched.learned.as_ref(), ..Known::default() })?;
    let (pairs_in_truth, blocking_recall, curve) = curve(&pairs, truth);
    Ok(Measured {
        records: known.len(),
        pairs: pairs_in_truth,
        quality: evaluate(&clusters, &entities),
        blocking_recall,
        curve,
    })
}
