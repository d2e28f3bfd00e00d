//! Pairs that a person should look at: those whose odds are nearest to even.

use rustc_hash::FxHashMap;

use crate::cluster::Edge;
use crate::known::Rulings;
use crate::score::{Scorer, probability};

/// Bits from the threshold within which a pair is in doubt: from .06 to .94 around even odds.
const DOUBTFUL: f64 = 4.0;
/// Pairs a person is asked about at most, those most in doubt.
const QUEUE: usize = 1_000;
/// Pairs looked at for that; reached only where doubt is everywhere.
const LOOKED_AT: usize = 20_000;

/// A pair in doubt.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    /// Place of a record, as pushed.
    pub left: usize,
    /// Place of another.
    pub right: usize,
    /// Probability that they are one entity, everything taken together that is known of the entities they are in.
    pub probability: f64,
    /// Whether they are one as it stands.
    pub joined: bool,
}

/// The pairs most in doubt, one for each two clusters, and within a cluster one; places in id order. `clusters` by place.
pub(crate) fn doubts(
    edges: &[Edge],
    clusters: &[u32],
    least: f64,
    rulings: &Rulings,
    scorer: &mut Scorer<'_, '_>,
) -> Vec<Doubt> {
    let mut nearest: FxHashMap<(u32, u32), Edge> = FxHashMap::default();
    let away = |edge: &Edge| ((edge.bits - least).abs(), edge.a, edge.b);
    for edge in edges.iter().filter(|edge| (edge.bits - least).abs() <= DOUBTFUL) {
        if rulings.decided(edge.a, edge.b).is_some() {
            continue;
        }
        let (a, b) = (clusters[edge.a as usize], clusters[edge.b as usize]);
        let known = nearest.entry((a.min(b), a.max(b))).or_insert(*edge);
        if away(edge) < away(known) {
            *known = *edge;
        }
    }
    let mut asked: Vec<Edge> = nearest.into_values().collect();
    asked.sort_unstable_by(|x, y| away(x).partial_cmp(&away(y)).unwrap_or(std::cmp::Ordering::Equal));
    asked.truncate(LOOKED_AT);
    let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for edge in &asked {
        for record in [edge.a, edge.b] {
            members.entry(clusters[record as usize]).or_default();
        }
    }
    for (record, cluster) in clusters.iter().enumerate() {
        if let Some(members) = members.get_mut(cluster) {
            members.push(record as u32);
        }
    }
    let mut doubts: Vec<(f64, Doubt)> = Vec::new();
    for edge in asked {
        let (left, right) = (clusters[edge.a as usize], clusters[edge.b as usize]);
        let joined = left == right;
        let bits = if joined {
            let others: Vec<u32> = members[&left].iter().copied().filter(|&other| other != edge.b).collect();
            scorer.between(&[edge.b], &others)
        } else {
            scorer.between(&members[&left], &members[&right])
        };
        let distance = (bits - least).abs();
        if distance <= DOUBTFUL {
            let doubt = Doubt { left: edge.a as usize, right: edge.b as usize, probability: probability(bits), joined };
            doubts.push((distance, doubt));
        }
    }
    doubts.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then((x.1.left, x.1.right).cmp(&(y.1.left, y.1.right))));
    doubts.truncate(QUEUE);
    doubts.into_iter().map(|(_, doubt)| doubt).collect()
}
