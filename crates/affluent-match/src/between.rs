//! The match weight of two clusters: all that is known of either, taken together.

use rustc_hash::FxHashSet;

use crate::compare::levels::{EXACT, NEUTRAL};
use crate::compare::name::GIVEN_DIFFERENT;
use crate::compare::{Comparer, LIMIT, level_at};
use crate::field::{Kind, PLACE};
use crate::records::NULL;
use crate::score::{CONFLICT, ID_CLOSE, Scorer};

/// Pairs looked at to judge whether two clusters belong together; larger ones are sampled evenly.
const CROSS_PAIRS: usize = 64;

/// What the pairs across two clusters say of one comparison, or of one group of them.
#[derive(Debug, Clone, Copy, Default)]
struct Say {
    sum: f64,
    best: f64,
    count: f64,
}

impl Say {
    fn hear(&mut self, bits: f64) {
        self.best = if self.count > 0.0 { self.best.max(bits) } else { bits };
        self.sum += bits;
        self.count += 1.0;
    }

    fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }
}

impl Scorer<'_, '_> {
    /// Log-odds in bits that the records of two clusters are one entity, all they hold taken together.
    ///
    /// A name, a birth date or an id is one per entity, so its pairs are averaged; contacts and places come and go, so one that
    /// agrees is enough. A comparison that no pair can make says nothing. Between two single records this is their score.
    pub(crate) fn between(&mut self, left: &[u32], right: &[u32]) -> f64 {
        if left.len() == 1 && right.len() == 1 {
            return self.score(left[0] as usize, right[0] as usize);
        }
        if self.exclude(left, right) {
            return CONFLICT;
        }
        let all = left.len() * right.len();
        let step = all.div_ceil(CROSS_PAIRS);
        // Steps that share no factor with the width visit all columns, not only a few.
        let step = if step > 1 && right.len().is_multiple_of(step) { step + 1 } else { step };
        let mut says = [Say::default(); LIMIT];
        let mut groups = vec![Say::default(); self.model.groups.len()];
        let mut names = Say::default();
        let (mut given, mut other_given) = (0.0, 0.0);
        let (mut dates, mut same_date) = (0.0, 0.0);
        let mut same_id = false;
        let mut agreeing = 0;
        for at in (0..all).step_by(step) {
            let (a, b) = (left[at / right.len()] as usize, right[at % right.len()] as usize);
            let pattern = self.comparer.compare(a, b);
            let Comparer { comparisons, columns, .. } = &*self.comparer;
            let adjustable = self.model.adjustable(comparisons, pattern);
            let mut places = 0.0;
            agreeing |= self.model.household.agreeing(pattern).0;
            for (position, comparison) in comparisons.iter().enumerate() {
                let level = level_at(pattern, position);
                if level == NEUTRAL {
                    continue;
                }
                let mut bits = self.model.evidence(comparison, position, level);
                if bits <= CONFLICT {
                    return CONFLICT;
                }
                if adjustable >> position & 1 == 1 {
                    bits += comparison.frequencies.adjustment(columns[comparison.index][a]);
                }
                match comparison.field.kind {
                    Kind::GivenName => {
                        given += 1.0;
                        other_given += f64::from(u8::from(level == GIVEN_DIFFERENT));
                    }
                    Kind::Date => {
                        dates += 1.0;
                        same_date += f64::from(u8::from(level == EXACT));
                    }
                    Kind::Id => same_id |= level == EXACT || level == ID_CLOSE,
                    _ => {}
                }
                if comparison.field.kind.group() == Some(PLACE) {
                    places += bits;
                } else {
                    says[position].hear(bits);
                }
            }
            if let Some((given, family)) = self.comparer.full_name
                && level_at(pattern, given) != NEUTRAL
                && level_at(pattern, family) != NEUTRAL
            {
                names.hear(self.for_namesakes(pattern, a));
            }
            for (group, say) in self.model.groups.iter().zip(&mut groups) {
                let filled = (0..LIMIT).filter(|&at| level_at(pattern & group.mask, at) != NEUTRAL).count();
                if filled > usize::from(!group.moves) {
                    say.hear(group.correction_of(pattern) + if group.moves { places } else { 0.0 });
                }
            }
        }
        let same_birthday = self.model.without_twins && 2.0 * same_date > dates;
        let other_person = !same_id && !same_birthday && 2.0 * other_given > given;
        let mut bits = (self.model.prevalence / (1.0 - self.model.prevalence)).log2() + names.mean();
        for (say, comparison) in says.iter().zip(self.comparer.comparisons.iter()) {
            let kind = comparison.field.kind;
            let said = if kind.comes_and_goes() { say.best } else { say.mean() };
            bits += if other_person && kind.is_household() { said.min(0.0) } else { said };
        }
        if !other_person {
            bits += self.model.household.correction[agreeing];
        }
        for (group, say) in self.model.groups.iter().zip(&groups) {
            bits += match (group.moves, other_person) {
                (true, false) => say.best,
                (true, true) => say.best.min(0.0),
                (false, false) => say.mean(),
                (false, true) => 0.0,
            };
        }
        bits
    }

