//! Ids that stay: an entity keeps its id from run to run, and what changed is told as events.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;

use xxhash_rust::xxh3::xxh3_128;

/// What happened to an entity or a record between two runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityEvent {
    /// A new entity, none of whose records was known.
    Created {
        /// Its id.
        entity_id: String,
    },
    /// An entity has gone up in another: its id now stands for that one.
    Merged {
        /// The id that is no longer given.
        from: String,
        /// The entity that has most of its records.
        into: String,
    },
    /// A part of an entity became an entity of its own.
    Split {
        /// The entity that stays.
        from: String,
        /// The new one.
        into: String,
    },
    /// A record went from one living entity to another.
    Moved {
        /// The record.
        record_id: String,
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
}

/// Gives every cluster its entity id.
///
/// * `records`: record ids, in any order; `cluster_of`: the cluster of each.
/// * `previous`: the entity of each record at the last run; records no longer there are of no account.
/// * `retired`: ids that were given before and stand for another entity now; none is given again.
/// * `prefix`: what new ids begin with, a letter by entity (`p` for persons).
///
/// A cluster keeps the id most of its records had; where two clusters claim one id, the one with more of its records has
/// it, at a tie the one with the smallest record id. A new id is the prefix and a stable hash of the smallest record id,
/// so runs repeat exactly. Returns the id of each record, in the order given, and the events, sorted.
pub fn settle_ids<S: AsRef<str>, H: BuildHasher, R: BuildHasher>(
    records: &[S],
    cluster_of: &[u32],
    previous: &HashMap<String, String, H>,
    retired: &HashSet<String, R>,
    prefix: &str,
) -> (Vec<String>, Vec<IdentityEvent>) {
    let mut members: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (record, &cluster) in records.iter().zip(cluster_of) {
        members.entry(cluster).or_default().push(record.as_ref());
    }
    for members in members.values_mut() {
        members.sort_unstable();
    }

    let mut claims: Vec<(usize, &str, &str, u32)> = Vec::new();
    for (&cluster, members) in &members {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for &record in members {
            if let Some(entity) = previous.get(record) {
                *votes.entry(entity.as_str()).or_default() += 1;
            }
        }
        claims.extend(votes.into_iter().map(|(entity, count)| (count, members[0], entity, cluster)));
    }
    claims.sort_unstable_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut id_of: BTreeMap<u32, String> = BTreeMap::new();
    let mut holder: BTreeMap<&str, u32> = BTreeMap::new();
    for &(_, _, entity, cluster) in &claims {
        if !holder.contains_key(entity) && !id_of.contains_key(&cluster) {
            holder.insert(entity, cluster);
            id_of.insert(cluster, entity.to_owned());
        }
    }

    let mut strongest: HashMap<u32, &str> = HashMap::new();
    for &(_, _, entity, cluster) in &claims {
        strongest.entry(cluster).or_insert(entity);
    }

    let mut events = Vec::new();
    // An id given before is never given anew, even where its entity is gone.
    let mut taken: HashSet<String> = previous.values().chain(retired).cloned().collect();
    let mut fresh: HashSet<u32> = HashSet::new();
    let mut without: Vec<(&str, u32)> = members
        .iter()
        .filter(|(cluster, _)| !id_of.contains_key(cluster))
        .map(|(&cluster, members)| (members[0], cluster))
        .collect();
    without.sort_unstable();
    for (first, cluster) in without {
        let id = new_id(prefix, first, &taken);
        taken.insert(id.clone());
        fresh.insert(cluster);
        let origin = strongest.get(&cluster).copied();
        events.push(match origin {
            Some(from) => IdentityEvent::Split { from: from.to_owned(), into: id.clone() },
            None => IdentityEvent::Created { entity_id: id.clone() },
        });
        id_of.insert(cluster, id);
    }
    let mut merged: HashSet<&str> = HashSet::new();
    for &(_, _, entity, cluster) in &claims {
        if !holder.contains_key(entity) && merged.insert(entity) {
            events.push(IdentityEvent::Merged { from: entity.to_owned(), into: id_of[&cluster].clone() });
        }
    }

    let mut ids = Vec::with_capacity(records.len());
    for (record, cluster) in records.iter().zip(cluster_of) {
        let (record, id) = (record.as_ref(), &id_of[cluster]);
        if let Some(before) = previous.get(record)
            && before != id
            && holder.contains_key(before.as_str())
            && !fresh.contains(cluster)
        {
            events.push(IdentityEvent::Moved { record_id: record.to_owned(), from: before.clone(), to: id.clone() });
        }
        ids.push(id.clone());
    }
    events.sort_unstable();
    (ids, events)
}

