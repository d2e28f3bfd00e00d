//! Which pairs are worth comparing: several rules, each pair owed to the first that finds it, large blocks capped and
//! reported.

mod auto;
mod key;

use std::cell::OnceCell;

use rustc_hash::FxHashSet;

use crate::error::MatchError;
use crate::field::Field;
use crate::records::{NULL, Records};
use crate::report::RuleReport;
use crate::settings::{Block, Part, Rule};

/// Up to so many pairs all are compared and no rule is needed.
const EVERY_PAIR_UP_TO: u64 = 1_000_000;
/// A block of more records is not compared in full,
const LARGEST_BLOCK: usize = 400;
/// but each record with so many that follow it in the order of their values.
const WINDOW: usize = 20;
/// Blocked the automatic rules may cost: the larger of a floor and so many per record.
const PAIRS_FLOOR: u64 = 3_000_000;
const PAIRS_PER_RECORD: u64 = 15;

/// Blocked of records (places in id order, the smaller in the upper half), sorted, each once.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    pub(crate) pairs: Vec<u64>,
    pub(crate) rules: Vec<RuleReport>,
    /// The rules themselves; none where every pair is compared.
    pub(crate) used: Vec<Rule>,
}

/// The two records of a packed pair.
pub(crate) fn unpack(pair: u64) -> (usize, usize) {
    ((pair >> 32) as usize, (pair & u64::from(u32::MAX)) as usize)
}

/// Records that share a key, and what comparing them costs.
struct Blocks {
    members: Vec<(u64, u32)>,
    starts: Vec<usize>,
}

pub(crate) fn pairs(
    records: &Records,
    columns: &[Vec<u32>],
    compare: &[Field],
    block: &Block,
    fresh: Option<&[bool]>,
) -> Result<Blocked, MatchError> {
    let total = records.len() as u64;
    let all = total * total.saturating_sub(1) / 2;
    let mut found = Blocked::default();
    let ranks = Ranks::new(records, columns);
    match block {
        Block::Auto | Block::Every if all <= EVERY_PAIR_UP_TO || *block == Block::Every => {
            let is_fresh = |record: u64| fresh.is_none_or(|fresh| fresh[record as usize]);
            let with = |a: u64| {
                let counts = is_fresh(a);
                (a + 1..total).filter(move |&b| counts || is_fresh(b)).map(move |b| a << 32 | b)
            };
            found.pairs = (0..total).flat_map(with).collect();
            found.rules.push(RuleReport {
                rule: "every pair".to_owned(),
                pairs: found.pairs.len() as u64,
                largest_block: records.len(),
                capped_blocks: 0,
                pairs_left_out: 0,
            });
        }
        Block::Auto | Block::Every => {
            let budget = PAIRS_FLOOR.max(total * PAIRS_PER_RECORD);
            for rule in auto::rules_to_try(compare) {
                let blocks = Blocks::new(key::keys(records, columns, &rule)?, None);
                let cost = blocks.cost();
                let spent = found.pairs.len() as u64;
                if cost > 0 && cost <= budget / 2 && spent + cost <= budget {
                    found.add(&rule, &blocks, &ranks, None);
                }
            }
        }
        Block::Rules(rules) => {
            for rule in rules {
                let blocks = Blocks::new(key::keys(records, columns, rule)?, fresh);
                found.add(rule, &blocks, &ranks, fresh);
            }
        }
    }
    Ok(found)
}

impl Blocks {
    /// Blocks of two records and more; where `fresh` says which records are new, those with one of them.
    fn new(keys: Vec<u64>, fresh: Option<&[bool]>) -> Self {
        let wanted: Option<FxHashSet<u64>> =
            fresh.map(|fresh| keys.iter().zip(fresh).filter(|&(_, &fresh)| fresh).map(|(&key, _)| key).collect());
        let counts = |key: u64| key != key::NO_KEY && wanted.as_ref().is_none_or(|wanted| wanted.contains(&key));
        let mut members: Vec<(u64, u32)> = keys.into_iter().zip(0..).filter(|&(key, _)| counts(key)).collect();
        members.sort_unstable();
        let mut starts: Vec<usize> =
            (0..members.len()).filter(|&at| at == 0 || members[at - 1].0 != members[at].0).collect();
        starts.push(members.len());
        Self { members, starts }
    }

    fn iter(&self) -> impl Iterator<Item = &[(u64, u32)]> {
        self.starts.windows(2).map(|ends| &self.members[ends[0]..ends[1]])
    }

    fn cost(&self) -> u64 {
        self.iter().map(|block| pairs_of(block.len()).min(pairs_in_window(block.len()))).sum()
    }
}

fn pairs_of(size: usize) -> u64 {
    size as u64 * (size as u64).saturating_sub(1) / 2
}

fn pairs_in_window(size: usize) -> u64 {
    if size <= LARGEST_BLOCK { pairs_of(size) } else { (size * WINDOW) as u64 }
}

