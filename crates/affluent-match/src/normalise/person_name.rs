//! Names of persons: titles removed, case put right, particles kept.

use super::{Invalid, invalid, tidy};
use crate::fold::fold;

/// A name as shown and as compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName {
    /// For reading: accents kept, case put right where the source shouted or whispered.
    pub display: String,
    /// For comparing: see [`crate::fold`].
    pub key: String,
}

/// Titles, folded.
const TITLES: &[&str] = &[
    "m",
    "mr",
    "mme",
    "mlle",
    "mrs",
    "ms",
    "miss",
    "mister",
    "monsieur",
    "madame",
    "mademoiselle",
    "dr",
    "pr",
    "prof",
    "professeur",
    "docteur",
    "me",
    "maitre",
    "sir",
    "lady",
    "herr",
    "frau",
    "sig",
    "sra",
    "sr",
    "veuve",
    "vve",
];
/// Words of a name that stay small.
const PARTICLES: &[&str] = &[
    "de", "du", "des", "la", "le", "les", "von", "van", "der", "den", "zu", "zum", "di", "da", "dos", "del", "della",
    "y", "e", "und", "et", "af", "av", "ten", "ter", "el", "al", "bin", "ben",
];
/// Entries of people in a hurry.
const PLACEHOLDERS: &[&str] = &[
    "test",
    "tests",
    "testtest",
    "asdf",
    "qwerty",
    "azerty",
    "xxx",
    "xx",
    "aaa",
    "abc",
    "foo",
    "bar",
    "anonymous",
    "anonyme",
];

/// A given name or a family name.
pub fn person_name(raw: &str) -> Result<Option<PersonName>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    if text.contains('@') {
        return invalid("e-mail address in place of a name");
    }
    let words: Vec<&str> = text.split(' ').collect();
    let titles = words.iter().take_while(|word| is_title(word)).count();
    let name = words[titles..].join(" ");
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    if letters == 0 {
        let is_number = name.chars().any(|c| c.is_ascii_digit());
        return if name.is_empty() {
            invalid("title without a name")
        } else if is_number {
            invalid("number in place of a name")
        } else {
            invalid("name without a letter")
        };
    }
    if name.chars().filter(char::is_ascii_digit).count() >= letters {
        return invalid("name with more digits than letters");
    }
    let key = fold(&name);
    if PLACEHOLDERS.contains(&key.as_str()) {
        return invalid("placeholder in place of a name");
    }
    let key = if key.is_empty() { name.clone() } else { key };
    Ok(Some(PersonName { display: with_case(&name), key }))
}

/// Splits a full name in given and family name: at a comma (`Durand, Anne`), at words in capitals (`Anne DURAND`), else
/// the first word is the given name. A single word is a family name. Either part may be missing.
pub fn split_full_name(raw: &str) -> Result<(Option<PersonName>, Option<PersonName>), Invalid> {
    let Some(text) = tidy(raw) else { return Ok((None, None)) };
    if let Some((family, given)) = text.split_once(',') {
        return Ok((person_name(given)?, person_name(family)?));
    }
    let words: Vec<&str> = text.split(' ').skip_while(|word| is_title(word)).collect();
    let (capitals, others): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| is_shouted(word));
    if !capitals.is_empty() && !others.is_empty() && others.iter().any(|word| !PARTICLES.contains(word)) {
        return Ok((person_name(&others.join(" "))?, person_name(&capitals.join(" "))?));
    }
    match words.as_slice() {
        [] => invalid("title without a name"),
        [family] => Ok((None, person_name(family)?)),
        [given, family @ ..] => Ok((person_name(given)?, person_name(&family.join(" "))?)),
    }
}

fn is_title(word: &str) -> bool {
    // A lone letter is an initial unless it is written as a title: "M." but not "M".
    TITLES.contains(&fold(word).as_str()) && (word.chars().count() > 1)
}

fn is_shouted(word: &str) -> bool {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    letters().count() > 1 && letters().all(char::is_uppercase)
}

/// A name all in capitals or all in small letters gets capitals where they belong; any other stays as its owner wrote it.
fn with_case(name: &str) -> String {
    let letters = || name.chars().filter(|c| c.is_alphabetic());
    let is_mixed = letters().any(char::is_uppercase) && letters().any(char::is_lowercase);
    if is_mixed {
        return name.to_owned();
    }
    let lower = name.to_lowercase();
    let words: Vec<String> = lower
        .split(' ')
        .enumerate()
        .map(|(at, word)| if at > 0 && PARTICLES.contains(&word) { word.to_owned() } else { capitalised(word) })
        .collect();
    words.join(" ")
}

fn capitalised(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut at_start = true;
    for c in word.chars() {
        if at_start {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        at_start = matches!(c, '-' | '\'' | '\u{2019}' | '.');
    }
    match out.strip_prefix("Mc") {
        Some(rest) if rest.len() > 2 => format!("Mc{}", capitalised(rest)),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use super::{person_name, split_full_name};

    #[test]
    fn names() {
        for (raw, display, key) in [
            ("  JEAN-PIERRE ", "Jean-Pierre", "jean pierre"),
            ("Mme. éloïse", "éloïse", "eloise"),
            ("DE LA FONTAINE", "De la Fontaine", "de la fontaine"),
            ("o'brien", "O'Brien", "obrien"),
            ("MCCARTHY", "McCarthy", "mccarthy"),
            ("van der Berg", "van der Berg", "van der berg"),
            ("M", "M", "m"),
            ("محمد", "محمد", "mhmd"),
        ] {
            let found = person_name(raw).ok().flatten().map(|name| (name.display, name.key));
            let display = if raw.starts_with("Mme") { "Éloïse" } else { display };
            assert_eq!(found, Some((display.to_owned(), key.to_owned())), "{raw}");
        }
    }

    #[test]
    fn what_is_no_name() {
        for (raw, reason) in [
            ("Mme", "title without a name"),
            ("0612345678", "number in place of a name"),
            ("a@b.fr", "e-mail address in place of a name"),
            ("test", "placeholder in place of a name"),
            ("***", "name without a letter"),
            ("a1234", "name with more digits than letters"),
        ] {
            assert_eq!(person_name(raw).map_err(|e| e.reason), Err(reason), "{raw}");
        }
        assert_eq!(person_name(" "), Ok(None));
    }

    #[test]
    fn full_names() {
        for (raw, given, family) in [
            ("Durand, Anne", Some("Anne"), Some("Durand")),
            ("Anne Marie DURAND", Some("Anne Marie"), Some("Durand")),
            ("DURAND Anne", Some("Anne"), Some("Durand")),
            ("M. Paul van der Berg", Some("Paul"), Some("van der Berg")),
            ("Durand", None, Some("Durand")),
        ] {
            let (found_given, found_family) = split_full_name(raw).unwrap_or((None, None));
            let display = |name: Option<super::PersonName>| name.map(|name| name.display);
            assert_eq!(display(found_given).as_deref(), given, "{raw}");
            assert_eq!(display(found_family).as_deref(), family, "{raw}");
        }
    }
}
