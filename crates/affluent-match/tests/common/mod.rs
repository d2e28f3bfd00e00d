//! What tests and examples share: sets with known truth and how they are measured.

#![allow(dead_code, unreachable_pub, reason = "each test and example uses a part of it")]

pub mod draw;
pub mod people;
pub mod set;

use std::collections::HashMap;
use std::time::Instant;

use affluent_match::{Evaluation, Matched, candidates, evaluate, link};

use set::{Set, UNKNOWN};

/// What a run over a set gave.
pub struct Figures {
    pub set: String,
    pub records: usize,
    pub quality: Evaluation,
    /// Share of the true pairs that blocking finds.
    pub blocking_recall: f64,
    pub pairs: u64,
    pub largest_cluster: usize,
    /// Of matching alone, reading and normalising not counted.
    pub seconds: f64,
    pub matched: Matched,
}

/// Matches a set by its settings and measures the result.
pub fn measure(set: &Set) -> Result<Figures, affluent_match::MatchError> {
    let began = Instant::now();
    let matched = link(&set.records, &set.settings)?;
    let seconds = began.elapsed().as_secs_f64();
    let entity = |record: u32| Some(set.truth[record as usize]).filter(|&entity| entity != UNKNOWN);
    let is_true = |&(a, b): &(u32, u32)| entity(a).is_some() && entity(a) == entity(b);
    let blocked = candidates(&set.records, &set.settings)?.iter().filter(|pair| is_true(pair)).count();
    let known: Vec<u32> = (0..set.records.len() as u32).filter(|&record| entity(record).is_some()).collect();
    let of_known = |numbers: &[u32]| -> Vec<u32> { known.iter().map(|&record| numbers[record as usize]).collect() };
    let truth = of_known(&set.truth);
    let mut sizes = HashMap::new();
    for entity in &truth {
        *sizes.entry(entity).or_insert(0_u64) += 1;
    }
    let actual: u64 = sizes.values().map(|n| n * (n - 1) / 2).sum();
    Ok(Figures {
        set: set.name.clone(),
        records: set.records.len(),
        quality: evaluate(&of_known(&matched.cluster_of), &truth),
        blocking_recall: blocked as f64 / actual.max(1) as f64,
        pairs: matched.report.pairs,
        largest_cluster: matched.report.largest_cluster,
        seconds,
        matched,
    })
}

impl Figures {
    /// The head of a table of figures.
    pub const HEAD: &'static str = "| set | records | precision | recall | F1 | B-cubed F1 | blocking recall | pairs compared | largest | seconds |\n\
        |---|---|---|---|---|---|---|---|---|---|";

    /// A row of it.
    pub fn row(&self) -> String {
        let Self { set, records, quality, blocking_recall, pairs, largest_cluster, seconds, .. } = self;
        format!(
            "| {set} | {records} | {:.4} | {:.4} | {:.4} | {:.4} | {blocking_recall:.4} | {pairs} | {largest_cluster} | {seconds:.2} |",
            quality.pairwise_precision, quality.pairwise_recall, quality.pairwise_f1, quality.b_cubed_f1,
        )
    }

    /// The figures as a JSON object on one line.
    pub fn json(&self) -> String {
        let Self { records, quality, blocking_recall, pairs, largest_cluster, seconds, .. } = self;
        format!(
            "{{\"records\":{records},\"precision\":{},\"recall\":{},\"f1\":{},\"b_cubed\":{},\
             \"blocking_recall\":{blocking_recall},\"pairs\":{pairs},\"largest\":{largest_cluster},\
             \"matching_seconds\":{seconds}}}",
            quality.pairwise_precision, quality.pairwise_recall, quality.pairwise_f1, quality.b_cubed_f1,
        )
    }
}
