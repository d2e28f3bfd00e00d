//! What is learned from pairs that are no match: the chances of levels, and which comparisons agree together by themselves.

use rustc_hash::FxHashMap;

use crate::compare::levels::{EXACT, NEUTRAL};
use crate::compare::{Comparison, level_at};
use crate::field::Kind;
use crate::household::living_together;
use crate::score::{Model, probability};
use crate::train::{Counts, filled_mask, product, teaches, to_distribution};

/// Pairs the prior of `u` and of a group's joint chance count for.
const PRIOR_U: f64 = 50.0;
pub(crate) const PRIOR_JOINT: f64 = 5.0;
/// Chance that two people were born on one day if ages were spread over a century and a half: it is never less.
const ONE_DAY: f64 = 1.0 / 54_750.0;
/// Share of the random pairs that must be known for strangers to learn from them alone.
const ENOUGH: f64 = 0.02;

/// Whether some telling comparison outside of `mask` finds nothing in common and none agrees: such a pair is no match, whatever the
/// comparisons in `mask` say. Chances of levels among non-matches are counted on these pairs alone, so that true matches,
/// which agree on everything at once, do not pass for chance.
pub(crate) struct Strangers {
    /// Of each telling comparison: its worst level, its level of agreement where relatives do not have that in common, and
    /// all its bits.
    worst: Vec<(u64, u64, u64)>,
}

impl Strangers {
    pub(crate) fn new(comparisons: &[Comparison]) -> Self {
        let levels = |(at, comparison): (usize, &Comparison)| {
            let level = |number: u64| number << (4 * at);
            let agreeing = if comparison.field.kind.is_household() { u64::MAX } else { level(u64::from(EXACT)) };
            (level(comparison.levels.len() as u64), agreeing, level(15))
        };
        let telling = comparisons.iter().enumerate().filter(|(_, c)| c.field.kind.is_telling());
        Self { worst: telling.map(levels).collect() }
    }

    /// Whether the comparisons outside of `mask` tell enough of the random pairs apart to learn from those.
    pub(crate) fn can_tell(&self, mask: u64, random: &Counts) -> bool {
        let all: f64 = random.iter().map(|(_, share)| share).sum();
        let told: f64 = random.iter().filter(|&&(pattern, _)| self.are(pattern, mask)).map(|(_, share)| share).sum();
        told >= ENOUGH * all
    }

    pub(crate) fn are(&self, pattern: u64, mask: u64) -> bool {
        let telling = || self.worst.iter().filter(|(_, _, bits)| bits & mask == 0);
        telling().any(|&(worst, _, bits)| pattern & bits == worst)
            && !telling().any(|&(_, agreeing, bits)| pattern & bits == agreeing)
    }
}

/// One step for `u` and the joint chances of groups.
///
/// A level rare among random pairs is seen better among the blocked ones, which hold nearly all of its pairs: what they
/// show of it is a lower bound of its number among all pairs. This is how people who share an address are known to be
/// many, and agreement on it to say little.
pub(crate) fn learn_u(
    model: &mut Model,
    comparisons: &[Comparison],
    blocked: &Counts,
    random: &Counts,
    all_pairs: f64,
) {
    let apart = |counts: &Counts| -> Counts {
        let share = |pattern| 1.0 - probability(model.weigh(comparisons, pattern).bits);
        counts.iter().map(|&(pattern, times)| (pattern, times * share(pattern))).collect()
    };
    let (blocked, random) = (apart(blocked), apart(random));
    let sampled: f64 = random.iter().map(|(_, share)| share).sum();
    let scale = if sampled > 0.0 { all_pairs / sampled } else { 0.0 };
    let strangers = Strangers::new(comparisons);
    for (at, comparison) in comparisons.iter().enumerate() {
        let own = 15 << (4 * at);
        let can_tell = strangers.can_tell(own, &random);
        let count = |counts: &Counts, levels: &mut [f64]| {
            for &(pattern, share) in counts {
                let level = level_at(pattern, at);
                let counts = if can_tell { strangers.are(pattern, own) } else { teaches(comparisons, pattern) };
                if level != NEUTRAL && counts {
                    levels[usize::from(level) - 1] += share;
                }
            }
        };
        let mut drawn: Vec<f64> = comparison.levels.iter().map(|level| PRIOR_U * level.u).collect();
        let mut found = vec![0.0; drawn.len()];
        count(&random, &mut drawn);
        count(&blocked, &mut found);
        let everywhere = (drawn.iter().sum::<f64>() * scale).max(1.0);
        to_distribution(&mut drawn);
        for (level, found) in drawn.iter_mut().zip(found) {
            *level = level.max(found / everywhere);
        }
        if comparison.field.kind == Kind::Date {
            drawn[0] = drawn[0].max(ONE_DAY);
        }
        to_distribution(&mut drawn);
        model.u[at] = drawn;
    }
    for group in 0..model.groups.len() {
        model.groups[group].correction = corrections(model, group, &strangers, &blocked, &random, scale);
    }
    model.household.correction = living_together(&model.household, &strangers, &blocked, &random, scale);
}

