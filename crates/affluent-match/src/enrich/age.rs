//! Age on a day, and the bands statistics use.

use chrono::{Datelike, NaiveDate};

/// Full years from birth to that day; none before birth. Someone born on 29 February is a year older on 1 March of common
/// years.
pub fn age(birth: NaiveDate, on: NaiveDate) -> Option<u32> {
    if on < birth {
        return None;
    }
    let before_birthday = (on.month(), on.day()) < (birth.month(), birth.day());
    u32::try_from(on.year() - birth.year() - i32::from(before_birthday)).ok()
}

/// `0-17`, `18-24`, `25-34`, ... `65-74`, `75+`; none before birth and past 120 years, where the date is wrong rather than
/// the person old.
pub fn age_band(birth: NaiveDate, on: NaiveDate) -> Option<&'static str> {
    match age(birth, on)? {
        0..=17 => Some("0-17"),
        18..=24 => Some("18-24"),
        25..=34 => Some("25-34"),
        35..=44 => Some("35-44"),
        45..=54 => Some("45-54"),
        55..=64 => Some("55-64"),
        65..=74 => Some("65-74"),
        75..=120 => Some("75+"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{age, age_band};

    #[test]
    fn birthdays() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap_or_default();
        for (birth, on, want) in [
            ("2000-06-15", "2018-06-14", Some(17)),
            ("2000-06-15", "2018-06-15", Some(18)),
            ("2000-02-29", "2001-02-28", Some(0)),
            ("2000-02-29", "2001-03-01", Some(1)),
            ("2020-01-01", "2019-12-31", None),
        ] {
            assert_eq!(age(day(birth), day(on)), want, "{birth} {on}");
        }
        assert_eq!(age_band(day("1990-01-01"), day("2024-01-01")), Some("25-34"));
        assert_eq!(age_band(day("1850-01-01"), day("2024-01-01")), None);
    }
}
