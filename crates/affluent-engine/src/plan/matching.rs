//! How records of persons and companies are matched, and which of their values survive: checked against the entity.

use affluent_match::{Decision, Preference};
use affluent_spec::pipeline::{Auto, CompareKind, Comparison};
use affluent_spec::{Entity, OneOrMany, suggest};
use indexmap::IndexMap;

use super::entities::{Resolver, mappable};
use crate::matching::read_decisions;

/// The rule that a word of `survivorship:` names; other words name sources.
fn rule(word: &str) -> Option<Preference> {
    RULES.iter().find(|(name, _)| *name == word).map(|(_, rule)| rule.clone())
}

const RULES: [(&str, Preference); 3] = [
    ("most_recent", Preference::MostRecent),
    ("most_frequent", Preference::MostFrequent),
    ("longest", Preference::Longest),
];

/// What words of `survivorship:` say; sources that follow each other are one order of trust.
fn preferences(words: &[String]) -> Vec<Preference> {
    let mut preferences = Vec::new();
    for word in words {
        match (rule(word), preferences.last_mut()) {
            (Some(rule), _) => preferences.push(rule),
            (None, Some(Preference::SourceOrder(sources))) => sources.push(word.clone()),
            (None, _) => preferences.push(Preference::SourceOrder(vec![word.clone()])),
        }
    }
    preferences
}

impl Resolver<'_> {
    pub(super) fn comparison(&mut self, name: &str, entity: &Entity, comparison: &Comparison) {
        let known = mappable(entity);
        let check = |resolver: &mut Self, path: &[&str], column: &str| {
            if !entity.columns.contains_key(column) {
                let problem = resolver.document.problem(path, format!("{name} has no column `{column}`"));
                resolver.problems.push(problem.with_hint_if(suggest::hint(column, known.iter().copied())));
            }
        };
        if let Auto::Said(compare) = &comparison.compare {
            for (label, one) in compare {
                let at = ["silver", name, "match", "compare", label.as_str()];
                match one.kind {
                    CompareKind::PersonName => {
                        for column in [&one.given, &one.family, &one.maiden].into_iter().flatten() {
                            check(self, &at, column);
                        }
                        if one.full.is_some() {
                            let problem = self.document.problem(&at, "`full` is for `affluent match`");
                            self.problems
                                .push(problem.with_hint("map full_name: it is split into first_name and last_name"));
                        }
                    }
                    CompareKind::Address => {
                        for column in one.street.iter().chain(&one.postcode).chain(&one.city) {
                            check(self, &at, column);
                        }
                    }
                    _ => check(self, &at, one.column.as_deref().unwrap_or(label)),
                }
            }
        }
        if let Auto::Said(rules) = &comparison.block {
            for (index, OneOrMany(parts)) in rules.iter().enumerate() {
                let number = index.to_string();
                for part in parts {
                    if part.split_once(':').is_some_and(|(_, length)| length.parse::<usize>().is_err()) {
                        let at = ["silver", name, "match", "block", number.as_str()];
                        let problem = self
                            .document
                            .problem(&at, format!("`{part}`: a number of characters stands after the colon"));
                        self.problems.push(problem.with_hint("write `postcode:2` for the first two characters"));
                    }
                    let column = part.split_once(':').map_or(part.as_str(), |(column, _)| column);
                    check(self, &["silver", name, "match", "block", number.as_str()], column);
                }
            }
        }
        if let Auto::Said(threshold) = comparison.threshold
            && !(0.0..=1.0).contains(&threshold)
        {
            let at = ["silver", name, "match", "threshold"];
            self.problems.push(self.document.problem(&at, "a threshold is a probability, from 0 to 1"));
        }
    }

    /// The pairs that people decided on.
    pub(super) fn decisions(&mut self, name: &str, comparison: &Comparison) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for file in comparison.decisions.iter() {
            match read_decisions(&self.base.join(file)) {
                Ok(found) => decisions.extend(found),
                Err(error) => {
                    let problem = self.document.problem(&["silver", name, "match", "decisions"], error.to_string());
                    self.problems.push(problem.with_hint_if(error.hint()));
                }
            }
        }
        decisions
    }

    /// Which value wins, by column.
    pub(super) fn survivorship(
        &mut self,
        name: &str,
        entity: &Entity,
        rules: &IndexMap<String, OneOrMany<String>>,
    ) -> IndexMap<String, Vec<Preference>> {
        let sources: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        for (column, words) in rules {
            let at = ["silver", name, "survivorship", column.as_str()];
            if column != "default" && !entity.columns.contains_key(column) {
                let problem = self.document.key_problem(&at, format!("{name} has no column `{column}`"));
                self.problems.push(problem.with_hint_if(suggest::hint(column, mappable(entity))));
            }
            for word in words.iter().filter(|word| rule(word).is_none() && !sources.contains(&word.as_str())) {
                let known = RULES.iter().map(|(name, _)| *name).chain(sources.iter().copied());
                let problem = self.document.problem(&at, format!("`{word}` is neither a rule nor a source"));
                self.problems.push(problem.with_hint_if(suggest::hint(word, known)));
            }
        }
        rules.iter().map(|(column, words)| (column.clone(), preferences(&words.0))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_rules_and_orders_of_sources() {
        let of = |words: &[&str]| preferences(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let order = |sources: &[&str]| Preference::SourceOrder(sources.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&["longest"]), [Preference::Longest]);
        assert_eq!(
            of(&["crm", "shop", "most_recent", "till"]),
            [order(&["crm", "shop"]), Preference::MostRecent, order(&["till"])]
        );
    }
}
