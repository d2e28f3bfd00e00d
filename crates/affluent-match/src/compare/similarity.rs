//! The string similarities everything else is built on; the only module that knows which library computes them.

use rapidfuzz::distance::{jaro_winkler, osa};

/// Bytes of a text that are looked at: no name or address is longer, and similarities of what is cost its length squared.
const LONGEST: usize = 512;

/// The beginning of a text, at most [`LONGEST`] bytes of whole characters.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// Jaro–Winkler similarity, 0 to 1. Symmetric: the texts are put in order first.
pub(crate) fn jaro_winkler(a: &str, b: &str) -> f64 {
    let (a, b) = (head(a), head(b));
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    if a.is_ascii() && b.is_ascii() {
        jaro_winkler::similarity(a.bytes(), b.bytes())
    } else {
        jaro_winkler::similarity(a.chars(), b.chars())
    }
}

/// Edits (insert, delete, replace, swap of neighbours) from one text to the other.
pub(crate) fn edits(a: &str, b: &str) -> usize {
    let (a, b) = (head(a), head(b));
    if a.is_ascii() && b.is_ascii() { osa::distance(a.bytes(), b.bytes()) } else { osa::distance(a.chars(), b.chars()) }
}

/// Whether at most one edit (as in [`edits`]) leads from one text to the other; far quicker than counting them.
pub(crate) fn within_one_edit(a: &str, b: &str) -> bool {
    let (a, b) = (head(a), head(b));
    let (left, right) = (a.as_bytes(), b.as_bytes());
    if !(a.is_ascii() && b.is_ascii()) {
        return a.chars().count().abs_diff(b.chars().count()) <= 1 && edits(a, b) <= 1;
    }
    if left.len().abs_diff(right.len()) > 1 {
        return false;
    }
    let start = left.iter().zip(right).take_while(|(x, y)| x == y).count();
    let (left, right) = (&left[start..], &right[start..]);
    let end = left.iter().rev().zip(right.iter().rev()).take_while(|(x, y)| x == y).count();
    let (left, right) = (&left[..left.len() - end], &right[..right.len() - end]);
    match (left.len(), right.len()) {
        (0 | 1, 0 | 1) => true,
        (2, 2) => left[0] == right[1] && left[1] == right[0],
        _ => false,
    }
}

/// Share of the words two texts have in common, every word weighed by `weight`, 0 to 1; words within one edit of each
/// other (from five letters on) count as common.
pub(crate) fn common_words(a: &str, b: &str, weight: impl Fn(&str) -> f64) -> f64 {
    let left: Vec<&str> = head(a).split(' ').collect();
    let mut right: Vec<&str> = head(b).split(' ').collect();
    let mut all: f64 = left.iter().chain(&right).map(|word| weight(word)).sum();
    let mut common = 0.0;
    for word in left {
        let equal = right.iter().position(|other| *other == word);
        let near = || right.iter().position(|other| word.len() > 4 && other.len() > 4 && edits(word, other) <= 1);
        if let Some(at) = equal.or_else(near) {
            let both = f64::midpoint(weight(word), weight(right[at]));
            common += both;
            all -= both;
            right.swap_remove(at);
        }
    }
    if all > 0.0 { common / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{common_words, edits, jaro_winkler, within_one_edit};

    #[test]
    fn known_values() {
        assert!((jaro_winkler("martha", "marhta") - 0.9611).abs() < 1e-4);
        assert!((jaro_winkler("dixon", "dicksonx") - 0.8133).abs() < 1e-4);
        assert_eq!(edits("lonon", "london"), 1);
        assert_eq!(edits("1971-06-24", "1971-60-24"), 1);
        assert_eq!(edits("é", "e"), 1);
    }

    #[test]
    fn one_edit_is_told_quickly() {
        let texts = ["", "a", "ab", "ba", "abc", "acb", "abd", "cab", "aab", "abcd", "abdc", "badc", "é", "éa", "aé"];
        for (a, b) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            assert_eq!(within_one_edit(a, b), edits(a, b) <= 1, "{a} {b}");
        }
    }

    #[test]
    fn long_texts_are_compared_by_their_beginning() {
        let (a, b) = ("é".repeat(1_000_000), "é".repeat(999_999) + "x");
        assert!((jaro_winkler(&a, &b) - 1.0).abs() < 1e-9);
        assert_eq!((edits(&a, &b), within_one_edit(&a, &b)), (0, true));
    }

    #[test]
    fn words_count_whatever_their_order() {
        assert!((common_words("rue de lyon", "lyon rue de", |_| 1.0) - 1.0).abs() < 1e-9);
        assert!((common_words("7 wallaby place", "7 wallabi place", |_| 1.0) - 1.0).abs() < 1e-9);
        assert!((common_words("a b", "a c", |_| 1.0) - 1.0 / 3.0).abs() < 1e-9);
    }
}
