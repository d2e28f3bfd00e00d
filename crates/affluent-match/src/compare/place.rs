//! Streets, towns, postcodes.

use super::similarity::{common_words, edits, jaro_winkler, within_one_edit};

/// Level of two unequal street lines: 2 close, 3 similar, 4 different. House numbers must agree to be close.
pub(crate) fn street(a: &str, b: &str) -> u8 {
    let similarity = jaro_winkler(a, b);
    let common = common_words(a, b, |word| if word.len() > 2 { 2.0 } else { 1.0 });
    // Two slips leave texts of some length alike enough that they need not be counted otherwise.
    let slips = if similarity >= 0.7 || a.len().min(b.len()) < 8 {
        edits(&a.replace(' ', ""), &b.replace(' ', ""))
    } else {
        usize::MAX
    };
    if slips <= 1 || ((similarity >= 0.94 || common >= 0.75 || slips <= 2) && number(a) == number(b)) {
        return 2;
    }
    if similarity >= 0.9 || common >= 0.5 { 3 } else { 4 }
}

fn number(street: &str) -> Option<&str> {
    street.split(' ').find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// Level of two unequal town names: 2 close, 3 different.
pub(crate) fn city(a: &str, b: &str) -> u8 {
    let close = jaro_winkler(a, b) >= 0.9 || (a.len().min(b.len()) >= 4 && within_one_edit(a, b));
    if close { 2 } else { 3 }
}

/// Level of two unequal postcodes: 2 close (one slip), 3 different.
pub(crate) fn postcode(a: &str, b: &str) -> u8 {
    if within_one_edit(a, b) { 2 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::{city, postcode, street};

    #[test]
    fn places() {
        for (a, b, want) in [
            ("7 wallaby place", "7 wallabyplace", 2),
            ("7 wallaby place", "7 walaby place", 2),
            ("7 wallaby place", "8 wallaby place", 2),
            ("7 wallaby place", "93 wallaby place", 3),
            ("7 wallaby place", "12 hoseason street", 4),
        ] {
            assert_eq!(street(a, b), want, "{a} | {b}");
        }
        assert_eq!((city("lonon", "london"), city("lyon", "paris")), (2, 3));
        assert_eq!((postcode("2119", "2191"), postcode("2119", "4881")), (2, 3));
    }
}
