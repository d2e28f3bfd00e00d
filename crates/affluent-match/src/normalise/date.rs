//! Dates in many spellings, without ever guessing between day and month.

use chrono::NaiveDate;

use super::{Invalid, invalid, tidy};
use crate::fold::fold;

/// Which comes first in dates such as 03/04/2024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Not known: such a date is read only where one of the numbers is above twelve or both are equal.
    #[default]
    Unknown,
    /// 3 April.
    DayFirst,
    /// March 4.
    MonthFirst,
}

/// Reads a date. Understood are ISO 8601 (also with a time, which is cut off, and as `20240403`), numbers with `/ . -`
/// or blanks in between, year first or last, and month names in French, English, German, Spanish and Italian. Years have
/// four digits; the calendar is checked.
pub fn date(raw: &str, order: Order) -> Result<Option<NaiveDate>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    let day = without_time(&text);
    let words: Vec<String> = words(day);
    let numbers: Vec<Option<u32>> = words.iter().map(|word| word.parse().ok()).collect();
    let length = |at: usize| words[at].len();
    match (words.len(), numbers.as_slice()) {
        (1, [Some(number)]) if length(0) == 8 => calendar(number / 10_000, number / 100 % 100, number % 100),
        (3, [Some(year), Some(month), Some(day)]) if length(0) == 4 => calendar(*year, *month, *day),
        (3, [Some(first), Some(second), Some(year)]) if length(2) == 4 => by_order(*first, *second, *year, order),
        (3, [Some(_), Some(_), Some(_)]) => invalid("date with a year of two digits"),
        (3, [Some(day), None, Some(year)]) if length(2) == 4 => named(*day, &words[1], *year),
        (3, [Some(year), None, Some(day)]) if length(0) == 4 => named(*day, &words[1], *year),
        (3, [None, Some(day), Some(year)]) if length(2) == 4 => named(*day, &words[0], *year),
        _ => invalid("date in no known spelling"),
    }
}

/// The order a column's dates are written in, from those that leave no doubt; [`Order::Unknown`] when none does or when
/// they contradict each other.
pub fn order_of<'a>(column: impl IntoIterator<Item = &'a str>) -> Order {
    let (mut day_first, mut month_first) = (false, false);
    for raw in column {
        let Some(text) = tidy(raw) else { continue };
        let words = words(without_time(&text));
        if let [first, second, year] = words.as_slice()
            && year.len() == 4
            && let (Ok(first), Ok(second)) = (first.parse::<u32>(), second.parse::<u32>())
        {
            day_first |= first > 12 && (1..=12).contains(&second);
            month_first |= second > 12 && (1..=12).contains(&first);
        }
    }
    match (day_first, month_first) {
        (true, false) => Order::DayFirst,
        (false, true) => Order::MonthFirst,
        _ => Order::Unknown,
    }
}

fn by_order(first: u32, second: u32, year: u32, order: Order) -> Result<Option<NaiveDate>, Invalid> {
    match order {
        Order::DayFirst => calendar(year, second, first),
        Order::MonthFirst => calendar(year, first, second),
        Order::Unknown if first > 12 || first == second => calendar(year, second, first),
        Order::Unknown if second > 12 => calendar(year, first, second),
        Order::Unknown => invalid("day and month cannot be told apart"),
    }
}

fn named(day: u32, name: &str, year: u32) -> Result<Option<NaiveDate>, Invalid> {
    month(name).map_or_else(|| invalid("date with an unknown month"), |month| calendar(year, month, day))
}

fn calendar(year: u32, month: u32, day: u32) -> Result<Option<NaiveDate>, Invalid> {
    if year < 1000 {
        return invalid("date before the year 1000");
    }
    match NaiveDate::from_ymd_opt(year as i32, month, day) {
        Some(date) => Ok(Some(date)),
        None => invalid("day that is not in the calendar"),
    }
}

/// What stands before a time of day.
fn without_time(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let splits = |(at, c): (usize, char)| match c {
        'T' | 't' => (at > 0 && is_digit(at - 1) && is_digit(at + 1)).then_some(at),
        ':' => text[..at].rfind([' ', 'T']),
        _ => None,
    };
    text.char_indices().find_map(splits).map_or(text, |at| &text[..at])
}

