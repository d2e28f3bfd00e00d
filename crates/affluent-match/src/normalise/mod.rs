//! One normaliser per kind of value. Each takes the text as it came and returns `Ok(None)` for blank, `Ok(Some(..))` for
//! the canonical value, or [`Invalid`] with the reason; none ever turns a bad value into a missing one in silence.

pub mod address;
pub mod city;
pub mod company_name;
pub mod country;
mod country_table;
pub mod date;
pub mod domain;
pub mod email;
pub mod person_name;
pub mod phone;
pub mod postcode;
pub mod sex;
pub mod siren;
pub mod vat;

/// Why a value is not what its column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Invalid {
    /// The reason, a lower case fragment fit for a quarantine row.
    pub reason: &'static str,
}

/// Shorthand for a reason.
pub(crate) const fn invalid<T>(reason: &'static str) -> Result<T, Invalid> {
    Err(Invalid { reason })
}

/// Texts people and exports write where there is nothing to write.
const NOTHING: &[&str] = &[
    "-",
    "--",
    "---",
    ".",
    "?",
    "/",
    "#n/a",
    "n/a",
    "na",
    "n.a.",
    "nan",
    "nc",
    "n.c.",
    "nd",
    "none",
    "nil",
    "null",
    "\\n",
    "(null)",
    "undefined",
    "unknown",
    "inconnu",
    "inconnue",
    "non renseigne",
    "non renseigné",
    "not provided",
    "not specified",
    "unbekannt",
    "s/o",
];

/// The text without surrounding and doubled blanks and without invisible characters; none where it says nothing.
pub(crate) fn tidy(raw: &str) -> Option<String> {
    let visible = raw.chars().filter(|c| !is_invisible(*c));
    let spaced: String = visible.map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c }).collect();
    let tidy = spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let says_nothing = tidy.is_empty() || NOTHING.contains(&tidy.to_lowercase().as_str());
    (!says_nothing).then_some(tidy)
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

/// Upper case letters and digits only.
pub(crate) fn compact(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// Whether the digits pass the Luhn check (ISO/IEC 7812-1, annex B).
pub(crate) fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            match at % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::{passes_luhn, tidy};

    #[test]
    fn blanks_and_fillers_are_nothing() {
        for raw in ["", "  ", "N/A", "null", "\u{200b}", "-", "\t\n", "Inconnu"] {
            assert_eq!(tidy(raw), None, "{raw:?}");
        }
        assert_eq!(tidy(" a\u{a0}\tb\u{200b} ").as_deref(), Some("a b"));
    }

    #[test]
    fn luhn() {
        assert!(passes_luhn("4539578763621486") && passes_luhn("732829320"));
        assert!(!passes_luhn("732829321"));
    }
}
