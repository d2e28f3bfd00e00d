//! How frequent each value of a column is: agreement on a rare one says more, on a shared one nothing.

use rustc_hash::FxHashSet;

use super::contact::is_desk;
use crate::field::Kind;
use crate::records::{NULL, Records};

/// Bits a frequency may add to or take from agreement.
const MOST: f64 = 8.0;
/// Different pairs of initials from which on a contact is nobody's own; typing errors seldom reach it.
const SHARED_FROM: usize = 4;

/// First letters of given and family name.
pub(crate) type Initials = (Option<char>, Option<char>);

/// Bits to add when two records agree on a value, by value; and the values that say nothing.
#[derive(Debug, Default)]
pub(crate) struct Frequencies {
    adjustment: Vec<f32>,
    shared: FxHashSet<u32>,
}

impl Frequencies {
    pub(crate) fn new(records: &Records, columns: &[Vec<u32>], kind: Kind, index: usize) -> Self {
        let mut count = vec![0_u32; records.distinct(index)];
        let mut total = 0.0;
        for &value in columns[index].iter().filter(|&&value| value != NULL) {
            count[value as usize] += 1;
            total += 1.0;
        }
        // Sum of squares = chance that two records agree; against it stands the chance of agreeing on this value.
        // Summed as integers: the result may not depend on the order values were first seen in.
        let squares: u128 = count.iter().map(|&n| u128::from(n) * u128::from(n)).sum();
        let mean = squares as f64 / f64::max(total, 1.0);
        // How often a contact occurs is how often its owner comes back; whether it is shared is seen by the names instead.
        let is_contact = matches!(kind, Kind::Email | Kind::Phone);
        let adjustment = count
            .iter()
            .map(|&n| if n == 0 || is_contact { 0.0 } else { (mean / f64::from(n)).log2().clamp(-MOST, MOST) as f32 })
            .collect();
        let mut shared = FxHashSet::default();
        if kind == Kind::Email {
            let used = (0..count.len() as u32).filter(|&value| count[value as usize] > 0);
            shared.extend(used.filter(|&value| is_desk(records.text(index, value))));
        }
        Self { adjustment, shared }
    }

    /// Marks the values held under many names, told apart by their initials.
    pub(crate) fn mark_shared(&mut self, column: &[u32], initials: &[Initials]) {
        let mut holders: Vec<(u32, Initials)> = column
            .iter()
            .zip(initials)
            .filter(|&(&value, name)| value != NULL && name.0.is_some() && name.1.is_some())
            .map(|(&value, &name)| (value, name))
            .collect();
        holders.sort_unstable();
        holders.dedup();
        let of_one = holders.chunk_by(|one, other| one.0 == other.0);
        self.shared.extend(of_one.filter(|names| names.len() >= SHARED_FROM).map(|names| names[0].0));
    }

    pub(crate) fn is_shared(&self, value: u32) -> bool {
        self.shared.contains(&value)
    }

    /// Bits that agreement on this value adds to agreement on any.
    pub(crate) fn adjustment(&self, value: u32) -> f64 {
        f64::from(self.adjustment[value as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::Frequencies;
    use crate::{Field, Kind, Records};

    #[test]
    fn rare_values_gain_and_frequent_ones_lose() {
        let mut records = Records::new(vec![Field::new("last_name", Kind::FamilyName)]).unwrap();
        for n in 0..100 {
            records.push(&n.to_string(), "a", &[Some(if n < 97 { "martin" } else { "zweig" })]).unwrap();
        }
        let columns = [records.column(0).to_vec()];
        let frequencies = Frequencies::new(&records, &columns, Kind::FamilyName, 0);
        assert!(frequencies.adjustment(columns[0][0]) < 0.0);
        assert!(frequencies.adjustment(columns[0][99]) > 4.0);
    }

    #[test]
    fn desks_and_boxes_of_many_names_are_shared() {
        let mut records = Records::new(vec![Field::new("email", Kind::Email)]).unwrap();
        for n in 0..4 {
            records.push(&n.to_string(), "a", &[Some("famille@x.fr")]).unwrap();
        }
        records.push("5", "a", &[Some("contact@x.fr")]).unwrap();
        let columns = [records.column(0).to_vec()];
        let mut frequencies = Frequencies::new(&records, &columns, Kind::Email, 0);
        assert!(frequencies.is_shared(columns[0][4]));
        assert!(!frequencies.is_shared(columns[0][0]));
        let names: Vec<_> = ['a', 'b', 'c', 'd', 'e'].into_iter().map(|c| (Some(c), Some('x'))).collect();
        frequencies.mark_shared(&columns[0], &names);
        assert!(frequencies.is_shared(columns[0][0]));
    }
}
