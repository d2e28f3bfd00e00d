//! The sandbox's calendar: month 0 is the first demo run, whose "now" is 2026-11-01T00:00:00Z; month n lies n months
//! later. Window k is the time from "now" of month k-1 to "now" of month k; data of windows <= 0 is there from the start.
//!
//! Instants are milliseconds since 1970 in UTC.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeZone, Utc};

use crate::draw::Draw;

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The oldest window with orders: 36 windows end at the first "now".
pub(crate) const FIRST_WINDOW: i32 = -35;

/// The first day of the calendar month that begins at "now" of `month`.
pub(crate) fn month_start(month: i32) -> NaiveDate {
    let months = 2026 * 12 + 10 + month;
    NaiveDate::from_ymd_opt(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1).unwrap_or_default()
}

/// "Now" of a month.
pub(crate) fn now(month: i32) -> i64 {
    month_start(month).and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
}

/// The window an instant lies in.
pub(crate) fn window_of(instant: i64) -> i32 {
    let date = utc(instant);
    date.year() * 12 + date.month0() as i32 - (2026 * 12 + 10) + 1
}

/// `YYYY-MM` of a window.
pub(crate) fn label(window: i32) -> String {
    month_start(window - 1).format("%Y-%m").to_string()
}

/// The instant as chrono's.
pub(crate) fn utc(instant: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(instant).single().unwrap_or_default()
}

/// `2026-10-31T23:58:12.345Z`, as HubSpot writes.
pub(crate) fn iso(instant: i64) -> String {
    utc(instant).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `2026-10-31T23:58:12Z`, with milliseconds where there are any.
pub(crate) fn zulu(instant: i64) -> String {
    utc(instant).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `2026-10-31T23:58:12.000+0000`, as Salesforce writes (whole seconds).
pub(crate) fn salesforce(instant: i64) -> String {
    utc(instant).format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// The date part in UTC.
pub(crate) fn day(instant: i64) -> String {
    utc(instant).format("%Y-%m-%d").to_string()
}

/// Reads an instant: milliseconds as digits, RFC 3339, Salesforce's offset without colon, or a date.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(millis) = text.parse::<i64>() {
        return Some(millis);
    }
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(|d| d.timestamp_millis())
        .ok()
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()))
}

/// The stamp a CRM gives a change that shows up in window k: anywhere in the window; at its very end (a nightly job);
/// or up to four minutes before its start, which the run before could not see and a cursor without lookback loses.
pub(crate) fn change_stamp(draw: &mut Draw, window: i32) -> i64 {
    let stamp = match draw.below(50) {
        0 => now(window - 1) - draw.range(5 * SECOND, 4 * MINUTE),
        1 => now(window) - draw.range(SECOND, 4 * SECOND),
        _ => draw.range(now(window - 1), now(window) - 5 * MINUTE),
    };
    stamp - stamp.rem_euclid(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_starts_in_november_2026() {
        for (month, start) in [(0, "2026-11-01"), (2, "2027-01-01"), (-35, "2023-12-01"), (-36, "2023-11-01")] {
            assert_eq!(day(now(month)), start);
        }
        assert_eq!(label(0), "2026-10");
        for window in -40..40 {
            assert_eq!(window_of(now(window) - 1), window);
            assert_eq!(window_of(now(window - 1)), window);
        }
    }

    #[test]
    fn instants_are_read_back_in_every_spelling() {
        let instant = 1_793_491_092_000;
        for text in [iso(instant), salesforce(instant), instant.to_string(), "2026-10-31T22:38:12+02:00".into()] {
            assert_eq!(parse(&text).map(day), Some(day(instant)), "{text}");
        }
        assert_eq!(parse("31/02/2024"), None);
    }
}
