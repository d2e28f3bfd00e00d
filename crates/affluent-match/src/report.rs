//! What a run says about itself.

use serde::Serialize;

/// Figures of one run of [`crate::link`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// Records matched.
    pub records: usize,
    /// Distinct pairs compared.
    pub pairs: u64,
    /// Blocking rules in the order they were applied.
    pub rules: Vec<RuleReport>,
    /// Estimated number of pairs of one entity among all pairs of records.
    pub expected_matches: f64,
    /// Weights of every comparison.
    pub comparisons: Vec<ComparisonReport>,
    /// Probability from which on two records belong together.
    pub threshold: f64,
    /// Pairs at or above the threshold.
    pub matching_pairs: u64,
    /// Number of clusters by size: (size, clusters), smallest first.
    pub cluster_sizes: Vec<(usize, usize)>,
    /// Size of the largest cluster.
    pub largest_cluster: usize,
    /// Number of compared pairs by probability, in tenths: below .1, from .1, ... from .9 on.
    pub histogram: [u64; 10],
    /// Records whose pairs were compared: all, or those new and changed.
    pub fresh: usize,
    /// Whether what an earlier run learned was used in the place of training.
    pub is_learned_before: bool,
    /// Decisions about records that are not there, and decisions that contradict others or a source without duplicates.
    pub decisions_unused: usize,
}

/// What a blocking rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleReport {
    /// The rule in words, for instance `last_name + birth_on`.
    pub rule: String,
    /// Pairs it found that no earlier rule had.
    pub pairs: u64,
    /// Records in its largest block.
    pub largest_block: usize,
    /// Blocks too large to compare in full; neighbours in sorted order were compared instead.
    pub capped_blocks: usize,
    /// Pairs of those blocks that were not looked at by this rule.
    pub pairs_left_out: u64,
}

/// The levels of one comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonReport {
    /// Name of the field.
    pub field: String,
    /// Its levels, best first.
    pub levels: Vec<LevelReport>,
}

/// What a level says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelReport {
    /// Name of the level.
    pub level: &'static str,
    /// Chance of it among records of one entity.
    pub m: f64,
    /// Chance of it among records of different entities.
    pub u: f64,
    /// Evidence in bits: log2(m / u), as it is used.
    pub weight: f64,
}
