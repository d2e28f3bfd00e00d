//! The companies as they truly are, with SIREN and SIRET numbers that pass their check digit.

use crate::clock::{self, DAY};
use crate::data::business;
use crate::draw::Draw;

use super::Size;
use super::people::{Address, landline};
use super::text;

/// One true company.
#[derive(Debug, Clone)]
pub(crate) struct Firm {
    pub(crate) number: u32,
    /// Without its legal form.
    pub(crate) name: String,
    pub(crate) legal_form: &'static str,
    /// Nine digits.
    pub(crate) siren: String,
    /// Fourteen digits, the SIREN first.
    pub(crate) siret: String,
    pub(crate) naf: &'static str,
    pub(crate) headcount: u32,
    pub(crate) domain: String,
    /// The switchboard, in E.164.
    pub(crate) phone: String,
    pub(crate) address: Address,
    pub(crate) entry: i32,
    pub(crate) since: i64,
}

/// The digit that makes the number pass the Luhn check, as SIREN and SIRET do.
/// <https://www.insee.fr/fr/metadonnees/definition/c2047>
fn luhn_digit(digits: &str) -> u8 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    b'0' + ((10 - sum % 10) % 10) as u8
}

fn with_check_digit(digits: String) -> String {
    let check = char::from(luhn_digit(&digits));
    digits + &check.to_string()
}

/// All companies of the world, in order of number.
pub(crate) fn firms(size: Size) -> Vec<Firm> {
    (0..size.firms()).map(|number| firm(size, number)).collect()
}

fn firm(size: Size, number: u32) -> Firm {
    let mut draw = Draw::of(size.seed, "firm", &[i64::from(number)]);
    let name = format!("{} {}", draw.pick(business::COMPANY_HEADS), draw.pick(business::COMPANY_TAILS));
    let siren = with_check_digit(draw.digits(8));
    let siret = with_check_digit(format!("{siren}{:04}", 1 + draw.below(9)));
    let address = Address::draw(&mut draw, 1.0);
    let entry =
        if number < size.first_firms() { 0 } else { ((number - size.first_firms()) / size.new_firms()) as i32 + 1 };
    let since = if entry > 0 {
        draw.range(clock::now(entry - 1), clock::now(entry) - DAY)
    } else {
        clock::now(0) - DAY - (draw.unit() * 1_800.0 * DAY as f64) as i64
    };
    Firm {
        number,
        legal_form: draw.weighted(business::LEGAL_FORMS),
        siren,
        siret,
        naf: draw.pick(business::NAF),
        headcount: draw.normal(2.6, 1.5).exp().clamp(1.0, 20_000.0) as u32,
        domain: format!("{}-{number}.fr", text::domain_part(&name)),
        phone: landline(&mut draw, &address),
        name,
        address,
        entry,
        since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(number: &str) -> bool {
        number.as_bytes()[number.len() - 1] == luhn_digit(&number[..number.len() - 1])
    }

    #[test]
    fn the_check_digit_is_that_of_published_numbers() {
        // INSEE's own SIREN and SIRET, and La Poste's SIREN.
        for number in ["120027016", "12002701600563", "356000000"] {
            assert!(passes(number), "{number}");
        }
        assert!(!passes("120027017"));
    }

    #[test]
    fn every_company_has_valid_numbers_and_its_own_domain() {
        let firms = firms(Size { seed: 3, customers: 3_000, month: 2 });
        assert_eq!(firms.len(), 250 + 2 * 5);
        assert!(firms.iter().all(|f| passes(&f.siren) && passes(&f.siret) && f.siret.starts_with(&f.siren)));
        let domains: std::collections::HashSet<_> = firms.iter().map(|f| &f.domain).collect();
        assert_eq!(domains.len(), firms.len());
    }
}
