//! Street lines: abbreviations written out for comparison, boxes told from streets.

use super::{Invalid, invalid, tidy};
use crate::fold::fold;

/// A street line as shown and as compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Street {
    /// For reading: blanks put right.
    pub display: String,
    /// For comparing: folded, abbreviations written out, `12bis` split, the words around a box dropped.
    pub key: String,
    /// Post office box (BP, CS, PO Box, Postfach), where there is one.
    pub po_box: Option<String>,
}

/// Abbreviation and what it stands for; French first, then English and German.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("av", "avenue"),
    ("ave", "avenue"),
    ("aven", "avenue"),
    ("bd", "boulevard"),
    ("bld", "boulevard"),
    ("blvd", "boulevard"),
    ("boul", "boulevard"),
    ("ch", "chemin"),
    ("che", "chemin"),
    ("chem", "chemin"),
    ("crs", "cours"),
    ("imp", "impasse"),
    ("pl", "place"),
    ("plc", "place"),
    ("r", "rue"),
    ("rte", "route"),
    ("res", "residence"),
    ("resid", "residence"),
    ("sq", "square"),
    ("all", "allee"),
    ("allees", "allee"),
    ("fg", "faubourg"),
    ("fbg", "faubourg"),
    ("qu", "quai"),
    ("lot", "lotissement"),
    ("bat", "batiment"),
    ("appt", "appartement"),
    ("apt", "appartement"),
    ("apartment", "appartement"),
    ("esc", "escalier"),
    ("etg", "etage"),
    ("zi", "zone industrielle"),
    ("za", "zone artisanale"),
    ("zac", "zone d amenagement concerte"),
    ("pdt", "president"),
    ("gal", "general"),
    ("mal", "marechal"),
    ("cdt", "commandant"),
    ("cne", "capitaine"),
    ("st", "saint"),
    ("ste", "sainte"),
    ("rd", "road"),
    ("ln", "lane"),
    ("dr", "drive"),
    ("ct", "court"),
    ("cres", "crescent"),
    ("pde", "parade"),
    ("tce", "terrace"),
    ("hwy", "highway"),
    ("str", "strasse"),
    ("pz", "platz"),
];
/// Words that stand before the number of a box.
const BOXES: &[&[&str]] =
    &[&["bp"], &["cs"], &["tsa"], &["boite", "postale"], &["po", "box"], &["p", "o", "box"], &["postfach"]];

/// A street line. Refused are lines without letter or digit and lines that are e-mail addresses.
pub fn street(raw: &str) -> Result<Option<Street>, Invalid> {
    let Some(display) = tidy(raw) else { return Ok(None) };
    if display.contains('@') {
        return invalid("e-mail address in place of a street");
    }
    if !display.chars().any(char::is_alphanumeric) {
        return invalid("street without letter or digit");
    }
    let folded = fold(&display);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let (words, po_box) = without_box(&words);
    let mut key: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let (number, letters) = split_number(word);
        if let Some(number) = number {
            key.push(number.to_owned());
        }
        match letters {
            "" => {}
            "b" if number.is_some() => key.push("bis".to_owned()),
            "t" if number.is_some() => key.push("ter".to_owned()),
            // At the end of an English line "st" is a street, elsewhere a saint.
            "st" if at > 0 && at + 1 == words.len() => key.push("street".to_owned()),
            letters => key.push(written_out(letters).to_owned()),
        }
    }
    Ok(Some(Street { display, key: key.join(" "), po_box }))
}

fn without_box<'a>(words: &[&'a str]) -> (Vec<&'a str>, Option<String>) {
    for at in 0..words.len() {
        for name in BOXES {
            let end = at + name.len();
            if words[at..].starts_with(name)
                && let Some(number) = words.get(end)
                && number.starts_with(|c: char| c.is_ascii_digit())
            {
                let rest = words[..at].iter().chain(&words[end + 1..]).copied().collect();
                return (rest, Some((*number).to_owned()));
            }
        }
    }
    (words.to_vec(), None)
}

fn split_number(word: &str) -> (Option<&str>, &str) {
    let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &word[..word.len() - letters.len()];
    ((!number.is_empty()).then_some(number), letters)
}

fn written_out(word: &str) -> &str {
    ABBREVIATIONS.iter().find(|(short, _)| *short == word).map_or(word, |&(_, long)| long)
}

#[cfg(test)]
mod tests {
    use super::street;

    #[test]
    fn lines() {
        for (raw, key, po_box) in [
            ("12bis, Av. du Gal. de Gaulle", "12 bis avenue du general de gaulle", None),
            ("12 B avenue du Général-de-Gaulle", "12 b avenue du general de gaulle", None),
            ("3 BD St-Michel", "3 boulevard saint michel", None),
            ("7 Main St", "7 main street", None),
            ("4 chem. des Prés BP 123", "4 chemin des pres", Some("123")),
            ("P.O. Box 77", "", Some("77")),
            ("12ter r de l'Église", "12 ter rue de leglise", None),
        ] {
            let found = street(raw).ok().flatten().map(|street| (street.key, street.po_box));
            assert_eq!(found, Some((key.to_owned(), po_box.map(str::to_owned))), "{raw}");
        }
    }

    #[test]
    fn refuses() {
        assert!(street("a@b.fr").is_err() && street("..,").is_err());
        assert_eq!(street("  "), Ok(None));
    }
}
