//! People who live together: what they share says who they live with, not who they are.

use crate::compare::levels::{EXACT, NEUTRAL};
use crate::compare::name::GIVEN_DIFFERENT;
use crate::compare::{Comparison, level_at};
use crate::field::Kind;
use crate::strangers::{PRIOR_JOINT, Strangers};
use crate::train::Counts;

/// Last level of family names, and of phones and streets, that counts as agreement.
const CLOSE_NAME: u8 = 3;
const CLOSE_PLACE: u8 = 2;
/// Pairs of twins there may be: always, for each record, and for each pair of other relatives; more than in any population.
const FEW_TWINS: f64 = 5.0;
const TWINS_PER_RECORD: f64 = 0.01;
const TWINS_PER_RELATIVES: f64 = 0.5;
/// Bits that living together may take.
const FAMILIAR: f64 = 20.0;

/// What strangers share who live together: family name, phone and home agree together far more often than each by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Household {
    family: Option<usize>,
    phone: Option<usize>,
    street: Option<usize>,
    postcode: Option<usize>,
    /// Bits to add by what agrees (see [`Household::agreeing`]), never positive.
    pub(crate) correction: [f64; 8],
}

impl Household {
    pub(crate) const FAMILY: usize = 1;
    pub(crate) const PHONE: usize = 2;
    pub(crate) const HOME: usize = 4;

    pub(crate) fn new(comparisons: &[Comparison]) -> Self {
        let of = |kind: Kind| comparisons.iter().position(|comparison| comparison.field.kind == kind);
        Self {
            family: of(Kind::FamilyName),
            phone: of(Kind::Phone),
            street: of(Kind::Street),
            postcode: of(Kind::Postcode),
            correction: [0.0; 8],
        }
    }

    /// Bits of the comparisons it looks at.
    pub(crate) fn mask(&self) -> u64 {
        [self.family, self.phone, self.street, self.postcode].into_iter().flatten().map(|at| 15 << (4 * at)).sum()
    }

    /// Which of name, phone and home agree, and which both records have.
    pub(crate) fn agreeing(&self, pattern: u64) -> (usize, usize) {
        let level = |at: Option<usize>| at.map_or(NEUTRAL, |at| level_at(pattern, at));
        let (family, phone, street, postcode) =
            (level(self.family), level(self.phone), level(self.street), level(self.postcode));
        let near = |level: u8, last: u8| (EXACT..=last).contains(&level);
        let home = if street == NEUTRAL { near(postcode, EXACT) } else { near(street, CLOSE_PLACE) };
        let has_home = street != NEUTRAL || postcode != NEUTRAL;
        let bits = |family: bool, phone: bool, home: bool| {
            usize::from(family) * Self::FAMILY + usize::from(phone) * Self::PHONE + usize::from(home) * Self::HOME
        };
        (
            bits(near(family, CLOSE_NAME), near(phone, CLOSE_PLACE), home),
            bits(family != NEUTRAL, phone != NEUTRAL, has_home),
        )
    }
}

/// Whether the pairs of one family name, home and birth date but different given names are so many that twins cannot
/// explain them: who has twins has other relatives too, who were born on other days.
pub(crate) fn are_without_twins(
    comparisons: &[Comparison],
    household: &Household,
    blocked: &Counts,
    records: usize,
) -> bool {
    let of = |kind: Kind| comparisons.iter().position(|comparison| comparison.field.kind == kind);
    let (Some(given), Some(date)) = (of(Kind::GivenName), of(Kind::Date)) else { return false };
    let different = comparisons[date].levels.len() as u8;
    let home = Household::FAMILY | Household::HOME;
    let (mut one_day, mut relatives) = (0.0, 0.0);
    for &(pattern, times) in blocked {
        if level_at(pattern, given) == GIVEN_DIFFERENT && household.agreeing(pattern).0 & home == home {
            match level_at(pattern, date) {
                EXACT => one_day += times,
                level if level == different => relatives += times,
                _ => {}
            }
        }
    }
    one_day > FEW_TWINS + TWINS_PER_RECORD * records as f64 + TWINS_PER_RELATIVES * relatives
}

