//! Countries: names in English and French and codes to ISO 3166-1 alpha-2.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::country_table::{ALIASES, COUNTRIES};
use super::{Invalid, invalid, tidy};
use crate::fold::fold;

static KNOWN: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let rows = COUNTRIES.lines().chain(ALIASES.lines());
    let mut known = HashMap::new();
    for row in rows.map(str::trim).filter(|row| !row.is_empty()) {
        let mut spellings = row.split('|');
        let Some(code) = spellings.next() else { continue };
        known.entry(fold(code)).or_insert(code);
        for spelling in spellings {
            known.entry(fold(spelling)).or_insert(code);
        }
    }
    known
});

/// The alpha-2 code of a country given by name (English, French, or its own where common), alpha-2 or alpha-3 code.
pub fn country(raw: &str) -> Result<Option<&'static str>, Invalid> {
    // In capitals these are Namibia and New Caledonia here, elsewhere missing values.
    match raw.trim() {
        "NA" => return Ok(Some("NA")),
        "NC" => return Ok(Some("NC")),
        _ => {}
    }
    let Some(text) = tidy(raw) else { return Ok(None) };
    let folded = fold(&text);
    let bare = folded.strip_prefix("the ").unwrap_or(&folded);
    KNOWN.get(bare).map_or_else(|| invalid("unknown country"), |code| Ok(Some(*code)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::country_table::COUNTRIES;
    use super::country;

    #[test]
    fn names_and_codes() {
        for (raw, want) in [
            ("France", Some("FR")),
            ("fr", Some("FR")),
            ("FRA", Some("FR")),
            ("Allemagne", Some("DE")),
            ("Deutschland", Some("DE")),
            ("États-Unis", Some("US")),
            ("USA", Some("US")),
            ("U.S.A.", Some("US")),
            ("The Netherlands", Some("NL")),
            ("Royaume-Uni", Some("GB")),
            ("UK", Some("GB")),
            ("England", Some("GB")),
            ("Côte d’Ivoire", Some("CI")),
            ("NA", Some("NA")),
            ("", None),
        ] {
            assert_eq!(country(raw), Ok(want), "{raw}");
        }
        assert!(country("Atlantis").is_err());
    }

    #[test]
    fn every_code_stands_once_and_finds_itself() {
        let mut seen = HashSet::new();
        for row in COUNTRIES.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let spellings: Vec<&str> = row.split('|').collect();
            assert_eq!(spellings.len(), 4, "{row}");
            assert!(spellings[0].len() == 2 && spellings[1].len() == 3 && seen.insert(spellings[0]), "{row}");
            for spelling in &spellings {
                assert_eq!(country(spelling), Ok(Some(spellings[0])), "{row}");
            }
        }
        assert_eq!(seen.len(), 249);
    }
}
