//! Comparing two records: one level per comparison, packed in one number.

pub(crate) mod company;
pub(crate) mod contact;
pub(crate) mod date;
pub(crate) mod frequency;
pub(crate) mod levels;
pub(crate) mod name;
mod nickname;
mod patterns;
pub(crate) mod place;
pub(crate) mod similarity;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::company::Words;
use self::frequency::Frequencies;
use self::levels::{ALTERNATIVE, EXACT, Level, NEUTRAL, SWAPPED, levels_of};
pub(crate) use self::patterns::Patterns;
use crate::error::MatchError;
use crate::field::{Field, Kind};
use crate::records::{NULL, Records};

/// Comparisons that fit in a packed pattern, four bits each.
pub(crate) const LIMIT: usize = 16;

/// One comparison: a field, its levels, and what is known of its values.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) field: Field,
    pub(crate) index: usize,
    pub(crate) levels: &'static [Level],
    pub(crate) frequencies: Frequencies,
    words: Words,
}

/// The comparisons of a run over its records, in id order, with a memory of values already compared.
pub(crate) struct Comparer<'a> {
    records: &'a Records,
    pub(crate) columns: &'a [Vec<u32>],
    pub(crate) comparisons: Arc<Vec<Comparison>>,
    given: Option<usize>,
    family: Option<usize>,
    maiden: Option<usize>,
    memory: Vec<Memory>,
    /// The comparisons of given and family name, where both are made.
    pub(crate) full_name: Option<(usize, usize)>,
    /// How many records bear each name, as given name or family name.
    bearers: Arc<Vec<u32>>,
    /// How many records have the full name of each, itself included; 0 where it has none.
    pub(crate) namesakes: Arc<Vec<u32>>,
}

/// Levels of pairs of values met lately: a place for each hash, the newest pair in it.
#[derive(Debug, Clone, Default)]
struct Memory {
    places: Vec<(u64, u8)>,
}

impl Memory {
    const BITS: u32 = 16;

    fn place(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Self::BITS)) as usize
    }

    fn get(&self, key: u64) -> Option<u8> {
        let &(held, level) = self.places.get(Self::place(key))?;
        (held == key).then_some(level)
    }

    fn put(&mut self, key: u64, level: u8) {
        if self.places.is_empty() {
            // No two different values have this key.
            self.places = vec![(0, 0); 1 << Self::BITS];
        }
        self.places[Self::place(key)] = (key, level);
    }
}

/// The level of one comparison in a packed pattern.
pub(crate) fn level_at(pattern: u64, comparison: usize) -> u8 {
    (pattern >> (4 * comparison) & 15) as u8
}

impl<'a> Comparer<'a> {
    pub(crate) fn new(records: &'a Records, columns: &'a [Vec<u32>], compare: &[Field]) -> Result<Self, MatchError> {
        let mut comparisons = Vec::new();
        let (mut given, mut family, mut maiden) = (None, None, None);
        for field in compare {
            let index = records.field_named(&field.name)?;
            let is_filled = columns[index].iter().any(|&value| value != NULL);
            match field.kind {
                Kind::GivenName if given.is_none() => given = Some(index),
                Kind::FamilyName if family.is_none() => family = Some(index),
                Kind::MaidenName => maiden = Some(index),
                _ => {}
            }
            if !is_filled || field.kind == Kind::MaidenName {
                continue;
            }
            let words = match field.kind {
                Kind::CompanyName | Kind::Text => {
                    let column = columns[index].iter().filter(|&&value| value != NULL);
                    Words::new(column.map(|&value| records.text(index, value)))
                }
                _ => Words::default(),
            };
            let frequencies = Frequencies::new(records, columns, field.kind, index);
            comparisons.push(Comparison {
                field: field.clone(),
                index,
                levels: levels_of(field.kind),
                frequencies,
                words,
            });
        }
        if comparisons.len() > LIMIT {
            return Err(MatchError::TooManyComparisons { found: comparisons.len(), limit: LIMIT });
        }
        let memory = vec![Memory::default(); comparisons.len()];
        let of = |kind: Kind| comparisons.iter().position(|comparison| comparison.field.kind == kind);
        let full_name = of(Kind::GivenName).zip(of(Kind::FamilyName));
        let namesakes =
            given.zip(family).map_or_else(Vec::new, |(given, family)| namesakes(&columns[given], &columns[family]));
        let mut bearers = vec![0; given.map_or(0, |given| records.distinct(given))];
        for column in given.iter().chain(&family).map(|&at| &columns[at]) {
            for &name in column.iter().filter(|&&name| name != NULL) {
                if let Some(count) = bearers.get_mut(name as usize) {
                    *count += 1;
                }
            }
        }
        mark_shared_contacts(records, columns, &mut comparisons, given, family);
        let (comparisons, bearers, namesakes) = (Arc::new(comparisons), Arc::new(bearers), Arc::new(namesakes));
        Ok(Self { records, columns, comparisons, given, family, maiden, memory, full_name, bearers, namesakes })
    }

