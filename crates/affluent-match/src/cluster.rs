//! From scored pairs to clusters that hold together.
//!
//! Connected components over-merge: one mistaken pair joins two people, and enough of them everybody. Here the strongest
//! pairs come first and two clusters join only where all that is known of both speaks for it, so a bridge of one pair does
//! not hold. A pair too weak by itself gets a second chance once its records have company: what one record lacks another of
//! its cluster may have.

use rustc_hash::FxHashSet;

use crate::known::Rulings;

/// How often the pairs below the threshold are gone through.
const ROUNDS: usize = 3;

/// A pair of records (places) and its log-odds in bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    pub(crate) bits: f64,
    pub(crate) a: u32,
    pub(crate) b: u32,
}

struct Clusters<'a> {
    rulings: &'a Rulings,
    cluster_of: Vec<u32>,
    members: Vec<Vec<u32>>,
    /// Clusters (as they were, by size) found not to belong together.
    apart: FxHashSet<(u32, u32, u32)>,
}

/// Sorts pairs: the strongest first.
pub(crate) fn strongest_first(edges: &mut [Edge]) {
    edges.sort_unstable_by(|x, y| y.bits.total_cmp(&x.bits).then((x.a, x.b).cmp(&(y.a, y.b))));
}

/// Clusters of records: the number of each record's cluster, numbered by first member; and the decisions that could not be
/// followed, since they contradict others.
///
/// `start` is the cluster each record is in beforehand, by its first member's place. `edges` are pairs worth a look, the
/// strongest first; `between` gives the log-odds in bits that the records of two clusters are one entity.
pub(crate) fn cluster(
    start: Vec<u32>,
    edges: &[Edge],
    threshold: f64,
    rulings: &Rulings,
    mut between: impl FnMut(&[u32], &[u32]) -> f64,
) -> (Vec<u32>, usize) {
    let weak = edges.partition_point(|edge| edge.bits > threshold);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); start.len()];
    start.iter().zip(0..).for_each(|(&cluster, record)| members[cluster as usize].push(record));
    let mut clusters = Clusters { rulings, cluster_of: start, members, apart: FxHashSet::default() };
    let contradictions = rulings.same.iter().filter(|&&(a, b)| !clusters.join_decided(a, b)).count();
    for edge in &edges[..weak] {
        clusters.join(*edge, threshold, &mut between);
    }
    for _ in 0..ROUNDS {
        let joined = edges.iter().filter(|edge| clusters.join(**edge, threshold, &mut between)).count();
        if joined == 0 {
            break;
        }
    }
    (by_first_member(&clusters.cluster_of), contradictions)
}

impl Clusters<'_> {
    /// Joins two records that were decided to be one; false where another decision forbids it.
    fn join_decided(&mut self, a: u32, b: u32) -> bool {
        let (left, right) = (self.cluster_of[a as usize], self.cluster_of[b as usize]);
        if left == right {
            return true;
        }
        if !self.rulings.allow(&self.members[left as usize], &self.members[right as usize]) {
            return false;
        }
        self.merge(left, right);
        true
    }

    /// Joins the clusters of a pair where they belong together.
    fn join(&mut self, edge: Edge, threshold: f64, between: &mut impl FnMut(&[u32], &[u32]) -> f64) -> bool {
        let (left, right) = (self.cluster_of[edge.a as usize], self.cluster_of[edge.b as usize]);
        if left == right {
            return false;
        }
        let size = |cluster: u32| self.members[cluster as usize].len();
        let both = size(left) + size(right);
        if both == 2 && edge.bits <= threshold {
            return false;
        }
        let (keep, give) = self.by_size(left, right);
        let asked = (keep.min(give), keep.max(give), both as u32);
        if self.apart.contains(&asked) {
            return false;
        }
        let (many, few) = (&self.members[keep as usize], &self.members[give as usize]);
        if !self.rulings.allow(many, few) {
            self.apart.insert(asked);
            return false;
        }
        let bits = if both == 2 { edge.bits } else { between(many, few) };
        // Even odds are no evidence: two records of which nothing is known must stay two.
        if bits <= threshold {
            self.apart.insert(asked);
            return false;
        }
        self.merge(keep, give);
        true
    }

    /// The larger of two clusters first.
    fn by_size(&self, left: u32, right: u32) -> (u32, u32) {
        let size = |cluster: u32| self.members[cluster as usize].len();
        if size(left) >= size(right) { (left, right) } else { (right, left) }
    }

    fn merge(&mut self, left: u32, right: u32) {
        let (keep, give) = self.by_size(left, right);
        let moved = std::mem::take(&mut self.members[give as usize]);
        for &record in &moved {
            self.cluster_of[record as usize] = keep;
        }
        self.members[keep as usize].extend(moved);
    }
}

