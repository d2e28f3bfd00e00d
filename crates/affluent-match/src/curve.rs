//! Compared pairs against a truth: what blocking finds, and precision and recall from each probability on.

use std::collections::HashMap;

/// Precision and recall of the pairs from a probability on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// From this probability on.
    pub probability: f64,
    /// Share of those pairs that are true; 1 where there are none.
    pub precision: f64,
    /// Share of all true pairs, compared or not, that are among them; 1 where there are none.
    pub recall: f64,
}

/// Where points are taken.
const POINTS: [f64; 13] = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// The number of true pairs, the share of them that was compared, and the curve. `truth` is the entity of each record, none
/// where it is not known; pairs with such a record do not count.
pub fn curve(pairs: &[(u32, u32, f64)], truth: &[Option<u32>]) -> (u64, f64, Vec<CurvePoint>) {
    let mut sizes: HashMap<u32, u64> = HashMap::new();
    truth.iter().flatten().for_each(|&entity| *sizes.entry(entity).or_default() += 1);
    let actual: u64 = sizes.values().map(|n| n * (n - 1) / 2).sum();
    let known = |&(a, b, chance): &(u32, u32, f64)| Some((truth[a as usize]? == truth[b as usize]?, chance));
    let judged: Vec<(bool, f64)> = pairs.iter().filter_map(known).collect();
    let ratio = |part: u64, whole: u64| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    let from = |least: f64| {
        let chosen = judged.iter().filter(|(_, chance)| *chance >= least);
        chosen.fold((0, 0), |(right, all), (is_true, _)| (right + u64::from(*is_true), all + 1))
    };
    let point = |probability: f64| {
        let (right, all) = from(probability);
        CurvePoint { probability, precision: ratio(right, all), recall: ratio(right, actual) }
    };
    (actual, ratio(from(0.0).0, actual), POINTS.map(point).to_vec())
}

#[cfg(test)]
mod tests {
    use super::curve;

    #[test]
    fn pairs_are_counted_from_each_probability_on() {
        // Entities {0 1 2} {3 4}; record 5 is of no known one.
        let truth = [Some(0), Some(0), Some(0), Some(1), Some(1), None];
        let pairs = [(0, 1, 0.97), (0, 2, 0.55), (2, 3, 0.85), (3, 4, 0.02), (4, 5, 0.99)];
        let (actual, found, points) = curve(&pairs, &truth);
        assert_eq!((actual, found), (4, 0.75));
        let at = |chance: f64| points.iter().find(|point| (point.probability - chance).abs() < 1e-9).unwrap();
        assert_eq!((at(0.01).precision, at(0.01).recall), (0.75, 0.75));
        assert_eq!((at(0.5).precision, at(0.5).recall), (2.0 / 3.0, 0.5));
        assert_eq!((at(0.9).precision, at(0.9).recall), (1.0, 0.25));
        assert!(points.is_sorted_by(|a, b| a.recall >= b.recall));
    }
}
