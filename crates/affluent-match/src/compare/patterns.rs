//! The patterns of many pairs: each different one kept once, worked out by several threads.

use rustc_hash::FxHashMap;

use super::Comparer;
use crate::block::unpack;

/// Pairs worked out before their patterns are put away.
const BATCH: usize = 1 << 20;
/// Pairs that are not worth another thread.
const FEW_PAIRS: usize = 20_000;

/// The pattern of each pair, by its number among the different ones.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    /// The different patterns.
    pub(crate) different: Vec<u64>,
    /// For each pair the number of its pattern.
    pub(crate) of_pair: Vec<u32>,
}

impl Patterns {
    /// Patterns and how often each occurs, sorted so that sums do not depend on any order.
    pub(crate) fn counts(&self) -> Vec<(u64, f64)> {
        let mut times = vec![0.0; self.different.len()];
        self.of_pair.iter().for_each(|&number| times[number as usize] += 1.0);
        let mut counts: Vec<(u64, f64)> = self.different.iter().copied().zip(times).collect();
        counts.sort_unstable_by_key(|&(pattern, _)| pattern);
        counts
    }
}

impl Comparer<'_> {
    /// The patterns of pairs of records, in their order, by as many threads as the machine has to offer.
    pub(crate) fn patterns(&self, pairs: &[u64]) -> Patterns {
        self.patterns_by(pairs, std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// The same by so many threads at most. A pattern is a function of its pair: it does not matter which thread finds it.
    fn patterns_by(&self, pairs: &[u64], threads: usize) -> Patterns {
        let mut found = Patterns { different: Vec::new(), of_pair: Vec::with_capacity(pairs.len()) };
        let mut numbers: FxHashMap<u64, u32> = FxHashMap::default();
        let mut workers: Vec<Self> =
            (0..threads.min(pairs.len() / FEW_PAIRS + 1).max(1)).map(|_| self.fork()).collect();
        let mut patterns = vec![0; pairs.len().min(BATCH)];
        for batch in pairs.chunks(BATCH) {
            let patterns = &mut patterns[..batch.len()];
            let portion = batch.len().div_ceil(workers.len()).max(1);
            std::thread::scope(|scope| {
                let portions = batch.chunks(portion).zip(patterns.chunks_mut(portion));
                for (worker, (pairs, patterns)) in workers.iter_mut().zip(portions) {
                    scope.spawn(move || {
                        for (&pair, pattern) in pairs.iter().zip(patterns) {
                            let (a, b) = unpack(pair);
                            *pattern = worker.compare(a, b);
                        }
                    });
                }
            });
            for &pattern in patterns.iter() {
                let next = found.different.len() as u32;
                let number = *numbers.entry(pattern).or_insert(next);
                if number == next {
                    found.different.push(pattern);
                }
                found.of_pair.push(number);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::FEW_PAIRS;
    use crate::compare::Comparer;
    use crate::{Field, Kind, Records};

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let fields = [("given", Kind::GivenName), ("family", Kind::FamilyName), ("city", Kind::City)];
        let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let (given, family) = (["anne", "ann", "paul", "pol", "zoe"], ["durand", "durant", "petit", "petti", "moreau"]);
        for n in 0..420_usize {
            let city = format!("city{}", n % 37);
            records.push(&format!("{n:03}"), "a", &[Some(given[n % 5]), Some(family[n / 5 % 5]), Some(&city)]).unwrap();
        }
        let (columns, _) = records.in_id_order();
        let comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let total = records.len() as u64;
        let pairs: Vec<u64> = (0..total).flat_map(|a| (a + 1..total).map(move |b| a << 32 | b)).collect();
        assert!(pairs.len() > 4 * FEW_PAIRS);
        let one = comparer.patterns_by(&pairs, 1);
        for threads in [2, 3, 7] {
            let many = comparer.patterns_by(&pairs, threads);
            assert_eq!((&many.different, &many.of_pair), (&one.different, &one.of_pair));
        }
        let mut alone = comparer.fork();
        let first = one.different[one.of_pair[1234] as usize];
        let (a, b) = crate::block::unpack(pairs[1234]);
        assert_eq!(alone.compare(a, b), first);
        assert!((one.counts().iter().map(|(_, times)| times).sum::<f64>() - pairs.len() as f64).abs() < 1e-9);
    }
}