    /// Whether the clusters have different values of a kind that an entity has one of. All members are looked at.
    fn exclude(&self, left: &[u32], right: &[u32]) -> bool {
        let Comparer { comparisons, columns, .. } = &*self.comparer;
        comparisons.iter().filter(|comparison| comparison.field.kind == Kind::ExclusiveId).any(|comparison| {
            let column = &columns[comparison.index];
            let values = |members: &[u32]| -> FxHashSet<u32> {
                members.iter().map(|&row| column[row as usize]).filter(|&value| value != NULL).collect()
            };
            let (left, right) = (values(left), values(right));
            left.iter().any(|one| right.iter().any(|other| one != other))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::compare::Comparer;
    use crate::score::{CONFLICT, Scorer};
    use crate::train::{sample, train};
    use crate::{Field, Kind, Records};

    #[test]
    fn what_one_record_lacks_another_has() {
        let fields = [
            ("given", Kind::GivenName),
            ("family", Kind::FamilyName),
            ("born", Kind::Date),
            ("email", Kind::Email),
            ("phone", Kind::Phone),
        ];
        let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let mut push = |id: &str, values: [&str; 5]| records.push(id, "a", &values.map(Some)).unwrap();
        push("a0", ["anne", "durand", "1980-05-17", "", ""]);
        push("a1", ["anne", "durand", "", "", "+33612345678"]);
        push("b0", ["anne", "durand", "1980-05-17", "", "+33612345678"]);
        push("c0", ["paul", "durand", "1978-11-03", "", "+33612345678"]);
        let given = ["lucie", "hugo", "zoe", "karim", "elsa", "victor", "nadia", "oscar"];
        let family = ["petit", "moreau", "garnier", "faure", "roussel", "kessler", "nguyen", "zimmer", "lopez"];
        for n in 0..72 {
            let born = format!("19{}-{:02}-{:02}", 40 + n * 37 % 60, 1 + n * 5 % 12, 1 + n * 11 % 28);
            let (name, phone) = (format!("{}{n}@x.fr", family[n % 9]), format!("+336{:08}", n * 7_919_003));
            push(&format!("x{n:02}"), [given[n % 8], family[n % 9], &born, &name, &phone]);
        }
        let (columns, _) = records.in_id_order();
        let mut comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let random = sample(&comparer, records.len(), 1);
        let all = random.iter().map(|(_, times)| times).sum();
        let model = train(&comparer.comparisons, &random, &random, &[], all, records.len());
        let mut scorer = Scorer::new(&mut comparer, &model);
        let alone = [scorer.score(0, 2), scorer.score(1, 2)];
        let together = scorer.between(&[0, 1], &[2]);
        assert!(alone.iter().all(|&bits| bits < together), "{alone:?} {together}");
        assert!((scorer.between(&[0], &[2]) - alone[0]).abs() < 1e-9, "two single records are a pair");
        assert!(scorer.between(&[0, 1], &[3]) < 0.0, "a relative with the same phone");
    }

    #[test]
    fn two_exclusive_ids_are_seen_in_clusters_of_any_size() {
        let fields = [("name", Kind::CompanyName), ("siret", Kind::ExclusiveId)];
        let mut records = Records::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let mut push = |id: &str, values: [&str; 2]| records.push(id, "a", &values.map(Some)).unwrap();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for n in 0..9 {
            push(&format!("a{n}"), ["lumiere", if n == 3 { "73282932000074" } else { "" }]);
            push(&format!("b{n}"), ["lumiere", if n == 6 { "73282932000082" } else { "" }]);
            left.push(n);
            right.push(n + 9);
        }
        for n in 0..40 {
            push(&format!("x{n:02}"), [["garnier", "faure", "kessler", "zimmer"][n % 4], ""]);
        }
        let (columns, _) = records.in_id_order();
        let mut comparer = Comparer::new(&records, &columns, records.fields()).unwrap();
        let random = sample(&comparer, records.len(), 1);
        let all = random.iter().map(|(_, times)| times).sum();
        let model = train(&comparer.comparisons, &random, &random, &[], all, records.len());
        let mut scorer = Scorer::new(&mut comparer, &model);
        assert!(scorer.between(&left, &right) <= CONFLICT);
        right.remove(6);
        assert!(scorer.between(&left, &right) > CONFLICT);
    }
}
