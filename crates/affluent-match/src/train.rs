//! Learning the chances of every level without labels.
//!
//! `u` comes from random pairs, the matches among them weighed out; `m` and the prevalence from expectation
//! maximisation over the counts of patterns among the blocked pairs, with Dirichlet priors so that no level collapses.
//! What was blocked is part of all pairs, so the chances hold for any pair and the prevalence is that of all pairs.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::compare::levels::NEUTRAL;
use crate::compare::{Comparer, Comparison, level_at};
use crate::field::PLACE;
use crate::household::{Household, are_without_twins};
use crate::score::{Group, Model, probability};
use crate::strangers::learn_u;

/// Pairs in the random sample; all pairs where there are fewer.
const SAMPLE: u64 = 400_000;
/// Pairs the prior of `m` counts for, and its least share of the matches: the pairs that disagree most are the ones
/// blocking misses, so what it found must not persuade that they do not exist.
const PRIOR_M: f64 = 20.0;
const PRIOR_M_SHARE: f64 = 0.05;
/// Matches the independence of a group's fields counts for.
const PRIOR_MOVES: f64 = 20.0;
/// Matches per record assumed before any data is seen.
const MATCHES_PER_RECORD: f64 = 0.3;
/// Chance that agreement on an identifier alone is a match, before any data is seen.
const TRUST: f64 = 0.95;
/// Matches that a pair counts for which a person found to be one: people are asked about the doubtful few.
const LABEL: f64 = 3.0;
const ROUNDS: usize = 60;
const SETTLED: f64 = 1e-5;

/// Patterns and how often each occurs, sorted so that sums do not depend on any order.
pub(crate) type Counts = Vec<(u64, f64)>;

/// Patterns of random pairs, a function of the records and the seed alone.
pub(crate) fn sample(comparer: &Comparer<'_>, records: usize, seed: u64) -> Counts {
    let total = records as u64;
    if total * total.saturating_sub(1) / 2 <= SAMPLE {
        let every = (0..total).flat_map(|a| (a + 1..total).map(move |b| a << 32 | b));
        return comparer.patterns(&every.collect::<Vec<_>>()).counts();
    }
    let draw = |n: u64| xxh3_64_with_seed(&n.to_le_bytes(), seed) % total;
    let drawn = (0..SAMPLE).map(|n| (draw(2 * n), draw(2 * n + 1))).filter(|(a, b)| a != b);
    comparer.patterns(&drawn.map(|(a, b)| a << 32 | b).collect::<Vec<_>>()).counts()
}

/// Learns from the patterns of the blocked pairs and of random ones, and from those that people decided on; `all_pairs` is the
/// number of pairs of records.
pub(crate) fn train(
    comparisons: &[Comparison],
    blocked: &Counts,
    random: &Counts,
    labelled: &[(u64, bool)],
    all_pairs: f64,
    records: usize,
) -> Model {
    let prior = |of: fn(&crate::compare::levels::Level) -> f64| -> Vec<Vec<f64>> {
        comparisons.iter().map(|c| c.levels.iter().map(of).collect()).collect()
    };
    let mut model = Model {
        m: prior(|level| level.m),
        u: prior(|level| level.u),
        prevalence: (MATCHES_PER_RECORD * records as f64 / all_pairs.max(1.0)).clamp(1e-12, 0.2),
        groups: groups(comparisons),
        household: Household::new(comparisons),
        without_twins: false,
    };
    model.without_twins = are_without_twins(comparisons, &model.household, blocked, records);
    trust_identifiers(&mut model, comparisons);
    // Buyers known by an address alone join often and easily; how many of them there are must not make others likelier.
    let drawn: f64 = random.iter().map(|(_, times)| times).sum();
    let taught: f64 =
        random.iter().filter(|&&(pattern, _)| teaches(comparisons, pattern)).map(|(_, times)| times).sum();
    let teaching = (all_pairs * taught / f64::max(drawn, 1.0)).max(1.0);
    learn_u(&mut model, comparisons, blocked, random, all_pairs);
    for _ in 0..ROUNDS {
        let before = model.m.clone();
        let matches = learn_m(&mut model, comparisons, blocked, labelled);
        model.prevalence = ((matches + 0.5) / teaching).clamp(1e-12, 0.5);
        learn_u(&mut model, comparisons, blocked, random, all_pairs);
        let moved = model.m.iter().flatten().zip(before.iter().flatten()).map(|(a, b)| (a - b).abs());
        if moved.fold(0.0, f64::max) < SETTLED {
            break;
        }
    }
    model
}

