//! Given and family names: spelling, initials, short forms, compound names.

use super::nickname::are_one;
use super::similarity::{jaro_winkler, within_one_edit};

const CLOSE: u8 = 3;
/// Levels of given names after the close one.
const FORM: u8 = 4;
const GIVEN_SIMILAR: u8 = 5;
/// Given names that have nothing in common, one of which is nobody else's, and which no family name in common makes
/// relatives' names.
pub(crate) const GIVEN_ODD: u8 = 6;
pub(crate) const GIVEN_DIFFERENT: u8 = 7;
/// Levels of family names after the close one.
const SIMILAR: u8 = 4;
const DIFFERENT: u8 = 5;
/// Jaro–Winkler bounds as used for names by Splink's and `RecordLinkage`'s documentation.
const CLOSE_FROM: f64 = 0.92;
const SIMILAR_FROM: f64 = 0.8;

/// Level of two unequal given names.
pub(crate) fn given(a: &str, b: &str) -> u8 {
    let similarity = jaro_winkler(a, b);
    if similarity >= CLOSE_FROM || is_one_typo(a, b) || are_one_word_apart(a, b) {
        return CLOSE;
    }
    let (first_a, first_b) = (first_word(a), first_word(b));
    if first_a == first_b && first_a.len() > 1 {
        return CLOSE;
    }
    if are_one(first_a, first_b) || is_initials(a, b) || is_initials(b, a) {
        return FORM;
    }
    let is_initial = (first_a.len() == 1 || first_b.len() == 1) && first_a.as_bytes()[..1] == first_b.as_bytes()[..1];
    let is_short_form = first_a.len().min(first_b.len()) >= 2 && (a.starts_with(b) || b.starts_with(a));
    if similarity >= SIMILAR_FROM || is_initial || is_short_form { GIVEN_SIMILAR } else { GIVEN_DIFFERENT }
}

/// Whether `short` is the first letters of a compound name: JP for Jean-Pierre, J P as well.
fn is_initials(short: &str, whole: &str) -> bool {
    let letters = || short.chars().filter(|&c| c != ' ');
    let words = whole.split(' ').filter_map(|word| word.chars().next());
    letters().count() > 1 && short.len() < whole.len() && letters().eq(words)
}

/// Level of two unequal family names; `2` where one is a part of the other (a compound name used in part).
pub(crate) fn family(a: &str, b: &str) -> u8 {
    let similarity = jaro_winkler(a, b);
    if similarity >= CLOSE_FROM || is_one_typo(a, b) || are_one_word_apart(a, b) {
        return CLOSE;
    }
    if has_part(a, b) || has_part(b, a) {
        return super::levels::ALTERNATIVE;
    }
    // A name cut short, down to its initial.
    if similarity >= SIMILAR_FROM || a.starts_with(b) || b.starts_with(a) { SIMILAR } else { DIFFERENT }
}

/// Whether only blanks tell them apart.
fn are_one_word_apart(a: &str, b: &str) -> bool {
    a.len() != b.len() && a.bytes().filter(|&c| c != b' ').eq(b.bytes().filter(|&c| c != b' '))
}

fn is_one_typo(a: &str, b: &str) -> bool {
    a.len().min(b.len()) >= 4 && within_one_edit(a, b)
}

fn first_word(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

fn has_part(whole: &str, part: &str) -> bool {
    part.len() >= 3 && whole.len() > part.len() && whole.split(' ').any(|word| word == part)
}

#[cfg(test)]
mod tests {
    use super::{CLOSE, DIFFERENT, FORM, GIVEN_DIFFERENT, GIVEN_SIMILAR, SIMILAR, family, given};

    #[test]
    fn given_names() {
        for (a, b, want) in [
            ("jean pierre", "jeanpierre", CLOSE),
            ("jean", "jean pierre", CLOSE),
            ("jp", "jean pierre", FORM),
            ("j p", "jean pierre", FORM),
            ("j", "jean", GIVEN_SIMILAR),
            ("rob", "robert", FORM),
            ("bob", "robert", FORM),
            ("tont", "tontine", GIVEN_SIMILAR),
            ("robert", "robret", CLOSE),
            ("marie", "paul", GIVEN_DIFFERENT),
            ("é", "e", GIVEN_DIFFERENT),
        ] {
            assert_eq!(given(a, b), want, "{a} {b}");
            assert_eq!(given(b, a), want, "{b} {a}");
        }
    }

    #[test]
    fn family_names() {
        for (a, b, want) in [
            ("le gall", "legall", CLOSE),
            ("durand", "martin durand", 2),
            ("allen", "alen", CLOSE),
            ("d", "durand", SIMILAR),
            ("green", "mitchell", DIFFERENT),
        ] {
            assert_eq!(family(a, b), want, "{a} {b}");
            assert_eq!(family(b, a), want, "{b} {a}");
        }
    }
}
