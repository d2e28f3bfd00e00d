//! Dates as text: typing errors, day and month exchanged, years kept.

use super::similarity::{edits, within_one_edit};

/// Level of two unequal dates: 2 close (one slip, or day and month exchanged), 3 partial (two of year, month, day agree,
/// or two slips), 4 different.
pub(crate) fn date(a: &str, b: &str) -> u8 {
    let (Some(whole_a), Some(whole_b)) = (digits(a), digits(b)) else { return of_any_length(a, b) };
    let (Ok(a), Ok(b)) = (std::str::from_utf8(&whole_a), std::str::from_utf8(&whole_b)) else { return 4 };
    let ((year_a, rest_a), (year_b, rest_b)) = (a.split_at(4), b.split_at(4));
    let ((month_a, day_a), (month_b, day_b)) = (rest_a.split_at(2), rest_b.split_at(2));
    if within_one_edit(a, b) || (year_a == year_b && month_a == day_b && day_a == month_b) {
        return 2;
    }
    let agreeing = u8::from(year_a == year_b) + u8::from(month_a == month_b) + u8::from(day_a == day_b);
    if agreeing >= 2 || edits(a, b) <= 2 { 3 } else { 4 }
}

/// The eight digits of a whole date.
fn digits(date: &str) -> Option<[u8; 8]> {
    let mut found = [0; 8];
    let mut count = 0;
    for digit in date.bytes().filter(u8::is_ascii_digit) {
        *found.get_mut(count)? = digit;
        count += 1;
    }
    (count == 8).then_some(found)
}

fn of_any_length(a: &str, b: &str) -> u8 {
    let of = |date: &str| date.chars().filter(char::is_ascii_digit).collect::<String>();
    match edits(&of(a), &of(b)) {
        0 | 1 => 2,
        2 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn slips_and_exchanges() {
        for (a, b, want) in [
            ("1971-06-24", "1971-05-24", 2),
            ("1971-06-04", "1971-04-06", 2),
            ("19560409", "19560490", 2),
            ("1997-04-26", "1991-04-20", 3),
            ("1971-06-24", "1971-06-11", 3),
            ("1971-06-24", "2003-11-09", 4),
        ] {
            assert_eq!(date(a, b), want, "{a} {b}");
        }
    }
}