/// Agreement on an identifier is taken for a match until names say otherwise: what share of all pairs agree on it depends
/// on how many records there are and how often people come back, so no fixed chance would do as a start.
fn trust_identifiers(model: &mut Model, comparisons: &[Comparison]) {
    for (at, comparison) in comparisons.iter().enumerate() {
        if comparison.field.kind.is_identifier() {
            let by_chance = model.prevalence * model.m[at][0] * (1.0 - TRUST) / TRUST;
            model.u[at][0] = model.u[at][0].min(by_chance);
        }
    }
}

/// Whether a pair can teach what a level is worth: it takes a second filled comparison to tell whether the first is right.
/// A record of nothing but an e-mail address (the buyer of an order) joins by it but says nothing about addresses.
pub(crate) fn teaches(comparisons: &[Comparison], pattern: u64) -> bool {
    let filled = (0..comparisons.len()).filter(|&at| level_at(pattern, at) != NEUTRAL).count();
    filled >= comparisons.len().min(2)
}

/// One step for `m`; returns the expected number of matches among the blocked pairs that teach.
fn learn_m(model: &mut Model, comparisons: &[Comparison], blocked: &Counts, labelled: &[(u64, bool)]) -> f64 {
    let mut seen: Vec<Vec<f64>> = comparisons.iter().map(|c| vec![0.0; c.levels.len()]).collect();
    let mut matches = 0.0;
    for &(pattern, times) in blocked {
        let share = times * probability(model.weigh(comparisons, pattern).bits);
        if teaches(comparisons, pattern) {
            matches += share;
            tally(&mut seen, pattern, share);
        }
    }
    for &(pattern, _) in labelled.iter().filter(|(_, same)| *same) {
        tally(&mut seen, pattern, LABEL);
    }
    let together: Vec<FxHashMap<u64, f64>> =
        model.groups.iter().map(|group| together_in_matches(model, comparisons, group, blocked)).collect();
    for (levels, comparison) in seen.iter_mut().zip(comparisons) {
        let prior = PRIOR_M.max(PRIOR_M_SHARE * levels.iter().sum::<f64>());
        levels.iter_mut().zip(comparison.levels).for_each(|(seen, level)| *seen += prior * level.m);
        to_distribution(levels);
    }
    model.m = seen;
    for (group, together) in model.groups.iter_mut().zip(together) {
        group.in_matches = together;
    }
    matches
}

/// Bits to add to each pattern of places for their changing together: who moves has another street, postcode and town, and
/// that is one disagreement, not three.
fn together_in_matches(
    model: &Model,
    comparisons: &[Comparison],
    group: &Group,
    blocked: &Counts,
) -> FxHashMap<u64, f64> {
    let mut joint: FxHashMap<u64, f64> = FxHashMap::default();
    if !group.moves {
        return joint;
    }
    for &(pattern, times) in blocked.iter().filter(|&&(pattern, _)| pattern & group.mask != 0) {
        *joint.entry(pattern & group.mask).or_default() += times * probability(model.weigh(comparisons, pattern).bits);
    }
    let mut filled: FxHashMap<u64, f64> = FxHashMap::default();
    let mut in_order: Vec<_> = joint.iter().map(|(&pattern, &share)| (pattern, share)).collect();
    in_order.sort_unstable_by_key(|&(pattern, _)| pattern);
    for &(pattern, share) in &in_order {
        *filled.entry(filled_mask(pattern)).or_default() += share;
    }
    let bits = |(pattern, share): (u64, f64)| {
        let alone = product(&model.m, pattern);
        let total = filled[&filled_mask(pattern)];
        (pattern, ((share + PRIOR_MOVES * alone) / (total + PRIOR_MOVES) / alone).log2().max(0.0))
    };
    in_order.into_iter().map(bits).collect()
}

