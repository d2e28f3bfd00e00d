//! Survivorship: which record's value stands in the golden record.

use std::cmp::Ordering;
use std::collections::HashMap;

/// One record's value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The record, for ties.
    pub record_id: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// When it was last changed, in any unit that grows with time; none sorts as oldest.
    pub changed_at: Option<i64>,
    /// Its value; none and blank do not take part.
    pub value: Option<&'a str>,
}

/// What makes a value better than another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preference {
    /// Changed last.
    MostRecent,
    /// Held by most records.
    MostFrequent,
    /// Most characters.
    Longest,
    /// From the source that stands first; sources not named come last.
    SourceOrder(Vec<String>),
}

/// The value that stands, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survivor<'a> {
    /// The value.
    pub value: &'a str,
    /// Place of its record among the candidates.
    pub from: usize,
}

/// The best candidate by the first preference, at a tie by the next, and so on; then the most recent, then the smallest
/// record id, so that the choice never depends on the order of the candidates. None when no candidate has a value.
pub fn survive<'a>(candidates: &[Candidate<'a>], preferences: &[Preference]) -> Option<Survivor<'a>> {
    let mut held: HashMap<&str, usize> = HashMap::new();
    let filled = || {
        let values = candidates.iter().enumerate();
        values.filter_map(|(at, c)| c.value.filter(|value| !value.trim().is_empty()).map(|value| (at, c, value)))
    };
    filled().for_each(|(_, _, value)| *held.entry(value).or_default() += 1);
    let better = |(_, a, value_a): &(usize, &Candidate<'a>, &'a str),
                  (_, b, value_b): &(usize, &Candidate<'a>, &'a str)| {
        let recent = || b.changed_at.cmp(&a.changed_at);
        let by = |preference: &Preference| match preference {
            Preference::MostRecent => recent(),
            Preference::MostFrequent => held[value_b].cmp(&held[value_a]),
            Preference::Longest => value_b.chars().count().cmp(&value_a.chars().count()),
            Preference::SourceOrder(sources) => {
                let rank = |source: &str| sources.iter().position(|name| name == source).unwrap_or(sources.len());
                rank(a.source).cmp(&rank(b.source))
            }
        };
        let preferred = preferences.iter().map(by).find(|order| *order != Ordering::Equal);
        preferred.unwrap_or_else(recent).then_with(|| a.record_id.cmp(b.record_id))
    };
    filled().min_by(better).map(|(from, _, value)| Survivor { value, from })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Candidate, Preference, survive};

    fn candidate<'a>(record_id: &'a str, source: &'a str, changed_at: i64, value: &'a str) -> Candidate<'a> {
        Candidate { record_id, source, changed_at: Some(changed_at), value: Some(value) }
    }

    #[test]
    fn each_preference() {
        let candidates = [
            candidate("1", "crm", 10, "Al"),
            candidate("2", "shop", 30, "Alain"),
            candidate("3", "web", 20, "Al"),
            candidate("4", "web", 99, "  "),
        ];
        let sources = Preference::SourceOrder(vec!["web".to_owned(), "crm".to_owned()]);
        for (preference, want) in
            [(Preference::MostRecent, 1), (Preference::MostFrequent, 2), (Preference::Longest, 1), (sources, 2)]
        {
            let found = survive(&candidates, std::slice::from_ref(&preference)).map(|survivor| survivor.from);
            assert_eq!(found, Some(want), "{preference:?}");
        }
        assert_eq!(survive(&candidates[3..], &[Preference::Longest]), None);
    }

    #[test]
    fn later_preferences_break_ties() {
        let candidates =
            [candidate("1", "crm", 10, "ab"), candidate("2", "shop", 10, "cd"), candidate("0", "x", 10, "ef")];
        let order = Preference::SourceOrder(vec!["shop".to_owned()]);
        assert_eq!(survive(&candidates, &[Preference::Longest, order]).map(|s| s.value), Some("cd"));
        assert_eq!(survive(&candidates, &[Preference::Longest]).map(|s| s.value), Some("ef"));
    }

    proptest! {
        #[test]
        fn the_survivor_is_a_candidate_whatever_the_order(
            values in prop::collection::vec((prop::option::of("[a-c ]{0,3}"), 0_i64..3), 0..8),
            which in 0_usize..3,
        ) {
            let ids: Vec<String> = (0..values.len()).map(|n| n.to_string()).collect();
            let mut candidates: Vec<Candidate<'_>> = values
                .iter()
                .zip(&ids)
                .map(|((value, at), id)| Candidate { record_id: id, source: "s", changed_at: Some(*at), value: value.as_deref() })
                .collect();
            let preference = [Preference::MostRecent, Preference::MostFrequent, Preference::Longest][which].clone();
            let found = survive(&candidates, std::slice::from_ref(&preference));
            let filled = candidates.iter().any(|c| c.value.is_some_and(|value| !value.trim().is_empty()));
            prop_assert_eq!(found.is_some(), filled);
            if let Some(survivor) = found {
                prop_assert_eq!(candidates[survivor.from].value, Some(survivor.value));
            }
            let first = found.map(|survivor| candidates[survivor.from].record_id);
            candidates.reverse();
            let second = survive(&candidates, &[preference]).map(|survivor| candidates[survivor.from].record_id);
            prop_assert_eq!(first, second);
        }
    }
}