impl Blocked {
    fn add(&mut self, rule: &Rule, blocks: &Blocks, ranks: &Ranks<'_>, fresh_records: Option<&[bool]>) {
        let counts = |a: u32, b: u32| fresh_records.is_none_or(|fresh| fresh[a as usize] || fresh[b as usize]);
        let mut report =
            RuleReport { rule: in_words(rule), pairs: 0, largest_block: 0, capped_blocks: 0, pairs_left_out: 0 };
        let mut fresh = Vec::new();
        for block in blocks.iter() {
            report.largest_block = report.largest_block.max(block.len());
            let before = fresh.len();
            if block.len() <= LARGEST_BLOCK {
                for (at, &(_, a)) in block.iter().enumerate() {
                    let others = block[at + 1..].iter().map(|&(_, b)| b).filter(|&b| counts(a, b));
                    fresh.extend(others.map(|b| pack(a, b)));
                }
            } else {
                let sorted = ranks.sorted(block);
                for (at, &a) in sorted.iter().enumerate() {
                    let end = sorted.len().min(at + 1 + WINDOW);
                    let others = sorted[at + 1..end].iter().copied().filter(|&b| counts(a, b));
                    fresh.extend(others.map(|b| pack(a, b)));
                }
                report.capped_blocks += 1;
                let old = fresh_records
                    .map_or(0, |fresh| block.iter().filter(|&&(_, record)| !fresh[record as usize]).count());
                report.pairs_left_out += pairs_of(block.len()) - pairs_of(old) - (fresh.len() - before) as u64;
            }
        }
        fresh.sort_unstable();
        fresh.dedup();
        let known = &self.pairs;
        fresh.retain(|pair| known.binary_search(pair).is_err());
        report.pairs = fresh.len() as u64;
        self.pairs = merged(&self.pairs, &fresh);
        self.rules.push(report);
        self.used.push(rule.clone());
    }
}

/// Two sorted runs without a value in common, as one.
fn merged(left: &[u64], right: &[u64]) -> Vec<u64> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let mut rest = left;
    for &pair in right {
        let (before, after) = rest.split_at(rest.partition_point(|&known| known < pair));
        all.extend_from_slice(before);
        all.push(pair);
        rest = after;
    }
    all.extend_from_slice(rest);
    all
}

fn pack(a: u32, b: u32) -> u64 {
    u64::from(a.min(b)) << 32 | u64::from(a.max(b))
}

/// The place of each value of a field in the order of their texts, worked out when it is first asked for.
struct Ranks<'a> {
    records: &'a Records,
    columns: &'a [Vec<u32>],
    of_field: Vec<OnceCell<Vec<u32>>>,
}

impl<'a> Ranks<'a> {
    fn new(records: &'a Records, columns: &'a [Vec<u32>]) -> Self {
        Self { records, columns, of_field: columns.iter().map(|_| OnceCell::new()).collect() }
    }

    /// A missing value comes first.
    fn rank(&self, field: usize, record: u32) -> u32 {
        let value = self.columns[field][record as usize];
        if value == NULL { 0 } else { self.ranks(field)[value as usize] }
    }

    fn ranks(&self, field: usize) -> &[u32] {
        self.of_field[field].get_or_init(|| {
            let mut values: Vec<u32> = (0..self.records.distinct(field) as u32).collect();
            values.sort_unstable_by(|&a, &b| self.records.text(field, a).cmp(self.records.text(field, b)));
            let mut ranks = vec![0; values.len()];
            values.iter().zip(1..).for_each(|(&value, rank)| ranks[value as usize] = rank);
            ranks
        })
    }

    /// The records of a block ordered by their values, fields in order, so that those alike are neighbours.
    fn sorted(&self, block: &[(u64, u32)]) -> Vec<u32> {
        let mut sorted: Vec<u32> = block.iter().map(|&(_, record)| record).collect();
        sorted.sort_by(|&a, &b| {
            let by_field = |field: usize| self.rank(field, a).cmp(&self.rank(field, b));
            let differing = (0..self.columns.len()).map(by_field).find(|order| order.is_ne());
            differing.unwrap_or_else(|| a.cmp(&b))
        });
        sorted
    }
}

fn in_words(rule: &Rule) -> String {
    let part = |part: &Part| match part {
        Part::Whole(field) => field.clone(),
        Part::Prefix(field, length) => format!("first {length} of {field}"),
        Part::Sound(field) => format!("sound of {field}"),
        Part::LocalPart(field) => format!("local part of {field}"),
    };
    rule.0.iter().map(part).collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::{LARGEST_BLOCK, pairs, unpack};
    use crate::{Block, Field, Kind, Part, Records, Rule};

    fn records(count: usize, name: impl Fn(usize) -> String) -> (Records, Vec<Vec<u32>>) {
        let mut records = Records::new(vec![Field::new("name", Kind::FamilyName)]).unwrap();
        for n in 0..count {
            records.push(&format!("{n:05}"), "a", &[Some(name(n).as_str())]).unwrap();
        }
        let columns = vec![records.column(0).to_vec()];
        (records, columns)
    }

    fn by_name() -> Block {
        let whole = Rule(vec![Part::Whole("name".to_owned())]);
        let prefix = Rule(vec![Part::Prefix("name".to_owned(), 1)]);
        Block::Rules(vec![whole, prefix])
    }

    #[test]
    fn a_pair_belongs_to_the_first_rule_that_finds_it() {
        let (records, columns) = records(4, |n| ["ab", "ab", "ac", "b"][n].to_owned());
        let found = pairs(&records, &columns, records.fields(), &by_name(), None).unwrap();
        assert_eq!(found.rules.iter().map(|rule| rule.pairs).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(found.pairs.iter().map(|&pair| unpack(pair)).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 2)]);
    }

    #[test]
    fn a_skewed_block_is_capped_and_said_so() {
        let (records, columns) = records(LARGEST_BLOCK * 3, |_| "smith".to_owned());
        let found = pairs(&records, &columns, records.fields(), &by_name(), None).unwrap();
        let rule = &found.rules[0];
        let all = (records.len() * (records.len() - 1) / 2) as u64;
        assert_eq!((rule.capped_blocks, rule.largest_block), (1, LARGEST_BLOCK * 3));
        assert_eq!(rule.pairs + rule.pairs_left_out, all);
        assert!(rule.pairs < all / 10);
    }
}
