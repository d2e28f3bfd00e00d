//! Numbers from text, exactly: integers and decimals never pass through a float.

/// Why a text is no number of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFault {
    /// It is not written as a number.
    Syntax,
    /// It has more digits before the point than the type holds.
    Range,
    /// It has more digits after the point than the type holds.
    Scale,
}

/// A 64-bit integer; a fraction of zeros (`12.0`) is let through, since it loses nothing.
pub(super) fn integer(text: &[u8]) -> Result<i64, NumberFault> {
    let (negative, digits) = sign(text);
    if digits.len() <= 18 && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Ok(if negative { -value } else { value });
    }
    let value = decimal(text, 38, 0).map_err(|fault| match fault {
        NumberFault::Scale => NumberFault::Syntax,
        other => other,
    })?;
    i64::try_from(value).map_err(|_| NumberFault::Range)
}

/// A decimal as its unscaled value: `12.5` at scale 2 is 1250. An exponent is understood; zeros at the end of the fraction
/// are let through whatever the scale.
pub(super) fn decimal(text: &[u8], precision: u8, scale: i8) -> Result<i128, NumberFault> {
    let (negative, rest) = sign(text);
    let mut unscaled = 0_u128;
    // Zeros are held back until a digit follows them, so that those at the end cost no room.
    let mut held = 0_u32;
    let mut fraction = 0_i64;
    let mut in_fraction = false;
    let mut seen = false;
    let mut exponent = 0_i64;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                fraction += i64::from(in_fraction);
                if *byte == b'0' {
                    held += u32::from(unscaled != 0);
                } else {
                    let shift = power(held + 1).ok_or(NumberFault::Range)?;
                    unscaled = unscaled
                        .checked_mul(shift)
                        .and_then(|value| value.checked_add(u128::from(byte - b'0')))
                        .ok_or(NumberFault::Range)?;
                    held = 0;
                }
            }
            b'.' if !in_fraction => in_fraction = true,
            b'e' | b'E' if seen => {
                exponent = power_of_ten(&rest[at + 1..])?;
                break;
            }
            _ => return Err(NumberFault::Syntax),
        }
    }
    if !seen {
        return Err(NumberFault::Syntax);
    }
    if unscaled == 0 {
        return Ok(0);
    }
    let shift = i64::from(held) - fraction + exponent + i64::from(scale);
    if shift < 0 {
        return Err(NumberFault::Scale);
    }
    let limit = power(u32::from(precision)).ok_or(NumberFault::Range)?;
    let value = u32::try_from(shift)
        .ok()
        .and_then(power)
        .and_then(|factor| unscaled.checked_mul(factor))
        .filter(|value| *value < limit)
        .ok_or(NumberFault::Range)?;
    let value = value as i128;
    Ok(if negative { -value } else { value })
}

/// A finite 64-bit float.
pub(super) fn float(text: &str) -> Result<f64, NumberFault> {
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(NumberFault::Syntax);
    }
    let value: f64 = text.parse().map_err(|_| NumberFault::Syntax)?;
    if value.is_finite() { Ok(value) } else { Err(NumberFault::Range) }
}

