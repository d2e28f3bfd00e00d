//! Postal codes, each country by its own shape.

use super::{Invalid, compact, invalid, tidy};

/// A code in its country's usual spelling; `country` is ISO alpha-2, none where it is not known (then only blanks and case
/// are put right). Leading zeros a spreadsheet dropped are put back where the country's length tells.
pub fn postcode(raw: &str, country: Option<&str>) -> Result<Option<String>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    // A spreadsheet's number: 75011.0
    let text = text.strip_suffix(".0").unwrap_or(&text);
    let mut code = compact(text);
    if let Some(country) = country
        && let Some(bare) = code.strip_prefix(country)
        && bare.starts_with(|c: char| c.is_ascii_digit())
    {
        code = bare.to_string();
    }
    let digits = |length: usize, may_pad: bool| {
        let all_digits = code.bytes().all(|byte| byte.is_ascii_digit());
        if all_digits && (code.len() == length || (may_pad && code.len() + 1 == length)) {
            Ok(Some(format!("{code:0>length$}")))
        } else {
            invalid("postcode of a wrong shape for its country")
        }
    };
    match country {
        Some("FR") => match code.as_str() {
            "00000" | "99999" => invalid("postcode of no place"),
            _ => digits(5, true),
        },
        Some("DE" | "ES" | "IT" | "MC" | "FI" | "EE") => digits(5, true),
        Some("BE" | "CH" | "AT" | "LU" | "DK" | "NO" | "AU" | "HU" | "SI") => digits(4, false),
        Some("US") => match code.len() {
            9 if code.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(code[..5].to_owned())),
            _ => digits(5, true),
        },
        Some("PT") if code.len() == 7 => Ok(Some(format!("{}-{}", &code[..4], &code[4..]))),
        Some("PL") => Ok(digits(5, true)?.map(|code| format!("{}-{}", &code[..2], &code[2..]))),
        Some("GB") => match code.len() {
            5..=7 if code.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                Ok(Some(format!("{} {}", &code[..code.len() - 3], &code[code.len() - 3..])))
            }
            _ => invalid("postcode of a wrong shape for its country"),
        },
        Some("NL" | "CA") if code.len() == 6 => {
            let at = if country == Some("NL") { 4 } else { 3 };
            Ok(Some(format!("{} {}", &code[..at], &code[at..])))
        }
        _ if code.is_empty() => invalid("postcode without a letter or digit"),
        _ if code.len() > 10 => invalid("postcode too long"),
        _ => Ok(Some(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::postcode;

    #[test]
    fn codes() {
        for (raw, country, want) in [
            ("75 011", Some("FR"), Some("75011")),
            ("F-75011", Some("FR"), None),
            ("FR-75011", Some("FR"), Some("75011")),
            ("1000", Some("FR"), Some("01000")),
            ("1000.0", Some("BE"), Some("1000")),
            ("2A004", Some("FR"), None),
            ("sw1a1aa", Some("GB"), Some("SW1A 1AA")),
            ("1012ab", Some("NL"), Some("1012 AB")),
            ("94103-1234", Some("US"), Some("94103")),
            ("00123", Some("PL"), Some("00-123")),
            ("4000123", Some("PT"), Some("4000-123")),
            ("ab 12", None, Some("AB12")),
            ("!!", None, None),
        ] {
            assert_eq!(postcode(raw, country).ok().flatten().as_deref(), want, "{raw}");
        }
    }
}