fn words(day: &str) -> Vec<String> {
    let folded = fold(day);
    let spelled_out = |word: &&str| !matches!(*word, "de" | "del" | "of" | "le" | "the");
    let bare = |word: &str| {
        let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let ending = &word[number.len()..];
        let is_ordinal = !number.is_empty() && matches!(ending, "st" | "nd" | "rd" | "th" | "er");
        if is_ordinal { number.to_owned() } else { word.to_owned() }
    };
    folded.split(' ').filter(spelled_out).map(bare).collect()
}

fn month(name: &str) -> Option<u32> {
    /// First letters that no other month of these languages shares.
    const BEGINNINGS: &[(&str, u32)] = &[
        ("jan", 1),
        ("ene", 1),
        ("gen", 1),
        ("fe", 2),
        ("mar", 3),
        ("maer", 3),
        ("mrz", 3),
        ("av", 4),
        ("ap", 4),
        ("ab", 4),
        ("mai", 5),
        ("may", 5),
        ("mag", 5),
        ("juin", 6),
        ("jun", 6),
        ("giu", 6),
        ("juil", 7),
        ("jul", 7),
        ("lug", 7),
        ("ao", 8),
        ("au", 8),
        ("ag", 8),
        ("se", 9),
        ("oc", 10),
        ("ok", 10),
        ("ot", 10),
        ("no", 11),
        ("de", 12),
        ("di", 12),
        ("dez", 12),
    ];
    let is_name = name.len() >= 3 && name.chars().all(|c| c.is_ascii_alphabetic());
    is_name.then(|| BEGINNINGS.iter().find(|(start, _)| name.starts_with(start)).map(|&(_, month)| month)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Order, date, order_of};

    fn iso(raw: &str, order: Order) -> Result<String, &'static str> {
        date(raw, order).map(|found| found.map_or_else(String::new, |day| day.to_string())).map_err(|e| e.reason)
    }

    #[test]
    fn spellings() {
        for raw in [
            "2024-04-03",
            "20240403",
            "2024/4/3",
            "2024-04-03T10:00:00Z",
            "2024-04-03 23:59",
            "3 avril 2024",
            "3rd April, 2024",
            "Apr 3 2024",
            "3. April 2024",
            "1er avril 2024",
            "3 de abril de 2024",
            "03-avr.-2024",
            "mercredi",
        ] {
            let want = match raw {
                "1er avril 2024" => Ok("2024-04-01".to_owned()),
                "mercredi" => Err("date in no known spelling"),
                _ => Ok("2024-04-03".to_owned()),
            };
            assert_eq!(iso(raw, Order::Unknown), want, "{raw}");
        }
    }

    #[test]
    fn day_and_month_are_never_guessed() {
        for (raw, order, want) in [
            ("03/04/2024", Order::DayFirst, Ok("2024-04-03")),
            ("03/04/2024", Order::MonthFirst, Ok("2024-03-04")),
            ("03/04/2024", Order::Unknown, Err("day and month cannot be told apart")),
            ("13/04/2024", Order::Unknown, Ok("2024-04-13")),
            ("04/13/2024", Order::Unknown, Ok("2024-04-13")),
            ("04/04/2024", Order::Unknown, Ok("2024-04-04")),
            ("04/13/2024", Order::DayFirst, Err("day that is not in the calendar")),
            ("31/02/2024", Order::DayFirst, Err("day that is not in the calendar")),
            ("13/04/24", Order::DayFirst, Err("date with a year of two digits")),
            ("20241340", Order::Unknown, Err("day that is not in the calendar")),
            ("", Order::Unknown, Ok("")),
        ] {
            assert_eq!(iso(raw, order), want.map(str::to_owned), "{raw}");
        }
    }

    #[test]
    fn a_column_decides_its_order() {
        assert_eq!(order_of(["03/04/2024", "25/12/2023"]), Order::DayFirst);
        assert_eq!(order_of(["03/04/2024", "12/25/2023"]), Order::MonthFirst);
        assert_eq!(order_of(["25/12/2023", "12/25/2023"]), Order::Unknown);
        assert_eq!(order_of(["03/04/2024", ""]), Order::Unknown);
    }
}
