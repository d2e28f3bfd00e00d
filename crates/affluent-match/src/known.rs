//! What is known before a run: pairs that people have decided on, what an earlier run learned and found.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::learned::Learned;
use crate::records::Records;

/// A pair that a person has decided on: it is never decided otherwise, and training learns from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// A record.
    pub left: String,
    /// Another.
    pub right: String,
    /// Whether both are one entity.
    pub same: bool,
}

/// What is known before a run; nothing unless said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Pairs decided by people. Those of records that are not there are of no account.
    pub decisions: &'a [Decision],
    /// What an earlier run learned; used in the place of training where it fits the comparisons.
    pub learned: Option<&'a Learned>,
    /// What an earlier run found, in the order the records were pushed: cluster and probability. `None` for a record that is new
    /// or changed, and for all of a cluster that lost a record or had one changed. Only pairs with one of those are compared.
    pub found: Option<&'a [Option<(u32, f64)>]>,
}

/// Decisions and duplicate-free sources, by records' places in id order.
#[derive(Debug, Default)]
pub(crate) struct Rulings {
    /// Pairs that are one entity, sorted.
    pub(crate) same: Vec<(u32, u32)>,
    /// The records of those pairs.
    decided_same: FxHashSet<u32>,
    /// The records that each record is not one entity with.
    different: FxHashMap<u32, Vec<u32>>,
    /// A bit for the duplicate-free source of each record; empty where none is declared.
    source: Vec<u64>,
    /// Decisions about records that are not there.
    pub(crate) unknown: usize,
}

impl Rulings {
    /// `order` gives the pushed place of each record in id order. Of two decisions about one pair the later stands.
    pub(crate) fn new(records: &Records, order: &[u32], decisions: &[Decision], duplicate_free: &[String]) -> Self {
        let mut place = vec![0; order.len()];
        order.iter().zip(0..).for_each(|(&pushed, at)| place[pushed as usize] = at);
        let place_of = |id: &str| records.place_of(id).map(|pushed| place[pushed as usize]);
        let mut rulings = Self::default();
        let mut decided: FxHashMap<(u32, u32), bool> = FxHashMap::default();
        for decision in decisions {
            match place_of(&decision.left).zip(place_of(&decision.right)) {
                Some((a, b)) if a != b => _ = decided.insert((a.min(b), a.max(b)), decision.same),
                Some(_) => {}
                None => rulings.unknown += 1,
            }
        }
        for (&(a, b), &same) in &decided {
            if same {
                rulings.same.push((a, b));
            } else {
                rulings.different.entry(a).or_default().push(b);
                rulings.different.entry(b).or_default().push(a);
            }
        }
        rulings.same.sort_unstable();
        rulings.decided_same = rulings.same.iter().flat_map(|&(a, b)| [a, b]).collect();
        if !duplicate_free.is_empty() {
            // More sources than bits share the last one's: two of their records are kept apart too seldom, never joined wrongly.
            let bit = |record: u32| {
                let source = records.source(record as usize);
                duplicate_free.iter().position(|name| name == source).filter(|&at| at < 64).map_or(0, |at| 1_u64 << at)
            };
            rulings.source = order.iter().map(|&record| bit(record)).collect();
        }
        rulings
    }

    /// Whether nothing was decided or declared that forbids a join.
    pub(crate) fn allow_all(&self) -> bool {
        self.different.is_empty() && self.source.is_empty()
    }

    /// Whether the records of two clusters may be one entity.
    pub(crate) fn allow(&self, left: &[u32], right: &[u32]) -> bool {
        if self.allow_all() {
            return true;
        }
        let sources = |cluster: &[u32]| cluster.iter().fold(0, |all, &r| all | self.source_of(r));
        if sources(left) & sources(right) != 0 {
            return false;
        }
        let (few, many) = if left.len() <= right.len() { (left, right) } else { (right, left) };
        !few.iter().filter_map(|record| self.different.get(record)).flatten().any(|other| many.contains(other))
    }

    /// Whether a person decided that the record is one with another.
    pub(crate) fn is_decided_same(&self, record: u32) -> bool {
        self.decided_same.contains(&record)
    }

    /// Whether a person decided that both are one, or that they are two.
    pub(crate) fn decided(&self, a: u32, b: u32) -> Option<bool> {
        if self.different.get(&a).is_some_and(|others| others.contains(&b)) {
            return Some(false);
        }
        self.same.binary_search(&(a.min(b), a.max(b))).is_ok().then_some(true)
    }

    /// All decided pairs, with what was decided, sorted.
    pub(crate) fn pairs(&self) -> Vec<(u32, u32, bool)> {
        let apart = self.different.iter().flat_map(|(&a, others)| others.iter().map(move |&b| (a, b, false)));
        let mut pairs: Vec<_> =
            self.same.iter().map(|&(a, b)| (a, b, true)).chain(apart.filter(|&(a, b, _)| a < b)).collect();
        pairs.sort_unstable();
        pairs
    }

    fn source_of(&self, record: u32) -> u64 {
        self.source.get(record as usize).copied().unwrap_or(0)
    }
}
