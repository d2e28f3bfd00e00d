//! The whole line of matching: block, compare, train, score, cluster.

use rustc_hash::FxHashMap;

use crate::attach::attach;
use crate::block::{self, Blocked, unpack};
use crate::cluster::{Edge, by_first_member, cluster, strongest_first};
use crate::compare::{Comparer, Comparison, Patterns};
use crate::error::MatchError;
use crate::known::{Known, Rulings};
use crate::learned::Learned;
use crate::records::Records;
use crate::report::{ComparisonReport, LevelReport, Report};
use crate::review::{Doubt, doubts};
use crate::score::{Model, Scorer, bits_of, probability};
use crate::settings::{Block, Settings, Threshold};
use crate::train;

/// What [`link`] found; vectors in the order the records were pushed.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    /// Number of each record's cluster, from 0; numbered by the smallest record id in it.
    pub cluster_of: Vec<u32>,
    /// Probability that the record belongs with the rest of its cluster, 0 to 1; 1 for a record by itself.
    pub probability: Vec<f64>,
    /// The pairs most in doubt, which a person should decide on.
    pub doubts: Vec<Doubt>,
    /// What was learned, for the next run; none where nothing could be compared.
    pub learned: Option<Learned>,
    /// What the run did.
    pub report: Report,
}

/// Finds the records that are one entity.
///
/// The result is a function of the records (whatever their order) and the settings. Time grows with the pairs blocked;
/// skewed blocks are capped and reported.
pub fn link(records: &Records, settings: &Settings) -> Result<Matched, MatchError> {
    link_knowing(records, settings, &Known::default())
}

/// The same with what is known beforehand: pairs people decided on are followed; what was learned is not learned again; of
/// what was found, the clusters of records without news stay together and only the others are compared.
pub fn link_knowing(records: &Records, settings: &Settings, known: &Known<'_>) -> Result<Matched, MatchError> {
    settings.check()?;
    let total = records.len();
    let (columns, order) = records.in_id_order();
    let rulings = Rulings::new(records, &order, known.decisions, &settings.duplicate_free);
    let mut comparer = Comparer::new(records, &columns, &settings.compare)?;
    if comparer.comparisons.is_empty() {
        return Ok(all_apart(total, &order));
    }
    let Trained { model, learned, blocked } = learn(&mut comparer, settings, known, &rulings)?;
    let is_learned_before = blocked.is_none();
    // What was found by other chances is not gone on with.
    let found = known.found.filter(|_| is_learned_before).map(|found| Found::new(found, &order, &rulings));
    let fresh = found.as_ref().map(|found| found.fresh.as_slice());
    let (pairs, patterns) = match blocked {
        Some(blocked) => blocked,
        None => compared(&comparer, settings, &block_by(&learned), fresh)?,
    };

    let threshold = match settings.threshold {
        Threshold::Probability(given) => given,
        Threshold::Auto => EVEN,
    };
    let least = bits_of(threshold);
    let mut scorer = Scorer::new(&mut comparer, &model);
    let mut edges = Vec::new();
    let mut matching_pairs = 0;
    let mut histogram = [0; 10];
    let weights = scorer.weigh_all(&patterns.different);
    for (&pair, &number) in pairs.pairs.iter().zip(&patterns.of_pair) {
        let (a, b) = unpack(pair);
        let bits = scorer.score_weighed(patterns.different[number as usize], weights[number as usize], a);
        matching_pairs += u64::from(bits > least);
        histogram[((probability(bits) * 10.0) as usize).min(9)] += 1;
        if bits >= least - GREY {
            edges.push(Edge { bits, a: a as u32, b: b as u32 });
        }
    }
    drop(patterns);
    strongest_first(&mut edges);
    let start = found.as_ref().map_or_else(|| (0..total as u32).collect(), |found| found.start.clone());
    let between = |left: &[u32], right: &[u32]| scorer.between(left, right);
    let (mut clusters, contradictions) = cluster(start, &edges, least, &rulings, between);
    attach(records.fields(), &columns, &mut clusters, &rulings);
    let clusters = by_first_member(&clusters);
    let probability = belonging(&clusters, found.as_ref(), &scorer);
    let place = |doubt: Doubt| {
        let (left, right) = (order[doubt.left] as usize, order[doubt.right] as usize);
        Doubt { left, right, ..doubt }
    };
    let doubts = doubts(&edges, &clusters, least, &rulings, &mut scorer).into_iter().map(place).collect();

    let all_pairs = pairs_of(total);
    let mut report = Report {
        records: total,
        pairs: pairs.pairs.len() as u64,
        rules: pairs.rules,
        expected_matches: model.prevalence * all_pairs,
        comparisons: comparisons_of(&comparer.comparisons, &model),
        threshold,
        matching_pairs,
        histogram,
        fresh: fresh.map_or(total, |fresh| fresh.iter().filter(|&&fresh| fresh).count()),
        is_learned_before,
        decisions_unused: rulings.unknown + contradictions,
        ..Report::default()
    };
    count_sizes(&clusters, &mut report);
    Ok(Matched {
        cluster_of: in_order(&clusters, &order),
        probability: in_order(&probability, &order),
        doubts,
        learned: Some(learned),
        report,
    })
}

