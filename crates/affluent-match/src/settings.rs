//! What a caller may decide about a match, and defaults derived from what the records hold.

use serde::{Deserialize, Serialize};

use crate::error::MatchError;
use crate::field::{Field, Kind};

/// How records are compared, which pairs are looked at, and where a match begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The fields that count, each by its kind.
    pub compare: Vec<Field>,
    /// Which pairs are looked at.
    pub block: Block,
    /// From which probability on two records belong together.
    pub threshold: Threshold,
    /// Sources in which no entity has two records.
    pub duplicate_free: Vec<String>,
    /// Seed of the random sample of pairs.
    pub seed: u64,
}

/// Which pairs are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Rules chosen from the kinds of the fields and the pairs they cost; every pair where records are few.
    #[default]
    Auto,
    /// Every pair.
    Every,
    /// These rules, in this order.
    Rules(Vec<Rule>),
}

/// A blocking rule: two records are compared when all its parts agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule(pub Vec<Part>);

/// What of a field must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The whole value.
    Whole(String),
    /// The first characters.
    Prefix(String, usize),
    /// How it sounds, roughly.
    Sound(String),
    /// The part of an e-mail address before the `@`.
    LocalPart(String),
}

impl Part {
    /// The field it looks at.
    pub fn field(&self) -> &str {
        match self {
            Self::Whole(field) | Self::Prefix(field, _) | Self::Sound(field) | Self::LocalPart(field) => field,
        }
    }
}

/// From which probability on two records belong together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Even odds, the probabilities being calibrated on the records themselves.
    #[default]
    Auto,
    /// This probability, 0 to 1.
    Probability(f64),
}

/// Below this share of filled values a field tells too little to be worth a comparison.
const LEAST_COVERAGE: f64 = 0.01;

/// Canonical fields of a person, in the order they are compared, with their kinds.
const PERSON: &[(&str, Kind)] = &[
    ("first_name", Kind::GivenName),
    ("last_name", Kind::FamilyName),
    ("maiden_name", Kind::MaidenName),
    ("sex", Kind::Sex),
    ("birth_on", Kind::Date),
    ("email", Kind::Email),
    ("phone", Kind::Phone),
    ("street", Kind::Street),
    ("postcode", Kind::Postcode),
    ("city", Kind::City),
    ("state", Kind::Region),
    ("country", Kind::Country),
    ("national_id", Kind::Id),
    ("company_name", Kind::CompanyName),
];

/// Canonical fields of a company.
const COMPANY: &[(&str, Kind)] = &[
    ("name", Kind::CompanyName),
    ("siren", Kind::Id),
    ("siret", Kind::ExclusiveId),
    ("vat_id", Kind::Id),
    ("domain", Kind::Domain),
    ("phone", Kind::Phone),
    ("street", Kind::Street),
    ("postcode", Kind::Postcode),
    ("city", Kind::City),
    ("country", Kind::Country),
];

impl Settings {
    /// Everything automatic, on these fields.
    pub fn of(compare: Vec<Field>) -> Self {
        Self { compare, block: Block::Auto, threshold: Threshold::Auto, duplicate_free: Vec::new(), seed: 1 }
    }

    /// Defaults for persons from the canonical fields that exist and the share of records that fill each (0 to 1, see
    /// [`crate::Records::coverage`]). Other names are left out.
    pub fn auto_persons(available: &[&str], coverage: &[f64]) -> Self {
        Self::of(filled(PERSON, available, coverage))
    }

    /// Defaults for companies, as [`Settings::auto_persons`].
    pub fn auto_companies(available: &[&str], coverage: &[f64]) -> Self {
        Self::of(filled(COMPANY, available, coverage))
    }

    /// The kind of a canonical person field.
    pub fn person_kind(name: &str) -> Option<Kind> {
        kind_in(PERSON, name)
    }

    /// The kind of a canonical company field.
    pub fn company_kind(name: &str) -> Option<Kind> {
        kind_in(COMPANY, name)
    }

    pub(crate) fn check(&self) -> Result<(), MatchError> {
        if let Threshold::Probability(value) = self.threshold
            && !(0.0..=1.0).contains(&value)
        {
            return Err(MatchError::Threshold { value: value.to_string() });
        }
        match &self.block {
            Block::Rules(rules) if rules.iter().any(|rule| rule.0.is_empty()) => Err(MatchError::EmptyRule),
            _ => Ok(()),
        }
    }
}

fn kind_in(canonical: &[(&str, Kind)], name: &str) -> Option<Kind> {
    canonical.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
}

fn filled(canonical: &[(&str, Kind)], available: &[&str], coverage: &[f64]) -> Vec<Field> {
    let is_filled =
        |name: &str| available.iter().zip(coverage).any(|(known, &share)| *known == name && share >= LEAST_COVERAGE);
    canonical.iter().filter(|(name, _)| is_filled(name)).map(|&(name, kind)| Field::new(name, kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Settings, Threshold};
    use crate::Kind;

    #[test]
    fn only_filled_canonical_fields_are_compared() {
        let settings = Settings::auto_persons(&["email", "first_name", "sex", "shoe_size"], &[0.9, 1.0, 0.0, 1.0]);
        let names: Vec<_> = settings.compare.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["first_name", "email"]);
        assert_eq!(Settings::company_kind("siret"), Some(Kind::ExclusiveId));
    }

    #[test]
    fn a_threshold_is_a_probability() {
        let mut settings = Settings::of(Vec::new());
        settings.threshold = Threshold::Probability(1.5);
        assert!(settings.check().is_err());
    }
}