/// `1 234,56` and `1.234,56` as `1234.56`. `None` where a group between separators is not of three digits: then the
/// separator meant something else, and the number is better refused than taken for another.
pub(super) fn from_decimal_comma(text: &str) -> Option<String> {
    let (whole, fraction) = match text.split_once(',') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut plain = String::with_capacity(text.len());
    for (at, group) in whole.split([' ', '.', '\u{a0}', '\u{202f}', '\'']).enumerate() {
        if at > 0 && (group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        plain.push_str(group);
    }
    if let Some(fraction) = fraction {
        plain.push('.');
        plain.push_str(fraction);
    }
    Some(plain)
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn power(exponent: u32) -> Option<u128> {
    10_u128.checked_pow(exponent)
}

fn power_of_ten(text: &[u8]) -> Result<i64, NumberFault> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberFault::Syntax);
    }
    if digits.len() > 6 {
        return Err(NumberFault::Range);
    }
    let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_keep_every_digit() {
        for (text, precision, scale, expected) in [
            ("11.77", 12, 2, Ok(1177)),
            ("-0.5", 4, 2, Ok(-50)),
            ("+7", 4, 2, Ok(700)),
            (".5", 4, 2, Ok(50)),
            ("5.", 4, 2, Ok(500)),
            ("1.500000000000000000000000000000000000000000000000", 4, 2, Ok(150)),
            ("1000", 4, 0, Ok(1000)),
            ("1.2e3", 6, 0, Ok(1200)),
            ("1200E-2", 6, 0, Ok(12)),
            ("0e999", 6, 0, Ok(0)),
            ("99999999999999999999999999999999999999", 38, 0, Ok(99_999_999_999_999_999_999_999_999_999_999_999_999)),
            ("100", 4, 2, Err(NumberFault::Range)),
            ("1e40", 38, 0, Err(NumberFault::Range)),
            ("1.234", 12, 2, Err(NumberFault::Scale)),
            ("134;137", 12, 2, Err(NumberFault::Syntax)),
            ("1.2.3", 12, 2, Err(NumberFault::Syntax)),
            ("1,5", 12, 2, Err(NumberFault::Syntax)),
            ("", 12, 2, Err(NumberFault::Syntax)),
            (".", 12, 2, Err(NumberFault::Syntax)),
            ("-", 12, 2, Err(NumberFault::Syntax)),
            ("1e", 12, 2, Err(NumberFault::Syntax)),
            ("NA", 12, 2, Err(NumberFault::Syntax)),
        ] {
            assert_eq!(decimal(text.as_bytes(), precision, scale), expected, "{text}");
        }
    }

    #[test]
    fn integers_are_exact_to_the_last_of_64_bits() {
        assert_eq!(integer(b"9223372036854775807"), Ok(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer(b"9223372036854775808"), Err(NumberFault::Range));
        assert_eq!(integer(b"12.0"), Ok(12));
        assert_eq!(integer(b"12.5"), Err(NumberFault::Syntax));
        assert_eq!(integer(b"0x10"), Err(NumberFault::Syntax));
    }

    #[test]
    fn floats_are_finite() {
        assert_eq!(float("1e3"), Ok(1000.0));
        assert_eq!(float("1e999"), Err(NumberFault::Range));
        assert_eq!(float("nan"), Err(NumberFault::Syntax));
        assert_eq!(float("inf"), Err(NumberFault::Syntax));
    }

    #[test]
    fn a_decimal_comma_is_no_licence_to_guess() {
        assert_eq!(from_decimal_comma("1 234,56").as_deref(), Some("1234.56"));
        assert_eq!(from_decimal_comma("1\u{202f}234\u{202f}567").as_deref(), Some("1234567"));
        assert_eq!(from_decimal_comma("-1.234,5").as_deref(), Some("-1234.5"));
        assert_eq!(from_decimal_comma("12.5"), None);
    }

    proptest! {
        #[test]
        fn what_a_decimal_prints_reads_back(unscaled in -(10_i128.pow(30))..10_i128.pow(30), scale in 0_u32..9) {
            let unit = 10_i128.pow(scale);
            let sign = if unscaled < 0 { "-" } else { "" };
            let (whole, fraction) = (unscaled.abs() / unit, unscaled.abs() % unit);
            let text = format!("{sign}{whole}.{fraction:0width$}", width = scale as usize);
            let text = text.trim_end_matches('.');
            prop_assert_eq!(decimal(text.as_bytes(), 38, scale as i8), Ok(unscaled));
        }

        #[test]
        fn integers_read_back(value: i64) {
            prop_assert_eq!(integer(value.to_string().as_bytes()), Ok(value));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,60}") {
            if let Ok(value) = decimal(text.as_bytes(), 38, 4) {
                prop_assert!(value.unsigned_abs() < 10_u128.pow(38));
            }
            let _: Result<i64, NumberFault> = integer(text.as_bytes());
        }
    }
}