/// The chances of every level; and, where they were learned just now, the pairs they were learned from.
pub(crate) struct Trained {
    pub(crate) model: Model,
    learned: Learned,
    blocked: Option<(Blocked, Patterns)>,
}

/// Takes what was learned before where it fits, else blocks, compares and trains.
pub(crate) fn learn(
    comparer: &mut Comparer<'_>,
    settings: &Settings,
    known: &Known<'_>,
    rulings: &Rulings,
) -> Result<Trained, MatchError> {
    let total = comparer.records();
    let fits = |learned: &&Learned| !learned.rules.is_empty() || pairs_of(total) <= EVERY_PAIR_STILL;
    if let Some(learned) = known.learned.filter(fits)
        && let Some(model) = learned.model(&comparer.comparisons)
    {
        return Ok(Trained { model, learned: learned.clone(), blocked: None });
    }
    let random = train::sample(comparer, total, settings.seed);
    let (pairs, patterns) = compared(comparer, settings, &settings.block, None)?;
    let counts = patterns.counts();
    let labelled: Vec<(u64, bool)> =
        rulings.pairs().iter().map(|&(a, b, same)| (comparer.compare(a as usize, b as usize), same)).collect();
    let model = train::train(&comparer.comparisons, &counts, &random, &labelled, pairs_of(total), total);
    let learned = Learned::new(&comparer.comparisons, &model, pairs.used.clone());
    Ok(Trained { model, learned, blocked: Some((pairs, patterns)) })
}

/// The pairs of these rules and the pattern of each.
fn compared(
    comparer: &Comparer<'_>,
    settings: &Settings,
    block: &Block,
    fresh: Option<&[bool]>,
) -> Result<(Blocked, Patterns), MatchError> {
    let pairs = block::pairs(comparer.held(), comparer.columns, &settings.compare, block, fresh)?;
    let patterns = comparer.patterns(&pairs.pairs);
    Ok((pairs, patterns))
}

fn block_by(learned: &Learned) -> Block {
    if learned.rules.is_empty() { Block::Every } else { Block::Rules(learned.rules.clone()) }
}

fn pairs_of(records: usize) -> f64 {
    records as f64 * (records as f64 - 1.0) / 2.0
}

/// What an earlier run found, in id order.
struct Found {
    /// The cluster to begin with, by the place of its first record.
    start: Vec<u32>,
    /// Whether a record is to be compared.
    fresh: Vec<bool>,
    probability: Vec<f64>,
    /// Records of each cluster, by the place of its first.
    sizes: Vec<u32>,
}

