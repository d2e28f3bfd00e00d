//! Records that hold nothing but a contact: an address that a mailing went to, the mailbox of an order.
//!
//! Compared pair by pair, such a record has the evidence of one field only, which may stay under the threshold, and it
//! cannot tell two people of one mailbox apart. Seen as a whole the case is clear: where all fuller records with that
//! contact are one entity, it is theirs; where they are several, it stays by itself.

use rustc_hash::FxHashMap;

use crate::field::{Field, Kind};
use crate::known::Rulings;
use crate::records::NULL;

/// Joins bare records to the one cluster that has their contact. `columns` and `clusters` are by record in id order. Records that
/// people decided to be one with others stay where they are.
pub(crate) fn attach(fields: &[Field], columns: &[Vec<u32>], clusters: &mut [u32], rulings: &Rulings) {
    for contact in (0..fields.len()).filter(|&at| matches!(fields[at].kind, Kind::Email | Kind::Phone)) {
        let others: Vec<&[u32]> = (0..fields.len())
            .filter(|&field| field != contact && fields[field].kind != Kind::Country)
            .map(|field| columns[field].as_slice())
            .collect();
        let mut holder: FxHashMap<u32, Option<u32>> = FxHashMap::default();
        let mut bare = Vec::new();
        for (record, &cluster) in clusters.iter().enumerate() {
            let value = columns[contact][record];
            if value == NULL {
                continue;
            }
            if others.iter().all(|column| column[record] == NULL) {
                bare.push((record as u32, value));
                continue;
            }
            holder
                .entry(value)
                .and_modify(|held| {
                    if *held != Some(cluster) {
                        *held = None;
                    }
                })
                .or_insert(Some(cluster));
        }
        let mut members = Members::new(clusters, rulings);
        let mut first: FxHashMap<u32, u32> = FxHashMap::default();
        for (record, value) in bare {
            let own = clusters[record as usize];
            let goes_to = match holder.get(&value) {
                Some(Some(cluster)) => *cluster,
                // Shared by several people: nobody's in particular.
                Some(None) => continue,
                // Known by the contact alone: bare records of one contact are one entity.
                None => *first.entry(value).or_insert(own),
            };
            if members.may_join(record, goes_to, rulings) {
                clusters[record as usize] = goes_to;
            }
        }
    }
}

/// The records of each cluster, kept where decisions forbid some joins.
struct Members(FxHashMap<u32, Vec<u32>>);

impl Members {
    fn new(clusters: &[u32], rulings: &Rulings) -> Self {
        let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        if !rulings.allow_all() {
            for (&cluster, record) in clusters.iter().zip(0..) {
                members.entry(cluster).or_default().push(record);
            }
        }
        Self(members)
    }

    /// Whether a record may go to a cluster; where it may, it is counted there.
    fn may_join(&mut self, record: u32, cluster: u32, rulings: &Rulings) -> bool {
        if rulings.is_decided_same(record) {
            return false;
        }
        if rulings.allow_all() {
            return true;
        }
        let there = self.0.entry(cluster).or_default();
        if there.contains(&record) {
            return true;
        }
        let allowed = rulings.allow(&[record], there);
        if allowed {
            there.push(record);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Records;

    #[test]
    fn a_bare_address_goes_to_its_one_owner_and_stays_apart_where_it_is_shared() {
        let fields = vec![Field::new("first_name", Kind::GivenName), Field::new("email", Kind::Email)];
        let mut records = Records::new(fields).unwrap();
        let rows = [
            ("a1", Some("Anne"), "anne@x.fr"),
            ("a2", Some("Anna"), "anne@x.fr"),
            ("b1", None, "anne@x.fr"),
            ("c1", Some("Bob"), "info@x.fr"),
            ("c2", Some("Zoe"), "info@x.fr"),
            ("d1", None, "info@x.fr"),
            ("e1", None, "new@x.fr"),
            ("e2", None, "new@x.fr"),
        ];
        for (id, name, email) in rows {
            records.push(id, "s", &[name, Some(email)]).unwrap();
        }
        let mut clusters = vec![0, 0, 1, 2, 3, 4, 5, 6];
        let (columns, _) = records.in_id_order();
        attach(records.fields(), &columns, &mut clusters, &Rulings::default());
        assert_eq!(clusters, [0, 0, 0, 2, 3, 4, 5, 5]);
    }
}
