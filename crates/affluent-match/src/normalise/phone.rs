//! Phone numbers to E.164.

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

use super::{Invalid, invalid, tidy};

/// A number in E.164 (`+33612345678`). `region` (ISO alpha-2) says which country a number without prefix belongs to; it is
/// refused where neither tells. Extensions are left out; numbers no operator could have given are refused.
pub fn phone(raw: &str, region: Option<&str>) -> Result<Option<String>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    let digits = text.chars().filter(char::is_ascii_digit).collect::<String>();
    if digits.len() < 5 {
        return invalid("phone number with fewer than five digits");
    }
    if digits.bytes().all(|byte| byte == digits.as_bytes()[0]) {
        return invalid("phone number of one digit repeated");
    }
    let default = region.and_then(|region| region.to_ascii_uppercase().parse::<Region>().ok());
    let Ok(number) = PhoneNumber::parse(&text, default) else {
        return if default.is_none() && !text.starts_with(['+', '0']) {
            invalid("phone number without a country")
        } else {
            invalid("malformed phone number")
        };
    };
    if number.is_valid() {
        Ok(Some(number.format_as(PhoneNumberFormat::E164).into_owned()))
    } else {
        invalid("phone number that cannot exist in its country")
    }
}

#[cfg(test)]
mod tests {
    use super::phone;

    #[test]
    fn numbers() {
        for (raw, region, want) in [
            ("06 12 34 56 78", Some("FR"), Ok(Some("+33612345678"))),
            ("+33 (0)6 12 34 56 78", None, Ok(Some("+33612345678"))),
            ("0033612345678", Some("FR"), Ok(Some("+33612345678"))),
            ("(415) 555-2671 ext. 5", Some("us"), Ok(Some("+14155552671"))),
            ("030 901820", Some("DE"), Ok(Some("+4930901820"))),
            ("612345678", None, Err("phone number without a country")),
            ("123", Some("FR"), Err("phone number with fewer than five digits")),
            ("0000000000", Some("FR"), Err("phone number of one digit repeated")),
            ("06 12 34 56", Some("FR"), Err("phone number that cannot exist in its country")),
            ("n/a", Some("FR"), Ok(None)),
        ] {
            let found = phone(raw, region).map_err(|e| e.reason);
            assert_eq!(found, want.map(|number| number.map(str::to_owned)), "{raw}");
        }
    }
}