impl Found {
    fn new(found: &[Option<(u32, f64)>], order: &[u32], rulings: &Rulings) -> Self {
        let before: Vec<Option<(u32, f64)>> =
            order.iter().map(|&pushed| found.get(pushed as usize).copied().flatten()).collect();
        let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (cluster, record) in
            before.iter().zip(0..).filter_map(|(before, record)| Some((before.as_ref()?.0, record)))
        {
            members.entry(cluster).or_default().push(record);
        }
        let mut start: Vec<u32> = (0..order.len() as u32).collect();
        let mut fresh: Vec<bool> = before.iter().map(Option::is_none).collect();
        for members in members.values() {
            // A decision made since takes the cluster apart.
            let holds = rulings.allow_all()
                || members.iter().enumerate().all(|(at, &record)| rulings.allow(&[record], &members[..at]));
            for &record in members {
                if holds {
                    start[record as usize] = members[0];
                } else {
                    fresh[record as usize] = true;
                }
            }
        }
        let probability = before.iter().map(|before| before.map_or(1.0, |(_, probability)| probability)).collect();
        let mut sizes = vec![0; order.len()];
        for &first in &start {
            sizes[first as usize] += 1;
        }
        Self { start, fresh, probability, sizes }
    }

    /// Whether a cluster is one of those found, whole and without a fresh record.
    fn has(&self, cluster: &[u32]) -> bool {
        let first = self.start[cluster[0] as usize];
        let are_old = cluster.iter().all(|&at| !self.fresh[at as usize] && self.start[at as usize] == first);
        are_old && cluster.len() == self.sizes[first as usize] as usize
    }
}

/// The pairs that [`link`] would compare: the places of two records each, smaller first, sorted. For measuring blocking.
pub fn candidates(records: &Records, settings: &Settings) -> Result<Vec<(u32, u32)>, MatchError> {
    settings.check()?;
    let (columns, order) = records.in_id_order();
    let blocked = block::pairs(records, &columns, &settings.compare, &settings.block, None)?;
    let place = |pair: u64| {
        let (a, b) = unpack(pair);
        (order[a].min(order[b]), order[a].max(order[b]))
    };
    let mut found: Vec<_> = blocked.pairs.iter().map(|&pair| place(pair)).collect();
    found.sort_unstable();
    Ok(found)
}

/// The pairs that are compared, each with its probability before clusters are looked at: places as pushed, smaller first, in no
/// order of meaning. For measuring.
pub fn scored(records: &Records, settings: &Settings, known: &Known<'_>) -> Result<Vec<(u32, u32, f64)>, MatchError> {
    settings.check()?;
    let (columns, order) = records.in_id_order();
    let rulings = Rulings::new(records, &order, known.decisions, &settings.duplicate_free);
    let mut comparer = Comparer::new(records, &columns, &settings.compare)?;
    if comparer.comparisons.is_empty() {
        return Ok(Vec::new());
    }
    let Trained { model, learned, blocked } = learn(&mut comparer, settings, known, &rulings)?;
    let (pairs, patterns) = match blocked {
        Some(blocked) => blocked,
        None => compared(&comparer, settings, &block_by(&learned), None)?,
    };
    let scorer = Scorer::new(&mut comparer, &model);
    let weights = scorer.weigh_all(&patterns.different);
    let score = |(&pair, &number): (&u64, &u32)| {
        let (a, b) = unpack(pair);
        let bits = scorer.score_weighed(patterns.different[number as usize], weights[number as usize], a);
        (order[a].min(order[b]), order[a].max(order[b]), probability(bits))
    };
    Ok(pairs.pairs.iter().zip(&patterns.of_pair).map(score).collect())
}

/// Bits below the threshold within which a pair is looked at again when its records have company.
const GREY: f64 = 15.0;

/// Where an automatic threshold lies. The probabilities are calibrated on all pairs, and the expected pairwise F1 is
/// highest at half its own value (Lipton, Elkan and Narayanaswamy 2014), that is at one half or below; joining clusters
/// multiplies mistakes, so no pair less likely than not is joined.
const EVEN: f64 = 0.5;

/// Records of a cluster looked at for the probability of each other.
const WITNESSES: usize = 64;

/// All pairs up to which a run that compared every pair may be gone on with.
const EVERY_PAIR_STILL: f64 = 4.0e6;

