//! The match weight of a pattern of levels: Fellegi–Sunter, with what depends on each other counted once.

use rustc_hash::FxHashMap;

use crate::compare::levels::{EXACT, NEUTRAL};
use crate::compare::name::GIVEN_DIFFERENT;
use crate::compare::{Comparer, Comparison, level_at};
use crate::field::{Kind, PLACE};
use crate::household::Household;

/// Level of identifiers one slip apart.
pub(crate) const ID_CLOSE: u8 = 2;
/// Weight of a conflict between exclusive ids: no other evidence outweighs it, nor an average over a cluster.
pub(crate) const CONFLICT: f64 = -1.0e6;
/// Evidence one comparison can give, in bits.
const MOST: f64 = 40.0;

/// Chances of every level, and how far fields of one group agree together more often than each for itself.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) m: Vec<Vec<f64>>,
    pub(crate) u: Vec<Vec<f64>>,
    /// Chance that two records drawn at random are one entity.
    pub(crate) prevalence: f64,
    pub(crate) groups: Vec<Group>,
    pub(crate) household: Household,
    /// Whether one family name, home and birth date are one person even where given names differ. Twins share all that, so
    /// it takes records without relatives to tell that this is not about twins.
    pub(crate) without_twins: bool,
}

/// Comparisons that depend on each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// Bits of a packed pattern that belong to the group.
    pub(crate) mask: u64,
    /// Whether its fields change together when an entity moves.
    pub(crate) moves: bool,
    /// Bits to add per pattern of the group for strangers who agree on several fields at once; never positive.
    pub(crate) correction: FxHashMap<u64, f64>,
    /// Bits to add per pattern of the group for matches whose fields changed together; never negative.
    pub(crate) in_matches: FxHashMap<u64, f64>,
}

/// Weight of a pattern, and the comparisons whose value frequencies may still adjust it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) bits: f64,
    adjustable: u16,
}

impl Weight {
    /// Whether how rare the agreeing value of that comparison is counts.
    pub(crate) fn adjusts(&self, position: usize) -> bool {
        self.adjustable >> position & 1 == 1
    }
}

impl Group {
    /// Bits for strangers who agree on several fields at once, and for matches whose fields change at once.
    pub(crate) fn parts_of(&self, pattern: u64) -> (f64, f64) {
        let of = |bits: &FxHashMap<u64, f64>| bits.get(&(pattern & self.mask)).copied().unwrap_or(0.0);
        (of(&self.correction), of(&self.in_matches))
    }

    /// Bits to add for what the fields of the group have to do with each other.
    pub(crate) fn correction_of(&self, pattern: u64) -> f64 {
        let (strangers, matches) = self.parts_of(pattern);
        strangers + matches
    }
}

impl Model {
    /// Evidence of a level in bits, as it is used: agreement never counts against a match nor difference for it.
    pub(crate) fn evidence(&self, comparison: &Comparison, position: usize, level: u8) -> f64 {
        if level == NEUTRAL {
            return 0.0;
        }
        let at = usize::from(level) - 1;
        if comparison.field.kind == Kind::ExclusiveId && level != EXACT {
            return CONFLICT;
        }
        let bits = (self.m[position][at] / self.u[position][at]).log2().clamp(-MOST, MOST);
        if level == EXACT {
            bits.max(0.0)
        } else if at + 1 == comparison.levels.len() {
            bits.min(0.0)
        } else {
            bits
        }
    }

    /// Comparisons (a bit each) in which equal values count by how rare they are. Of a place only the finest part does: that
    /// the street is rare says all there is to say of its town and country.
    pub(crate) fn adjustable(&self, comparisons: &[Comparison], pattern: u64) -> u16 {
        let mut all = 0;
        let mut finest: Option<(f64, u16)> = None;
        for (at, comparison) in comparisons.iter().enumerate().filter(|&(at, _)| level_at(pattern, at) == EXACT) {
            if comparison.field.kind.group() == Some(PLACE) {
                let chance = self.u[at][0];
                if finest.is_none_or(|(known, _)| chance < known) {
                    finest = Some((chance, 1 << at));
                }
            } else {
                all |= 1 << at;
            }
        }
        all | finest.map_or(0, |(_, bit)| bit)
    }

