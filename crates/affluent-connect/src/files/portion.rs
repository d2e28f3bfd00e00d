//! Which records of a file are read: those from a place on, or those of a few lines.

use std::collections::HashSet;

/// A part of a file's records.
#[derive(Debug)]
pub(super) enum Portion {
    /// All but so many at its start.
    From(u64),
    /// Those that begin at these lines (in Parquet, those of these numbers); what was met is taken out of the set.
    Lines(HashSet<u64>),
}

impl Portion {
    /// Whether the record with this number, at this line, is wanted.
    pub(super) fn takes(&mut self, number: u64, line: u64) -> bool {
        match self {
            Self::From(skip) => number > *skip,
            Self::Lines(lines) => lines.remove(&line),
        }
    }

    /// Records at the start that are passed over.
    pub(super) fn skipped(&self) -> u64 {
        match self {
            Self::From(skip) => *skip,
            Self::Lines(_) => 0,
        }
    }
}
