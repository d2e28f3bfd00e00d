//! How people and systems spell things: e-mail parts, telephone formats, typing faults, lost accents, short names.

use deunicode::deunicode;

use crate::data::names::NICKNAMES;
use crate::draw::Draw;

/// Letters and digits of a name, without accents, for an e-mail address.
pub(crate) fn mail_part(name: &str) -> String {
    deunicode(name).to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == '-').collect()
}

/// The words joined by hyphens, for a domain.
pub(crate) fn domain_part(name: &str) -> String {
    let plain = deunicode(name).to_lowercase();
    let words: Vec<_> = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    words.join("-")
}

/// The name without accents.
pub(crate) fn plain(name: &str) -> String {
    deunicode(name)
}

/// One typing fault: two letters swapped, one lost, one doubled, or a neighbour on the keyboard hit.
pub(crate) fn typo(draw: &mut Draw, word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 4 {
        return word.to_owned();
    }
    let at = 1 + draw.below(letters.len() - 2);
    match draw.below(4) {
        0 => letters.swap(at, at + 1),
        1 => drop(letters.remove(at)),
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = draw.pick(&['a', 'e', 'r', 's', 'n', 't']),
    }
    letters.into_iter().collect()
}

/// The everyday short form, or an initial where the name has none.
pub(crate) fn short_name(first: &str) -> String {
    let initial = || format!("{}.", first.chars().next().unwrap_or('X'));
    NICKNAMES.iter().find(|(full, _)| *full == first).map_or_else(initial, |(_, short)| (*short).to_owned())
}

/// A telephone number in one of the ways it is typed.
pub(crate) fn phone(draw: &mut Draw, e164: &str) -> String {
    let Some(national) = e164.strip_prefix("+33") else {
        return if draw.chance(0.5) { e164.to_owned() } else { format!("00{}", &e164[1..]) };
    };
    let pairs = |separator: &str| {
        let full = format!("0{national}");
        let pairs: Vec<_> = (0..full.len() / 2).map(|i| &full[2 * i..2 * i + 2]).collect();
        pairs.join(separator)
    };
    match draw.below(7) {
        0 => e164.to_owned(),
        1 | 2 => pairs(" "),
        3 => pairs("."),
        4 => format!("0033{national}"),
        5 => format!("+33 (0){} {}", &national[..1], &national[1..]),
        _ => format!("0{national}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_keeps_its_digits_in_every_format() {
        let mut draw = Draw::of(1, "phone", &[]);
        for _ in 0..50 {
            let typed = phone(&mut draw, "+33612345678");
            let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
            assert!(digits.ends_with("612345678"), "{typed}");
        }
    }

    #[test]
    fn a_typing_fault_changes_one_or_two_letters() {
        let mut draw = Draw::of(1, "typo", &[]);
        for _ in 0..200 {
            let faulty = typo(&mut draw, "Lefèvre");
            assert!(faulty.chars().count().abs_diff("Lefèvre".chars().count()) <= 1, "{faulty}");
        }
        assert_eq!(typo(&mut draw, "Roy"), "Roy");
    }

    #[test]
    fn names_become_parts_of_addresses() {
        for (name, part) in [("Jean-François", "jean-francois"), ("de La Tour", "delatour"), ("O'Brien", "obrien")] {
            assert_eq!(mail_part(name), part);
        }
        assert_eq!(domain_part("Éditions de l'Ouest"), "editions-de-l-ouest");
    }
}