/// Probability of each record from the log-odds between it and the rest of its cluster; as it was where that is as it was.
fn belonging(clusters: &[u32], found: Option<&Found>, scorer: &Scorer<'_, '_>) -> Vec<f64> {
    let mut members: Vec<Vec<u32>> = Vec::new();
    for (record, &cluster) in clusters.iter().enumerate() {
        if members.len() <= cluster as usize {
            members.push(Vec::new());
        }
        members[cluster as usize].push(record as u32);
    }
    let mut belonging = vec![1.0; clusters.len()];
    members.retain(|cluster| cluster.len() > 1);
    if let Some(found) = found {
        members.retain(|cluster| {
            let is_old = found.has(cluster);
            if is_old {
                for &record in cluster {
                    belonging[record as usize] = found.probability[record as usize];
                }
            }
            !is_old
        });
    }
    // Clusters have nothing to do with each other: any thread may take any.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(members.len() / FEW_CLUSTERS + 1);
    let portion = members.len().div_ceil(threads).max(1);
    let mut told: Vec<Vec<(u32, f64)>> = vec![Vec::new(); threads];
    std::thread::scope(|scope| {
        for (portion, told) in members.chunks(portion).zip(&mut told) {
            scope.spawn(move || {
                let mut comparer = scorer.comparer.fork();
                let mut scorer = Scorer::new(&mut comparer, scorer.model);
                *told = portion.iter().flat_map(|cluster| belonging_of(cluster, &mut scorer)).collect();
            });
        }
    });
    told.into_iter().flatten().for_each(|(record, chance)| belonging[record as usize] = chance);
    belonging
}

/// Clusters that are not worth another thread.
const FEW_CLUSTERS: usize = 1_000;

fn belonging_of(cluster: &[u32], scorer: &mut Scorer<'_, '_>) -> Vec<(u32, f64)> {
    if let &[a, b] = cluster {
        let chance = probability(scorer.between(&[a], &[b]));
        return vec![(a, chance), (b, chance)];
    }
    let step = cluster.len().div_ceil(WITNESSES);
    let of = |&record: &u32| {
        let others: Vec<u32> = cluster.iter().copied().step_by(step).filter(|&other| other != record).collect();
        (record, probability(scorer.between(&[record], &others)))
    };
    cluster.iter().map(of).collect()
}

fn all_apart(total: usize, order: &[u32]) -> Matched {
    let apart: Vec<u32> = (0..total as u32).collect();
    let mut report = Report { records: total, threshold: 1.0, ..Report::default() };
    count_sizes(&apart, &mut report);
    Matched {
        cluster_of: in_order(&apart, order),
        probability: vec![1.0; total],
        doubts: Vec::new(),
        learned: None,
        report,
    }
}

fn in_order<T: Copy + Default>(sorted: &[T], order: &[u32]) -> Vec<T> {
    let mut back = vec![T::default(); sorted.len()];
    sorted.iter().zip(order).for_each(|(&value, &place)| back[place as usize] = value);
    back
}

fn count_sizes(clusters: &[u32], report: &mut Report) {
    let mut size: FxHashMap<u32, usize> = FxHashMap::default();
    for &cluster in clusters {
        *size.entry(cluster).or_default() += 1;
    }
    let mut of_size: FxHashMap<usize, usize> = FxHashMap::default();
    for &size in size.values() {
        *of_size.entry(size).or_default() += 1;
    }
    report.cluster_sizes = of_size.into_iter().collect();
    report.cluster_sizes.sort_unstable();
    report.largest_cluster = report.cluster_sizes.last().map_or(0, |&(size, _)| size);
}

fn comparisons_of(comparisons: &[Comparison], model: &Model) -> Vec<ComparisonReport> {
    let levels = |at: usize, comparison: &Comparison| {
        let level = |(n, level): (usize, &crate::compare::levels::Level)| LevelReport {
            level: level.name,
            m: model.m[at][n],
            u: model.u[at][n],
            weight: model.evidence(comparison, at, n as u8 + 1),
        };
        comparison.levels.iter().enumerate().map(level).collect()
    };
    let report =
        |(at, c): (usize, &Comparison)| ComparisonReport { field: c.field.name.clone(), levels: levels(at, c) };
    comparisons.iter().enumerate().map(report).collect()
}