    /// The same comparisons with a memory of its own, for another thread.
    pub(crate) fn fork(&self) -> Self {
        Self {
            comparisons: Arc::clone(&self.comparisons),
            bearers: Arc::clone(&self.bearers),
            namesakes: Arc::clone(&self.namesakes),
            memory: vec![Memory::default(); self.comparisons.len()],
            ..*self
        }
    }

    pub(crate) fn held(&self) -> &'a Records {
        self.records
    }

    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// Packed levels of two records.
    pub(crate) fn compare(&mut self, a: usize, b: usize) -> u64 {
        let swapped = self.is_swapped(a, b);
        let mut pattern = 0;
        for position in 0..self.comparisons.len() {
            let comparison = &self.comparisons[position];
            let level = match comparison.field.kind {
                Kind::GivenName if swapped => SWAPPED,
                Kind::FamilyName if swapped => NEUTRAL,
                kind => {
                    let column = &self.columns[comparison.index];
                    let (value_a, value_b) = (column[a], column[b]);
                    let level = self.level(position, value_a, value_b);
                    let falls_short = kind == Kind::FamilyName && level > ALTERNATIVE;
                    if falls_short && self.has_maiden_name_in_common(a, b) { ALTERNATIVE } else { level }
                }
            };
            pattern |= u64::from(level) << (4 * position);
        }
        self.with_odd_name(pattern, a, b)
    }

    /// A given name that nobody else bears may be a garbled one; beside the same family name it is rather a relative's.
    fn with_odd_name(&self, pattern: u64, a: usize, b: usize) -> u64 {
        let Some((given, family)) = self.full_name else { return pattern };
        if level_at(pattern, given) != name::GIVEN_DIFFERENT || level_at(pattern, family) == EXACT {
            return pattern;
        }
        let column = &self.columns[self.comparisons[given].index];
        let is_nobodys = |record: usize| self.bearers[column[record] as usize] < 2;
        if !is_nobodys(a) && !is_nobodys(b) {
            return pattern;
        }
        pattern & !(15 << (4 * given)) | u64::from(name::GIVEN_ODD) << (4 * given)
    }

    fn level(&mut self, position: usize, a: u32, b: u32) -> u8 {
        if a == NULL || b == NULL {
            return NEUTRAL;
        }
        let comparison = &self.comparisons[position];
        if a == b {
            return if comparison.frequencies.is_shared(a) { NEUTRAL } else { EXACT };
        }
        let kind = comparison.field.kind;
        let key = u64::from(a.min(b)) << 32 | u64::from(a.max(b));
        // Two addresses or numbers seldom meet twice, names and towns do.
        let is_kept = !matches!(kind, Kind::Email | Kind::Phone | Kind::Date | Kind::Id | Kind::Postcode)
            && !kind.is_equal_or_not();
        if is_kept && let Some(level) = self.memory[position].get(key) {
            return level;
        }
        // In the order of the texts: the same two values give the same level whichever record comes first.
        let (text_a, text_b) = (self.records.text(comparison.index, a), self.records.text(comparison.index, b));
        let (first, second) = if text_a <= text_b { (text_a, text_b) } else { (text_b, text_a) };
        let level = level_of_unequal(kind, first, second, &comparison.words);
        if is_kept {
            self.memory[position].put(key, level);
        }
        level
    }

    fn is_swapped(&self, a: usize, b: usize) -> bool {
        let (Some(given), Some(family)) = (self.given, self.family) else { return false };
        let (given_a, given_b) = (self.columns[given][a], self.columns[given][b]);
        let (family_a, family_b) = (self.columns[family][a], self.columns[family][b]);
        if given_a == given_b || family_a == family_b {
            return false;
        }
        let near = |x: u32, y: u32| {
            x == y
                || x == NULL
                || y == NULL
                || similarity::jaro_winkler(self.records.text(given, x), self.records.text(given, y)) >= 0.88
        };
        (given_a != NULL && given_a == family_b && near(family_a, given_b))
            || (given_b != NULL && given_b == family_a && near(family_b, given_a))
    }

    fn has_maiden_name_in_common(&self, a: usize, b: usize) -> bool {
        let (Some(family), Some(maiden)) = (self.family, self.maiden) else { return false };
        let (family_a, family_b) = (self.columns[family][a], self.columns[family][b]);
        let (maiden_a, maiden_b) = (self.columns[maiden][a], self.columns[maiden][b]);
        (maiden_a != NULL && (maiden_a == family_b || maiden_a == maiden_b))
            || (maiden_b != NULL && maiden_b == family_a)
    }
}

