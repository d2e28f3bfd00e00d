//! E-mail addresses and phone numbers.

use super::similarity::{edits, jaro_winkler, within_one_edit};

/// Local parts that belong to a desk, not to a person: agreement on them says nothing of who is behind.
const DESKS: &[&str] = &[
    "accueil",
    "achats",
    "admin",
    "administration",
    "billing",
    "bonjour",
    "commercial",
    "compta",
    "comptabilite",
    "contact",
    "direction",
    "facturation",
    "hello",
    "help",
    "info",
    "infos",
    "information",
    "mail",
    "marketing",
    "noreply",
    "no-reply",
    "office",
    "postmaster",
    "rh",
    "sales",
    "secretariat",
    "service",
    "service-client",
    "support",
    "team",
    "webmaster",
];

/// Whether an address is a desk's rather than a person's (info@, contact@).
pub(crate) fn is_desk(email: &str) -> bool {
    email.split_once('@').is_some_and(|(local, _)| DESKS.contains(&local))
}

/// Level of two unequal addresses.
pub(crate) fn email(a: &str, b: &str) -> u8 {
    let ((local_a, domain_a), (local_b, domain_b)) = (split(a), split(b));
    let shortest = local_a.len().min(local_b.len());
    if local_a == local_b {
        return if shortest >= 5 || edits(domain_a, domain_b) <= 2 { 2 } else { 3 };
    }
    let near_domain = || domain_a == domain_b || jaro_winkler(domain_a, domain_b) >= 0.9;
    let is_slip = || within_one_edit(local_a, local_b) || shortest >= 6 && edits(local_a, local_b) <= 2;
    if shortest < 4 || local_a.len().abs_diff(local_b.len()) > 2 || !is_slip() || !near_domain() {
        return 4;
    }
    // anne.roux12 and anne.roux87 are two people who came late to a provider, not one with an unsteady hand.
    let of = |local: &str, is: fn(&char) -> bool| local.chars().filter(is).collect::<String>();
    let (digits_a, digits_b) = (of(local_a, char::is_ascii_digit), of(local_b, char::is_ascii_digit));
    let are_numbered = digits_a != digits_b && !digits_a.is_empty() && !digits_b.is_empty();
    if are_numbered && of(local_a, char::is_ascii_alphabetic) == of(local_b, char::is_ascii_alphabetic) { 4 } else { 3 }
}

fn split(email: &str) -> (&str, &str) {
    email.split_once('@').unwrap_or((email, ""))
}

/// Level of two unequal numbers: one slip of the finger, or the same subscriber with and without country code.
pub(crate) fn phone(a: &str, b: &str) -> u8 {
    let (a, b) = (a.trim_start_matches('+'), b.trim_start_matches('+'));
    let same_tail = || a.bytes().rev().take(9).eq(b.bytes().rev().take(9));
    let close = a.len().min(b.len()) >= 8 && (within_one_edit(a, b) || (a.len() != b.len() && same_tail()));
    if close { 2 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::{email, is_desk, phone};

    #[test]
    fn addresses() {
        for (a, b, want) in [
            ("robert255@smith.net", "roberta25@smith.net", 3),
            ("evied56@harris-bailey.net", "evihd56@earris-bailey.net", 3),
            ("anna.muller@gmail.com", "anna.muller@web.de", 2),
            ("a@gmail.com", "a@web.de", 3),
            ("paul@acme.fr", "anne@acme.fr", 4),
            ("anne.roux12@acme.fr", "anne.roux87@acme.fr", 4),
        ] {
            assert_eq!(email(a, b), want, "{a} {b}");
        }
        assert!(is_desk("info@acme.fr") && !is_desk("ines@acme.fr"));
    }

    #[test]
    fn numbers() {
        assert_eq!(phone("+33612345678", "+33612345687"), 2);
        assert_eq!(phone("+33612345678", "612345678"), 2);
        assert_eq!(phone("+33612345678", "+33698765432"), 3);
    }
}