/// Numbers clusters in the order of their first members.
pub(crate) fn by_first_member(cluster_of: &[u32]) -> Vec<u32> {
    let mut number = vec![u32::MAX; cluster_of.len()];
    let mut next = 0;
    let renumber = |&cluster: &u32| {
        let known = &mut number[cluster as usize];
        if *known == u32::MAX {
            *known = next;
            next += 1;
        }
        *known
    };
    cluster_of.iter().map(renumber).collect()
}

#[cfg(test)]
mod tests {
    use super::Edge;
    use crate::known::Rulings;

    fn edges(pairs: &[(u32, u32, f64)]) -> Vec<Edge> {
        pairs.iter().map(|&(a, b, bits)| Edge { bits, a, b }).collect()
    }

    fn cluster(records: u32, mut edges: Vec<Edge>, between: impl Fn(&[u32], &[u32]) -> f64) -> Vec<u32> {
        super::strongest_first(&mut edges);
        super::cluster((0..records).collect(), &edges, 0.0, &Rulings::default(), between).0
    }

    /// The mean over the pairs across, those not named being worth `otherwise`.
    fn mean_of(pairs: &[(u32, u32, f64)], otherwise: f64) -> impl Fn(&[u32], &[u32]) -> f64 {
        move |left, right| {
            let of = |a: u32, b: u32| {
                let known = pairs.iter().find(|&&(x, y, _)| (x, y) == (a.min(b), a.max(b)));
                known.map_or(otherwise, |&(_, _, bits)| bits)
            };
            let all = left.iter().flat_map(|&a| right.iter().map(move |&b| of(a, b)));
            all.sum::<f64>() / (left.len() * right.len()) as f64
        }
    }

    #[test]
    fn a_weak_bridge_breaks() {
        let pairs = [(0, 1, 10.0), (0, 2, 10.0), (1, 2, 10.0), (3, 4, 10.0), (2, 3, 4.0)];
        assert_eq!(cluster(5, edges(&pairs), mean_of(&pairs, -6.0)), [0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_chain_of_strong_pairs_holds() {
        let pairs = [(0, 1, 11.0), (1, 2, 11.0)];
        assert_eq!(cluster(3, edges(&pairs), mean_of(&pairs, -2.0)), [0, 0, 0]);
    }

    #[test]
    fn a_conflict_is_never_averaged_away() {
        let pairs = [(0, 1, 30.0), (1, 2, 30.0)];
        assert_eq!(cluster(3, edges(&pairs), mean_of(&pairs, -1.0e6)), [0, 0, 1]);
    }

    #[test]
    fn a_weak_pair_joins_where_its_company_speaks_for_it() {
        let pairs = [(0, 1, 10.0), (1, 2, -2.0)];
        assert_eq!(cluster(3, edges(&pairs), mean_of(&pairs, 3.0)), [0, 0, 0]);
        assert_eq!(cluster(3, edges(&pairs[1..]), mean_of(&pairs, 3.0)), [0, 1, 2]);
    }

    #[test]
    fn no_edge_no_cluster() {
        assert_eq!(cluster(3, Vec::new(), |_, _| 0.0), [0, 1, 2]);
    }
}