    /// Log-odds, in bits, that a pair of this pattern is one entity; before value frequencies.
    ///
    /// Different given names mean another person of the household, and agreement on family name, address and phone does
    /// not count; unless an identifier agrees, which no two people share.
    pub(crate) fn weigh(&self, comparisons: &[Comparison], pattern: u64) -> Weight {
        let mut bits = (self.prevalence / (1.0 - self.prevalence)).log2();
        let mut adjustable = self.adjustable(comparisons, pattern);
        let any = |kind: Kind, is: &dyn Fn(u8) -> bool| {
            comparisons.iter().enumerate().any(|(at, c)| c.field.kind == kind && is(level_at(pattern, at)))
        };
        let other_person = any(Kind::GivenName, &|level| level == GIVEN_DIFFERENT)
            && !any(Kind::Id, &|level| level == EXACT || level == ID_CLOSE)
            && !(self.without_twins && any(Kind::Date, &|level| level == EXACT));
        for (at, comparison) in comparisons.iter().enumerate() {
            let level = level_at(pattern, at);
            let evidence = self.evidence(comparison, at, level);
            if other_person && comparison.field.kind.is_household() {
                bits += evidence.min(0.0);
                adjustable &= !(1 << at);
            } else {
                bits += evidence;
            }
        }
        if !other_person {
            bits += self.groups.iter().map(|group| group.correction_of(pattern)).sum::<f64>();
            bits += self.household.correction[self.household.agreeing(pattern).0];
        }
        Weight { bits, adjustable }
    }
}

/// Probability of a weight in bits.
pub(crate) fn probability(bits: f64) -> f64 {
    1.0 / (1.0 + (-bits).exp2())
}

/// Weight in bits of a probability, finite.
pub(crate) fn bits_of(probability: f64) -> f64 {
    let inside = probability.clamp(1e-12, 1.0 - 1e-12);
    (inside / (1.0 - inside)).log2()
}

/// Scores pairs of records, each pattern worked out once.
pub(crate) struct Scorer<'a, 'r> {
    pub(crate) comparer: &'a mut Comparer<'r>,
    pub(crate) model: &'a Model,
    known: FxHashMap<u64, Weight>,
    /// Records beyond which one entity seldom has more.
    usual: f64,
    /// Records with a full name.
    named: f64,
}

impl<'a, 'r> Scorer<'a, 'r> {
    pub(crate) fn new(comparer: &'a mut Comparer<'r>, model: &'a Model) -> Self {
        // A record has so many others of its entity on average; twice as many is still usual.
        let usual = 1.0 + 2.0 * model.prevalence * comparer.records() as f64;
        let named = comparer.namesakes.iter().filter(|&&count| count > 0).count() as f64;
        Self { comparer, model, known: FxHashMap::default(), usual, named }
    }

    /// Bits to take where two records have one full name that many others have too: names go together (by country, by
    /// fashion), and a full name can be frequent though either half is rare. What more records bear it than one
    /// entity has is a lower bound of how often it is met by chance.
    pub(crate) fn for_namesakes(&self, pattern: u64, a: usize) -> f64 {
        let Some((given, family)) = self.comparer.full_name else { return 0.0 };
        if level_at(pattern, given) != EXACT || level_at(pattern, family) != EXACT {
            return 0.0;
        }
        let others = f64::from(self.comparer.namesakes[a]) - self.usual;
        if others <= 0.0 {
            return 0.0;
        }
        let Comparer { comparisons, columns, .. } = &*self.comparer;
        let credited = |at: usize| {
            let adjustment = comparisons[at].frequencies.adjustment(columns[comparisons[at].index][a]);
            self.model.evidence(&comparisons[at], at, EXACT) + adjustment
        };
        let by_chance = others / self.named;
        let worth = (self.model.m[given][0] * self.model.m[family][0] / by_chance).log2().max(0.0);
        (worth - credited(given) - credited(family)).min(0.0)
    }

    /// Log-odds in bits that two records are one entity.
    pub(crate) fn score(&mut self, a: usize, b: usize) -> f64 {
        let pattern = self.comparer.compare(a, b);
        self.score_pattern(pattern, a)
    }

    /// The same when the pattern is known already; `a` is either record, since only equal values are adjusted.
    pub(crate) fn score_pattern(&mut self, pattern: u64, a: usize) -> f64 {
        let weight =
            *self.known.entry(pattern).or_insert_with(|| self.model.weigh(&self.comparer.comparisons, pattern));
        self.score_weighed(pattern, weight, a)
    }

    /// The weights of patterns.
    pub(crate) fn weigh_all(&self, patterns: &[u64]) -> Vec<Weight> {
        patterns.iter().map(|&pattern| self.model.weigh(&self.comparer.comparisons, pattern)).collect()
    }

    /// The score of a pair whose pattern and weight are known.
    pub(crate) fn score_weighed(&self, pattern: u64, weight: Weight, a: usize) -> f64 {
        let Comparer { comparisons, columns, .. } = &*self.comparer;
        let mut bits = weight.bits;
        let mut left = weight.adjustable;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let comparison = &comparisons[at];
            bits += comparison.frequencies.adjustment(columns[comparison.index][a]);
        }
        bits + self.for_namesakes(pattern, a)
    }
}

#[cfg(test)]
mod tests {
    use super::{bits_of, probability};

    #[test]
    fn bits_and_probabilities_are_one_scale() {
        for chance in [0.01, 0.5, 0.9, 0.999] {
            assert!((probability(bits_of(chance)) - chance).abs() < 1e-9);
        }
        assert!((bits_of(0.8) - 2.0).abs() < 1e-12);
        assert!(bits_of(1.0).is_finite() && probability(-1.0e6) >= 0.0);
    }
}