/// An address or a number held under many names is a household's, a desk's or a dummy: agreement on it is neutral.
fn mark_shared_contacts(
    records: &Records,
    columns: &[Vec<u32>],
    comparisons: &mut [Comparison],
    given: Option<usize>,
    family: Option<usize>,
) {
    let initial = |index: Option<usize>, record: usize| {
        let value = index.map_or(NULL, |index| columns[index][record]);
        (value != NULL).then(|| records.text(index.unwrap_or(0), value).chars().next()).flatten()
    };
    let names: Vec<_> = (0..records.len()).map(|record| (initial(given, record), initial(family, record))).collect();
    for comparison in comparisons {
        if matches!(comparison.field.kind, Kind::Email | Kind::Phone) {
            comparison.frequencies.mark_shared(&columns[comparison.index], &names);
        }
    }
}

fn namesakes(given: &[u32], family: &[u32]) -> Vec<u32> {
    let is_full = |name: &(u32, u32)| name.0 != NULL && name.1 != NULL;
    let names = || given.iter().copied().zip(family.iter().copied());
    let mut count: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    names().filter(is_full).for_each(|name| *count.entry(name).or_default() += 1);
    names().map(|name| count.get(&name).copied().unwrap_or(0)).collect()
}

fn level_of_unequal(kind: Kind, a: &str, b: &str, words: &Words) -> u8 {
    match kind {
        Kind::GivenName => name::given(a, b),
        Kind::FamilyName | Kind::MaidenName => name::family(a, b),
        Kind::Date => date::date(a, b),
        Kind::Email => contact::email(a, b),
        Kind::Phone => contact::phone(a, b),
        Kind::Street => place::street(a, b),
        Kind::City => place::city(a, b),
        Kind::Postcode => place::postcode(a, b),
        Kind::Id => 3 - u8::from(a.len().min(b.len()) >= 6 && similarity::within_one_edit(a, b)),
        Kind::CompanyName | Kind::Text => company::name(a, b, words),
        Kind::Region | Kind::Country | Kind::ExclusiveId | Kind::Domain | Kind::Sex | Kind::Exact => 2,
    }
}