/// Bits to take for each set of name, phone and home that strangers have in common because they live together.
pub(crate) fn living_together(
    household: &Household,
    strangers: &Strangers,
    blocked: &Counts,
    random: &Counts,
    scale: f64,
) -> [f64; 8] {
    let mask = household.mask();
    if !strangers.can_tell(mask, random) {
        return [0.0; 8];
    }
    // By set: pairs that have all of it, and of those the pairs that agree on all of it.
    let count = |counts: &Counts| {
        let (mut filled, mut agree) = ([0.0; 8], [0.0; 8]);
        for &(pattern, share) in counts.iter().filter(|&&(pattern, _)| strangers.are(pattern, mask)) {
            let (agreeing, has) = household.agreeing(pattern);
            for set in 1..8 {
                filled[set] += if set & has == set { share } else { 0.0 };
                agree[set] += if set & agreeing == set { share } else { 0.0 };
            }
        }
        (filled, agree)
    };
    let ((filled, drawn), (_, found)) = (count(random), count(blocked));
    let chance = |set: usize, expected: f64| {
        let drawn = (drawn[set] + PRIOR_JOINT * expected) / (filled[set] + PRIOR_JOINT);
        drawn.max(found[set] / (filled[set] * scale).max(1.0))
    };
    let one = |part: usize| chance(part, 0.0).max(f64::MIN_POSITIVE);
    let mut correction = [0.0; 8];
    for (set, bits) in correction.iter_mut().enumerate() {
        let parts = [Household::FAMILY, Household::PHONE, Household::HOME].into_iter().filter(|part| set & part != 0);
        if parts.clone().count() > 1 {
            let alone: f64 = parts.map(one).product();
            // Nothing is known of what no record has.
            if alone > 0.0 {
                *bits = (alone / chance(set, alone)).log2().clamp(-FAMILIAR, 0.0);
            }
        }
    }
    correction
}

#[cfg(test)]
mod tests {
    use super::{Household, are_without_twins};
    use crate::compare::Comparer;
    use crate::{Field, Kind, Records};

    const FIELDS: [(&str, Kind); 5] = [
        ("given", Kind::GivenName),
        ("family", Kind::FamilyName),
        ("born", Kind::Date),
        ("street", Kind::Street),
        ("phone", Kind::Phone),
    ];

    fn records(rows: &[[&str; 5]]) -> Records {
        let mut records = Records::new(FIELDS.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        for (number, row) in rows.iter().enumerate() {
            records.push(&format!("{number:04}"), "a", &row.map(Some)).unwrap();
        }
        records
    }

    #[test]
    fn what_agrees_and_what_both_have() {
        let records = records(&[
            ["anne", "durand", "1980-01-02", "3 rue haute", "+33123456789"],
            ["paul", "durant", "", "3 rue haute", ""],
            ["lea", "petit", "", "8 avenue foch", "+33123456789"],
        ]);
        let (columns, _) = records.in_id_order();
        let mut comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let household = Household::new(&comparer.comparisons);
        let (family, phone, home) = (Household::FAMILY, Household::PHONE, Household::HOME);
        assert_eq!(household.agreeing(comparer.compare(0, 1)), (family | home, family | home));
        assert_eq!(household.agreeing(comparer.compare(0, 2)), (phone, family | phone | home));
    }

    #[test]
    fn twins_are_few_where_there_are_other_relatives() {
        let names = ["anne", "paul", "lucie", "hugo", "zoe", "karim", "elsa", "victor", "nadia", "oscar"];
        let people = |spread: usize| -> Vec<[String; 5]> {
            let one = |n: usize| {
                let born = format!("19{}-01-02", 40 + n * spread % 60);
                [names[n].to_owned(), "durand".to_owned(), born, "3 rue haute".to_owned(), String::new()]
            };
            (0..names.len()).map(one).collect()
        };
        for (spread, want) in [(0, true), (7, false)] {
            let rows = people(spread);
            let rows: Vec<[&str; 5]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
            let records = records(&rows);
            let (columns, _) = records.in_id_order();
            let comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
            let pairs = crate::train::sample(&comparer, records.len(), 1);
            let household = Household::new(&comparer.comparisons);
            assert_eq!(are_without_twins(&comparer.comparisons, &household, &pairs, records.len()), want, "{spread}");
        }
    }
}
