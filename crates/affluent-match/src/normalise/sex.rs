//! Sex as written in forms, titles included.

use super::{Invalid, invalid, tidy};
use crate::fold::fold;

/// `F` or `M`; ISO/IEC 5218 numbers (1 male, 2 female, 0 and 9 nothing) and words and titles in French, English, German,
/// Spanish and Italian are understood.
pub fn sex(raw: &str) -> Result<Option<char>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    match fold(&text).as_str() {
        "f" | "female" | "femme" | "feminin" | "feminine" | "woman" | "girl" | "fille" | "w" | "weiblich" | "frau"
        | "mme" | "mlle" | "madame" | "mademoiselle" | "mrs" | "ms" | "miss" | "mujer" | "femenino" | "femmina"
        | "donna" | "2" => Ok(Some('F')),
        "m" | "male" | "homme" | "masculin" | "masculine" | "man" | "boy" | "garcon" | "h" | "maennlich"
        | "mannlich" | "herr" | "mr" | "monsieur" | "sir" | "hombre" | "masculino" | "maschio" | "uomo" | "1" => {
            Ok(Some('M'))
        }
        "0" | "9" | "x" | "u" | "d" | "other" | "autre" | "divers" | "diverse" => Ok(None),
        _ => invalid("neither female nor male"),
    }
}

#[cfg(test)]
mod tests {
    use super::sex;

    #[test]
    fn words_titles_and_codes() {
        for (raw, want) in
            [("Féminin", Ok(Some('F'))), ("M.", Ok(Some('M'))), ("2", Ok(Some('F'))), ("9", Ok(None)), (" ", Ok(None))]
        {
            assert_eq!(sex(raw), want, "{raw}");
        }
        assert!(sex("75011").is_err());
    }
}
