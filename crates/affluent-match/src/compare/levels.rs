//! The levels of every kind of comparison, best first, with what is believed of them before any data is seen.
//!
//! `m` is the chance of a level among records of one entity, `u` among records of two. The priors weigh as much as a few
//! dozen pairs and give way to the data; they keep small or odd inputs sound.

use crate::field::Kind;

/// One outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Level {
    pub(crate) name: &'static str,
    pub(crate) m: f64,
    pub(crate) u: f64,
}

const fn level(name: &'static str, m: f64, u: f64) -> Level {
    Level { name, m, u }
}

/// Number of the level "both values missing or of no account".
pub(crate) const NEUTRAL: u8 = 0;
/// Number of the level "equal" of every kind.
pub(crate) const EXACT: u8 = 1;

/// Level 2 of a given name.
pub(crate) const SWAPPED: u8 = 2;
/// Level 2 of a family name.
pub(crate) const ALTERNATIVE: u8 = 2;

const GIVEN: &[Level] = &[
    level("exact", 0.82, 0.01),
    level("swapped with family name", 0.01, 0.000_01),
    level("close", 0.07, 0.004),
    level("form of the same name", 0.02, 0.005),
    level("similar", 0.04, 0.025),
    level("different, one nobody's name", 0.02, 0.1),
    level("different", 0.02, 0.856),
];
const FAMILY: &[Level] = &[
    level("exact", 0.85, 0.003),
    level("other name of the person", 0.02, 0.000_5),
    level("close", 0.07, 0.001_5),
    level("similar", 0.02, 0.015),
    level("different", 0.04, 0.98),
];
const DATE: &[Level] = &[
    level("exact", 0.88, 0.000_2),
    level("close", 0.06, 0.001),
    level("partial", 0.04, 0.03),
    level("different", 0.02, 0.968_8),
];
const EMAIL: &[Level] = &[
    level("exact", 0.7, 0.000_05),
    level("same local part", 0.04, 0.000_1),
    level("close", 0.06, 0.001),
    level("different", 0.2, 0.998_85),
];
const PHONE: &[Level] =
    &[level("exact", 0.7, 0.000_1), level("close", 0.05, 0.000_1), level("different", 0.25, 0.999_8)];
const STREET: &[Level] = &[
    level("exact", 0.7, 0.000_5),
    level("close", 0.1, 0.000_5),
    level("similar", 0.05, 0.02),
    level("different", 0.15, 0.979),
];
const CITY: &[Level] = &[level("exact", 0.85, 0.03), level("close", 0.05, 0.002), level("different", 0.1, 0.968)];
const POSTCODE: &[Level] = &[level("exact", 0.85, 0.005), level("close", 0.05, 0.01), level("different", 0.1, 0.985)];
const AREA: &[Level] = &[level("exact", 0.93, 0.15), level("different", 0.07, 0.85)];
const ID: &[Level] =
    &[level("exact", 0.93, 0.000_01), level("close", 0.05, 0.000_1), level("different", 0.02, 0.999_89)];
const EXCLUSIVE: &[Level] = &[level("exact", 0.999, 0.000_01), level("conflict", 0.001, 0.999_99)];
const COMPANY: &[Level] = &[
    level("exact", 0.75, 0.000_3),
    level("close", 0.13, 0.000_5),
    level("similar", 0.06, 0.01),
    level("different", 0.06, 0.989_2),
];
const DOMAIN: &[Level] = &[level("exact", 0.85, 0.000_2), level("different", 0.15, 0.999_8)];
const SAME: &[Level] = &[level("exact", 0.95, 0.3), level("different", 0.05, 0.7)];
const TEXT: &[Level] = &[
    level("exact", 0.7, 0.005),
    level("close", 0.1, 0.005),
    level("similar", 0.08, 0.03),
    level("different", 0.12, 0.96),
];

/// Levels of a kind; level numbers start at 1, 0 being [`NEUTRAL`].
pub(crate) fn levels_of(kind: Kind) -> &'static [Level] {
    match kind {
        Kind::GivenName => GIVEN,
        Kind::FamilyName | Kind::MaidenName => FAMILY,
        Kind::Date => DATE,
        Kind::Email => EMAIL,
        Kind::Phone => PHONE,
        Kind::Street => STREET,
        Kind::City => CITY,
        Kind::Postcode => POSTCODE,
        Kind::Region | Kind::Country => AREA,
        Kind::Id => ID,
        Kind::ExclusiveId => EXCLUSIVE,
        Kind::CompanyName => COMPANY,
        Kind::Domain => DOMAIN,
        Kind::Sex | Kind::Exact => SAME,
        Kind::Text => TEXT,
    }
}

#[cfg(test)]
mod tests {
    use super::levels_of;
    use crate::Kind;

    #[test]
    fn priors_are_distributions_and_evidence_falls_from_best_to_worst() {
        for kind in [
            Kind::GivenName,
            Kind::FamilyName,
            Kind::Date,
            Kind::Email,
            Kind::Phone,
            Kind::Street,
            Kind::City,
            Kind::Postcode,
            Kind::Region,
            Kind::Id,
            Kind::ExclusiveId,
            Kind::CompanyName,
            Kind::Domain,
            Kind::Exact,
            Kind::Text,
        ] {
            let levels = levels_of(kind);
            assert!((levels.iter().map(|l| l.m).sum::<f64>() - 1.0).abs() < 1e-9, "{kind:?}");
            assert!((levels.iter().map(|l| l.u).sum::<f64>() - 1.0).abs() < 1e-3, "{kind:?}");
            let last = levels[levels.len() - 1];
            assert!(levels[0].m > levels[0].u && last.m < last.u, "{kind:?}");
        }
    }
}
