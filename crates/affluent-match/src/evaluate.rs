//! How good a clustering is against the truth: pairwise and B-cubed.

use std::collections::HashMap;

/// Precision, recall and F1, each 0 to 1. A ratio without denominator counts as 1: nothing was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evaluation {
    /// Share of the clustered pairs that are true.
    pub pairwise_precision: f64,
    /// Share of all true pairs that are clustered.
    pub pairwise_recall: f64,
    /// Their harmonic mean.
    pub pairwise_f1: f64,
    /// Mean over records of the share of the record's cluster that is its entity.
    pub b_cubed_precision: f64,
    /// Mean over records of the share of the record's entity that is in its cluster.
    pub b_cubed_recall: f64,
    /// Their harmonic mean.
    pub b_cubed_f1: f64,
}

/// Compares the cluster of each record with its true entity; both slices in one order, numbers of no meaning but
/// equality. B-cubed as in Bagga and Baldwin (1998). Records beyond the shorter slice are left out.
pub fn evaluate(cluster_of: &[u32], truth: &[u32]) -> Evaluation {
    let mut both: HashMap<(u32, u32), f64> = HashMap::new();
    let mut clusters: HashMap<u32, f64> = HashMap::new();
    let mut entities: HashMap<u32, f64> = HashMap::new();
    for (&cluster, &entity) in cluster_of.iter().zip(truth) {
        *both.entry((cluster, entity)).or_default() += 1.0;
        *clusters.entry(cluster).or_default() += 1.0;
        *entities.entry(entity).or_default() += 1.0;
    }
    // Sorted, since sums of fractions depend on their order.
    let mut cells: Vec<_> = both.into_iter().collect();
    cells.sort_unstable_by_key(|&(cell, _)| cell);
    let pairs = |n: f64| n * (n - 1.0) / 2.0;
    let right: f64 = cells.iter().map(|&(_, n)| pairs(n)).sum();
    let clustered: f64 = clusters.values().map(|&n| pairs(n)).sum();
    let actual: f64 = entities.values().map(|&n| pairs(n)).sum();
    let records = cluster_of.len().min(truth.len()) as f64;
    let precise: f64 = cells.iter().map(|&((cluster, _), n)| n * n / clusters[&cluster]).sum();
    let recalled: f64 = cells.iter().map(|&((_, entity), n)| n * n / entities[&entity]).sum();

    let (pairwise_precision, pairwise_recall) = (ratio(right, clustered), ratio(right, actual));
    let (b_cubed_precision, b_cubed_recall) = (ratio(precise, records), ratio(recalled, records));
    Evaluation {
        pairwise_precision,
        pairwise_recall,
        pairwise_f1: harmonic(pairwise_precision, pairwise_recall),
        b_cubed_precision,
        b_cubed_recall,
        b_cubed_f1: harmonic(b_cubed_precision, b_cubed_recall),
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

fn harmonic(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn hand_made_case() {
        // Entities {a b c} {d e}; clusters {a b} {c d e}: right pairs ab, de; clustered 1 + 3; true 3 + 1.
        let found = evaluate(&[0, 0, 1, 1, 1], &[7, 7, 7, 8, 8]);
        assert!((found.pairwise_precision - 0.5).abs() < 1e-12);
        assert!((found.pairwise_recall - 0.5).abs() < 1e-12);
        // Precision: a 1, b 1, c 1/3, d 2/3, e 2/3; recall: a 2/3, b 2/3, c 1/3, d 1, e 1.
        assert!((found.b_cubed_precision - 11.0 / 15.0).abs() < 1e-12);
        assert!((found.b_cubed_recall - 11.0 / 15.0).abs() < 1e-12);
    }

    #[test]
    fn perfect_and_empty() {
        assert!((evaluate(&[3, 3, 9], &[1, 1, 2]).pairwise_f1 - 1.0).abs() < 1e-12);
        assert!((evaluate(&[0, 1], &[0, 1]).pairwise_f1 - 1.0).abs() < 1e-12);
        assert!(evaluate(&[], &[]).b_cubed_f1 > 0.99);
    }
}
