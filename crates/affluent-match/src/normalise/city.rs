//! Towns: CEDEX and districts told from the name.

use super::{Invalid, invalid, tidy};
use crate::fold::fold;

/// A town as shown and as compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct City {
    /// For reading, without CEDEX.
    pub display: String,
    /// For comparing: folded, `St` written out, district numbers dropped.
    pub key: String,
    /// Whether the address is a business delivery (CEDEX): its postcode is then not that of the place.
    pub is_cedex: bool,
}

/// A town's name.
pub fn city(raw: &str) -> Result<Option<City>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    let words: Vec<&str> = text.split(' ').collect();
    let cedex = words.iter().position(|word| fold(word) == "cedex");
    let display = words[..cedex.unwrap_or(words.len())].join(" ");
    let folded = fold(&display);
    let key: Vec<&str> = folded
        .split(' ')
        .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()) && *word != "arrondissement")
        .map(|word| match word {
            "st" => "saint",
            "ste" => "sainte",
            other => other,
        })
        .collect();
    let key = key.join(" ");
    if key.is_empty() {
        return invalid("town without a name");
    }
    Ok(Some(City { display, key, is_cedex: cedex.is_some() }))
}

#[cfg(test)]
mod tests {
    use super::city;

    #[test]
    fn towns() {
        for (raw, display, key, is_cedex) in [
            ("PARIS CEDEX 08", "PARIS", "paris", true),
            ("Paris 11e", "Paris 11e", "paris", false),
            ("St-Étienne", "St-Étienne", "saint etienne", false),
            ("Lyon 3ème arrondissement", "Lyon 3ème arrondissement", "lyon", false),
        ] {
            let found = city(raw).ok().flatten().map(|city| (city.display, city.key, city.is_cedex));
            assert_eq!(found, Some((display.to_owned(), key.to_owned(), is_cedex)), "{raw}");
        }
        assert!(city("75011").is_err());
        assert_eq!(city("null"), Ok(None));
    }
}