/// Bits to take from each pattern of a group for its fields' agreeing together more often than each for itself.
fn corrections(
    model: &Model,
    group: usize,
    strangers: &Strangers,
    blocked: &Counts,
    random: &Counts,
    scale: f64,
) -> FxHashMap<u64, f64> {
    let mask = model.groups[group].mask;
    let can_tell = strangers.can_tell(mask, random);
    let joint = |counts: &Counts| {
        let mut joint: FxHashMap<u64, f64> = FxHashMap::default();
        for &(pattern, share) in counts.iter().filter(|&&(pattern, _)| !can_tell || strangers.are(pattern, mask)) {
            *joint.entry(pattern & mask).or_default() += share;
        }
        joint
    };
    let (drawn, found) = (joint(random), joint(blocked));
    let mut filled: FxHashMap<u64, f64> = FxHashMap::default();
    let mut in_order: Vec<_> = drawn.iter().collect();
    in_order.sort_unstable_by_key(|&(&pattern, _)| pattern);
    for (&pattern, &share) in in_order {
        *filled.entry(filled_mask(pattern)).or_default() += share;
    }
    let mut corrections = FxHashMap::default();
    for &pattern in drawn.keys().chain(found.keys()) {
        if filled_mask(pattern).count_ones() < 8 {
            continue;
        }
        let alone = product(&model.u, pattern);
        let total = filled.get(&filled_mask(pattern)).copied().unwrap_or(0.0);
        let drawn = drawn.get(&pattern).copied().unwrap_or(0.0);
        let together = (drawn + PRIOR_JOINT * alone) / (total + PRIOR_JOINT);
        let at_least = found.get(&pattern).copied().unwrap_or(0.0) / (total * scale).max(1.0);
        corrections.insert(pattern, (alone / together.max(at_least)).log2().min(0.0));
    }
    corrections
}

#[cfg(test)]
mod tests {
    use super::Strangers;
    use crate::compare::Comparer;
    use crate::{Field, Kind, Records};

    #[test]
    fn who_is_a_stranger() {
        let fields = [("given", Kind::GivenName), ("family", Kind::FamilyName), ("born", Kind::Date)];
        let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        for (id, values) in [
            ("0", ["anne", "durand", "1980-05-17"]),
            ("1", ["paul", "durand", "1952-11-03"]),
            ("2", ["paul", "petit", "1980-05-17"]),
            ("3", ["ane", "durand", ""]),
        ] {
            records.push(id, "a", &values.map(Some)).unwrap();
        }
        let (columns, _) = records.in_id_order();
        let mut comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let strangers = Strangers::new(&comparer.comparisons);
        assert!(strangers.are(comparer.compare(0, 1), 0), "relatives are two people");
        assert!(!strangers.are(comparer.compare(0, 2), 0), "a birth date in common may be more");
        assert!(strangers.are(comparer.compare(0, 2), 15 << 8), "but not when it is the date that is asked about");
        assert!(!strangers.are(comparer.compare(0, 3), 0));
    }
}