/// Chance of a pattern's levels were they independent.
pub(crate) fn product(chances: &[Vec<f64>], pattern: u64) -> f64 {
    let of = |(at, levels): (usize, &Vec<f64>)| match level_at(pattern, at) {
        NEUTRAL => 1.0,
        level => levels[usize::from(level) - 1],
    };
    chances.iter().enumerate().map(of).product()
}

/// All bits of every comparison that is not neutral.
pub(crate) fn filled_mask(pattern: u64) -> u64 {
    (0..crate::compare::LIMIT).filter(|&at| level_at(pattern, at) != NEUTRAL).map(|at| 15 << (4 * at)).sum()
}

fn groups(comparisons: &[Comparison]) -> Vec<Group> {
    let mut masks: Vec<(u8, u64)> = Vec::new();
    for (at, comparison) in comparisons.iter().enumerate() {
        let Some(id) = comparison.field.kind.group() else { continue };
        match masks.iter_mut().find(|(known, _)| *known == id) {
            Some((_, mask)) => *mask |= 15 << (4 * at),
            None => masks.push((id, 15 << (4 * at))),
        }
    }
    let group = |(id, mask)| Group { mask, moves: id == PLACE, ..Group::default() };
    masks.into_iter().map(group).collect()
}

fn tally(seen: &mut [Vec<f64>], pattern: u64, share: f64) {
    for (at, levels) in seen.iter_mut().enumerate() {
        let level = level_at(pattern, at);
        if level != NEUTRAL {
            levels[usize::from(level) - 1] += share;
        }
    }
}

pub(crate) fn to_distribution(levels: &mut [f64]) {
    let total: f64 = levels.iter().sum();
    for level in levels {
        *level = (*level / total).max(1e-12);
    }
}

#[cfg(test)]
mod tests {
    use super::{sample, train};
    use crate::compare::Comparer;
    use crate::{Field, Kind, Records};

    /// Every second record is a copy of the one before but for its city.
    fn twice_each(entities: usize) -> Records {
        let fields = [("last", Kind::FamilyName), ("born", Kind::Date), ("city", Kind::City), ("flag", Kind::Exact)];
        let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let syllables = ["kel", "mor", "zan", "tri", "boul", "fex", "gan", "hov"];
        for n in 0..entities {
            let code = (n * 7_919 + 13) % 512;
            let name: String = [code % 8, code / 8 % 8, code / 64].map(|at| syllables[at]).concat();
            let day = n * 104_729 % 20_000;
            let born = format!("{}-{:02}-{:02}", 1940 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
            for (copy, city) in ["lyon", "metz"].into_iter().enumerate() {
                records
                    .push(&format!("{n:04}{copy}"), "a", &[Some(&name), Some(&born), Some(city), Some("x")])
                    .unwrap();
            }
        }
        records
    }

    #[test]
    fn finds_the_prevalence_and_what_tells() {
        let records = twice_each(150);
        let (columns, _) = records.in_id_order();
        let comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let random = sample(&comparer, records.len(), 1);
        let all: f64 = random.iter().map(|(_, times)| times).sum();
        let model = train(&comparer.comparisons, &random, &random, &[], all, records.len());
        assert!((model.prevalence * all - 150.0).abs() < 30.0, "{}", model.prevalence * all);
        let evidence = |at: usize, level: u8| model.evidence(&comparer.comparisons[at], at, level);
        assert!(evidence(0, 1) > 3.0 && evidence(1, 1) > 3.0);
        assert!(evidence(2, 1).abs() < 0.5, "a city that always changes is no evidence against");
        assert!(evidence(3, 1) < 0.1, "what all share tells nothing");
        assert!(model.m.iter().chain(&model.u).all(|levels| (levels.iter().sum::<f64>() - 1.0).abs() < 1e-6));
    }

    #[test]
    fn the_sample_is_a_function_of_the_seed() {
        let records = twice_each(500);
        let (columns, _) = records.in_id_order();
        let comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let first = sample(&comparer, records.len(), 7);
        assert_eq!(first, sample(&comparer, records.len(), 7));
        assert_ne!(first, sample(&comparer, records.len(), 8));
    }
}
