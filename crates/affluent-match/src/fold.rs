//! The folded form of a text: what is left of it when only letters and digits count.

use std::borrow::Cow;

use deunicode::deunicode_char;

/// Lower case ASCII words separated by single blanks: accents and scripts transliterated, apostrophes dropped, other
/// punctuation turned into a blank. Empty when nothing can be read in it.
///
/// ```
/// assert_eq!(affluent_match::fold("  D'Alençon-Müller "), "dalencon muller");
/// ```
pub fn fold(raw: &str) -> String {
    let mut folded = String::with_capacity(raw.len());
    let mut gap = false;
    let mut add = |c: char, folded: &mut String| {
        if c.is_ascii_alphanumeric() {
            if gap && !folded.is_empty() {
                folded.push(' ');
            }
            gap = false;
            folded.push(c.to_ascii_lowercase());
        } else if !matches!(c, '\'' | '`') {
            gap = true;
        }
    };
    for c in raw.chars() {
        match c {
            '\u{2019}' | '\u{2018}' | '\u{02bc}' => {}
            c if c.is_ascii() => add(c, &mut folded),
            // Combining marks of decomposed text belong to the letter before them; characters without width are not seen.
            '\u{0300}'..='\u{036f}' | '\u{00ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            c => deunicode_char(c).unwrap_or(" ").chars().for_each(|c| add(c, &mut folded)),
        }
    }
    folded
}

/// [`fold`] for names: a text in which nothing can be read keeps its own characters, so that it still equals itself.
pub(crate) fn fold_or_keep(raw: &str) -> Cow<'_, str> {
    let folded = fold(raw);
    if folded.is_empty() { Cow::Borrowed(raw.trim()) } else { Cow::Owned(folded) }
}

#[cfg(test)]
mod tests {
    use super::{fold, fold_or_keep};

    #[test]
    fn folds_case_accents_and_punctuation() {
        for (raw, want) in [
            ("Éloïse", "eloise"),
            ("E\u{301}loi\u{308}se", "eloise"),
            ("O’Brien", "obrien"),
            ("  Jean--Pierre  ", "jean pierre"),
            ("Straße", "strasse"),
            ("\u{a0}12,  bis", "12 bis"),
            ("Ægir", "aegir"),
            ("Du\u{200b}ra\u{feff}nd", "durand"),
            ("...", ""),
        ] {
            assert_eq!(fold(raw), want, "{raw}");
        }
    }

    #[test]
    fn an_unreadable_name_still_equals_itself() {
        assert_eq!(fold_or_keep(" \u{e000} "), "\u{e000}");
        assert!(!fold_or_keep("محمد").is_empty());
    }
}
