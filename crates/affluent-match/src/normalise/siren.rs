//! SIREN and SIRET, the numbers of French companies and of their establishments.
//!
//! Luhn check as INSEE defines it; the establishments of La Poste (SIREN 356 000 000) follow a rule of their own, the sum
//! of the digits being a multiple of five, but for its headquarters, which pass Luhn.

use super::{Invalid, invalid, passes_luhn, tidy};

const LA_POSTE: &str = "356000000";

/// Nine digits. A SIRET is accepted and cut to its SIREN.
pub fn siren(raw: &str) -> Result<Option<String>, Invalid> {
    let Some(digits) = digits(raw)? else { return Ok(None) };
    match digits.len() {
        14 => Ok(siret(&digits)?.map(|siret| siret[..9].to_owned())),
        9 if passes_luhn(&digits) && digits != "000000000" => Ok(Some(digits)),
        9 => invalid("SIREN with a wrong check digit"),
        _ => invalid("SIREN without nine digits"),
    }
}

/// Fourteen digits.
pub fn siret(raw: &str) -> Result<Option<String>, Invalid> {
    let Some(digits) = digits(raw)? else { return Ok(None) };
    if digits.len() != 14 {
        return invalid("SIRET without fourteen digits");
    }
    let sum: u32 = digits.bytes().map(|byte| u32::from(byte - b'0')).sum();
    let is_post_office = digits.starts_with(LA_POSTE) && sum.is_multiple_of(5);
    if sum > 0 && (passes_luhn(&digits) && passes_luhn(&digits[..9]) || is_post_office) {
        Ok(Some(digits))
    } else {
        invalid("SIRET with a wrong check digit")
    }
}

fn digits(raw: &str) -> Result<Option<String>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect();
    // Spreadsheets turn long numbers into 7.3282932E+13: nothing of the end is left to check.
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(Some(digits))
    } else {
        invalid("number with other signs than digits")
    }
}

#[cfg(test)]
mod tests {
    use super::{siren, siret};

    #[test]
    fn check_digits() {
        assert_eq!(siren("732 829 320"), Ok(Some("732829320".to_owned())));
        assert_eq!(siren("732.829.320 00074"), Ok(Some("732829320".to_owned())));
        assert_eq!(siret("732 829 320 00074"), Ok(Some("73282932000074".to_owned())));
        assert!(siren("732829321").is_err() && siret("73282932000075").is_err());
        assert!(siren("12345").is_err() && siren("7.3E+8").is_err());
        assert_eq!(siren(""), Ok(None));
    }

    #[test]
    fn la_poste_has_a_rule_of_its_own() {
        // Headquarters pass Luhn; a post office does not, but its digits add up to a multiple of five.
        assert!(siret("35600000000048").is_ok());
        assert!(siret("35600000049837").is_ok());
        assert!(siret("35600000049838").is_err());
    }
}