/// The hash of the record id; hashed again with a counter where that id is in other hands.
fn new_id(prefix: &str, record: &str, taken: &HashSet<String>) -> String {
    let plain = format!("{prefix}{:032x}", xxh3_128(record.as_bytes()));
    let again = (1_u32..).map(|n| format!("{prefix}{:032x}", xxh3_128(format!("{record}\u{0}{n}").as_bytes())));
    std::iter::once(plain).chain(again).find(|id| !taken.contains(id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::{IdentityEvent, settle_ids};

    fn known(ids: &[(&str, &str)]) -> HashMap<String, String> {
        ids.iter().map(|&(record, entity)| (record.to_owned(), entity.to_owned())).collect()
    }

    #[test]
    fn first_run_creates_ids_that_repeat() {
        let (ids, events) = settle_ids(&["b", "a", "c"], &[0, 0, 1], &HashMap::new(), &HashSet::new(), "p");
        let (again, _) = settle_ids(&["c", "a", "b"], &[5, 2, 2], &HashMap::new(), &HashSet::new(), "p");
        assert_eq!((&ids[0], &ids[1], &ids[2]), (&again[2], &again[1], &again[0]));
        assert_eq!(ids[0], ids[1]);
        assert!(ids[0].starts_with('p') && ids[0].len() == 33);
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| matches!(event, IdentityEvent::Created { .. })));
    }

    #[test]
    fn a_second_run_without_change_says_nothing() {
        let (ids, _) = settle_ids(&["a", "b", "c"], &[0, 0, 1], &HashMap::new(), &HashSet::new(), "p");
        let previous: HashMap<String, String> =
            ["a", "b", "c"].map(str::to_owned).into_iter().zip(ids.clone()).collect();
        assert_eq!(settle_ids(&["a", "b", "c"], &[9, 9, 3], &previous, &HashSet::new(), "p"), (ids, Vec::new()));
    }

    #[test]
    fn merges_splits_and_moves_are_told() {
        let previous = known(&[("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "p3"), ("e", "p3"), ("f", "p3")]);
        // p1 takes p2 in; p3 loses f to an entity of its own.
        let (ids, events) =
            settle_ids(&["a", "b", "c", "d", "e", "f"], &[0, 0, 0, 1, 1, 2], &previous, &HashSet::new(), "p");
        assert_eq!(&ids[..5], ["p1", "p1", "p1", "p3", "p3"]);
        let merged = IdentityEvent::Merged { from: "p2".to_owned(), into: "p1".to_owned() };
        let split = IdentityEvent::Split { from: "p3".to_owned(), into: ids[5].clone() };
        assert_eq!(events, [merged, split]);

        // e goes over from p3 to p1, both live on.
        let (ids, events) = settle_ids(&["a", "b", "d", "e", "f"], &[0, 0, 1, 0, 1], &previous, &HashSet::new(), "p");
        assert_eq!(ids, ["p1", "p1", "p3", "p1", "p3"]);
        let moved = IdentityEvent::Moved { record_id: "e".to_owned(), from: "p3".to_owned(), to: "p1".to_owned() };
        assert_eq!(events, [moved]);
    }

    #[test]
    fn at_a_tie_the_smallest_record_id_keeps_the_id() {
        let previous = known(&[("a", "p1"), ("b", "p1")]);
        let (ids, _) = settle_ids(&["b", "a"], &[0, 1], &previous, &HashSet::new(), "p");
        assert_eq!(ids[1], "p1");
        assert_ne!(ids[0], "p1");
    }

    #[test]
    fn an_id_in_other_hands_is_not_given_twice() {
        let (first, _) = settle_ids(&["a"], &[0], &HashMap::new(), &HashSet::new(), "p");
        // Record a left its entity to others; by itself it would hash to the very same id.
        let previous = known(&[("b", first[0].as_str()), ("c", first[0].as_str())]);
        let (ids, _) = settle_ids(&["a", "b", "c"], &[0, 1, 1], &previous, &HashSet::new(), "p");
        assert_eq!(ids[1], first[0]);
        assert_ne!(ids[0], first[0]);
    }

    #[test]
    fn a_retired_id_is_not_given_again() {
        let (ids, _) = settle_ids(&["a", "b"], &[0, 1], &HashMap::new(), &HashSet::new(), "p");
        let both = known(&[("a", &ids[0]), ("b", &ids[0])]);
        let retired = HashSet::from([ids[1].clone()]);
        let (again, events) = settle_ids(&["a", "b"], &[0, 1], &both, &retired, "p");
        assert_eq!(again[0], ids[0]);
        assert!(!ids.contains(&again[1]));
        assert_eq!(events, [IdentityEvent::Split { from: ids[0].clone(), into: again[1].clone() }]);
    }
}
