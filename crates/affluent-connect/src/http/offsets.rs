//! Lists by offset, that lose no record when others are deleted or moved while they are read.
//!
//! What lies behind a deleted record moves up, past the place where the next page begins, and nothing tells. So each page
//! begins with the last record of the page before. Where that is not there, it is asked for from where the page before began,
//! and from the start of the list where that is of no use either; an empty page is asked for once more before.

use std::collections::HashMap;

/// How often a list is begun again, and how often in a row a page is looked for that brings nothing new.
const PATIENCE: usize = 5;

/// What a record is known again by: what stands for the record, and for what it says.
pub(crate) type Mark = (u128, u128);

/// The way through a list by offset.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    /// Where the page to ask for begins.
    at: u64,
    /// Where the page before began and ended, and what it held.
    before: u64,
    passed: u64,
    held: HashMap<u128, u128>,
    /// Which records of the page taken last were not in the page before.
    new: Vec<bool>,
    /// How many of its records should have been.
    shared: usize,
    sought: usize,
    begun: usize,
}

/// How a page goes with the one before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// Nothing lies between them.
    Fits,
    /// Something may: another page is to be asked for in its place.
    Gap,
    /// It is no use to try again.
    Restless,
}

impl Offsets {
    /// From that offset on.
    pub(crate) fn new(at: u64) -> Self {
        Self { at, passed: at, ..Self::default() }
    }

    /// Where the page to ask for begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Where the page taken last ended.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// Which records of the page taken last were not in the page before.
    pub(crate) fn new_ones(&self) -> &[bool] {
        &self.new
    }

    /// Whether the page taken last held nothing but what it was to begin with.
    pub(crate) fn is_spent(&self) -> bool {
        self.new.len() <= self.shared && !self.new.contains(&true)
    }

    /// Takes the page in that was asked for, by the marks of its records.
    pub(crate) fn join(&mut self, page: &[Mark]) -> Joint {
        let known = page.first().is_some_and(|(record, _)| self.held.contains_key(record));
        if self.at > 0 && self.at < self.passed && !known {
            self.sought += 1;
            if page.is_empty() && self.sought % 2 == 1 {
                // The server may have none to give just now.
                return Joint::Gap;
            }
            self.at = if self.at > self.before { self.before } else { 0 };
            self.begun += usize::from(self.at == 0);
            return if self.sought.max(self.begun) > PATIENCE { Joint::Restless } else { Joint::Gap };
        }
        self.shared = usize::from(self.at > 0 && self.at < self.passed);
        self.new = page.iter().map(|(record, says)| self.held.get(record) != Some(says)).collect();
        if self.new.contains(&true) {
            self.sought = 0;
        }
        self.before = self.at;
        self.passed = self.at + page.len() as u64;
        // A page of one record would bring nothing but the one before it.
        self.at = self.passed - u64::from(page.len() > 1);
        self.held = page.iter().copied().collect();
        Joint::Fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of a list that changes before each request, until its end is told or the way gives up.
    fn read(
        mut list: Vec<u128>,
        size: usize,
        mut change: impl FnMut(usize, &mut Vec<u128>),
    ) -> (Vec<u128>, usize, bool) {
        // Half of the lists tell how long they are.
        let told = size % 2 == 1;
        let (mut offsets, mut got, mut requests) = (Offsets::new(0), Vec::new(), 0);
        loop {
            requests += 1;
            change(requests, &mut list);
            let from = usize::try_from(offsets.at()).unwrap().min(list.len());
            let page: Vec<Mark> = list[from..].iter().take(size).map(|id| (*id, 0)).collect();
            match offsets.join(&page) {
                Joint::Gap => continue,
                Joint::Restless => return (got, requests, false),
                Joint::Fits => {}
            }
            got.extend(page.iter().zip(offsets.new_ones()).filter(|(_, new)| **new).map(|((id, _), _)| *id));
            let ended = if told { offsets.passed() >= list.len() as u64 } else { offsets.is_spent() };
            if ended {
                return (got, requests, true);
            }
        }
    }

    #[test]
    fn a_list_at_rest_is_read_once() {
        for (count, size, requests) in [(7, 3, 3), (8, 3, 4), (3, 3, 1), (0, 3, 1), (4, 1, 4), (4, 2, 4), (5, 4, 3)] {
            let list: Vec<u128> = (0..count).collect();
            assert_eq!(read(list.clone(), size, |_, _| {}), (list, requests, true), "{count} {size}");
        }
    }

    #[test]
    fn nothing_is_lost_whatever_is_deleted_added_or_moved() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let (count, size) = (random.u128(1..40), random.usize(2..7));
            let (busy, seed) = (random.usize(1..12), random.u64(..));
            let mut of = fastrand::Rng::with_seed(seed);
            let mut stayed: Vec<u128> = (0..count).collect();
            let (got, _, ended) = read(stayed.clone(), size, |request, list| {
                if request % busy != 0 || list.is_empty() {
                    return;
                }
                let at = of.usize(..list.len());
                match of.u8(..3) {
                    0 => {
                        let gone = list.remove(at);
                        stayed.retain(|id| *id != gone);
                    }
                    1 => list.insert(at, 1_000 + request as u128),
                    _ => {
                        let moved = list.remove(at);
                        list.push(moved);
                    }
                }
            });
            if ended {
                let lost: Vec<_> = stayed.iter().filter(|id| !got.contains(id)).collect();
                assert!(lost.is_empty(), "{lost:?} of {count} by {size}, seed {seed}");
            }
        }
    }

    #[test]
    fn a_list_that_is_never_at_rest_is_given_up() {
        let (_, requests, ended) = read((0..1_000).collect(), 3, |_, list| drop(list.drain(..9)));
        assert!(!ended && requests < 20, "{requests}");
    }
}
