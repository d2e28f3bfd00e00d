//! Days and instants from text.
//!
//! ISO 8601 and RFC 3339 go by a path of their own, the rest by chrono. An instant without an offset is in the stream's time
//! zone: an hour that occurs twice when clocks go back means the earlier one, one that clocks skip is refused. Digits finer
//! than microseconds are cut.

use affluent_spec::types::TimestampFormat;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::number::decimal;

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z: what a four-digit year can say.
const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// A strftime format, read once.
#[derive(Debug)]
pub(super) struct Pattern {
    text: String,
    items: Option<Vec<Item<'static>>>,
}

impl Pattern {
    pub(super) fn new(format: &str) -> Self {
        Self { text: format.to_owned(), items: StrftimeItems::new(format).parse_to_owned().ok() }
    }

    fn read(&self, text: &str) -> Result<Parsed, String> {
        let items = self.items.as_ref().ok_or_else(|| format!("`{}` is not a strftime format", self.text))?;
        let mut parsed = Parsed::new();
        match parse(&mut parsed, text, items.iter()) {
            Ok(()) => Ok(parsed),
            Err(_) => Err(format!("is not written as `{}`", self.text)),
        }
    }
}

/// Days since 1970-01-01 of an ISO day; a time of midnight behind it is let through, since it loses nothing.
pub(super) fn iso_day(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    let (day, rest) = bytes.split_at_checked(10)?;
    let day = iso_date(day)?;
    let midnight = rest.is_empty()
        || (matches!(rest[0], b'T' | b' ')
            && iso_time(&rest[1..]).is_some_and(|(micros, zone)| micros == 0 && zone.is_empty()))
        || (matches!(rest[0], b'T' | b' ')
            && iso_time(&rest[1..]).is_some_and(|(micros, zone)| micros == 0 && zone == b"Z"));
    midnight.then_some(day)
}

/// Days since 1970-01-01 of a day written as `pattern` says.
pub(super) fn day_by(pattern: &Pattern, text: &str) -> Result<i32, String> {
    let day = pattern.read(text)?.to_naive_date().map_err(|_| "is not a day".to_owned())?;
    if (1..=9999).contains(&day.year()) {
        Ok(day.to_epoch_days())
    } else {
        Err("is not a day of the years 1 to 9999".to_owned())
    }
}

/// Reads instants of one column.
#[derive(Debug)]
pub(super) struct Instants {
    format: TimestampFormat,
    pattern: Option<Pattern>,
    zone: Tz,
    /// A day without a change of clocks, with its offset in seconds: rows come in order of time more often than not.
    known: Option<(i32, i64)>,
}

impl Instants {
    pub(super) fn new(format: &TimestampFormat, zone: Tz) -> Self {
        let pattern = match format {
            TimestampFormat::Strftime(text) => Some(Pattern::new(text)),
            _ => None,
        };
        Self { format: format.clone(), pattern, zone, known: None }
    }

    /// UTC microseconds since 1970-01-01T00:00:00Z, or why not (to be put behind the text).
    pub(super) fn read(&mut self, text: &str) -> Result<i64, String> {
        match (&self.format, &self.pattern) {
            (TimestampFormat::EpochSeconds, _) => epoch(text, 6),
            (TimestampFormat::EpochMillis, _) => epoch(text, 3),
            (_, Some(pattern)) => {
                let parsed = pattern.read(text)?;
                if parsed.offset().is_some() || parsed.timestamp().is_some() {
                    let instant = if parsed.offset().is_some() {
                        parsed.to_datetime().map(|instant| instant.timestamp_micros())
                    } else {
                        parsed.to_datetime_with_timezone(&Utc).map(|instant| instant.timestamp_micros())
                    };
                    return instant.map_err(|_| "is not an instant".to_owned());
                }
                let day = parsed.to_naive_date().map_err(|_| "is not a day".to_owned())?;
                let time = if parsed.hour_mod_12().is_none() && parsed.minute().is_none() {
                    NaiveTime::MIN
                } else {
                    parsed.to_naive_time().map_err(|_| "is not a time".to_owned())?
                };
                let time = NaiveDateTime::new(day, time).and_utc().timestamp_micros();
                self.in_zone(time.div_euclid(DAY_SECONDS * MICROS) as i32, time.rem_euclid(DAY_SECONDS * MICROS))
            }
            _ => self.iso(text),
        }
    }

    fn iso(&mut self, text: &str) -> Result<i64, String> {
        let bytes = text.as_bytes();
        let wrong = || {
            if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
                "is not an instant; if it counts from 1970, declare timestamp(epoch_s) or timestamp(epoch_ms)"
                    .to_owned()
            } else {
                "is not an instant; declare how it is written, as in timestamp(%d/%m/%Y %H:%M)".to_owned()
            }
        };
        let (date, rest) = bytes.split_at_checked(10).ok_or_else(wrong)?;
        let day =
            iso_date(date).ok_or_else(|| if looks_like_date(date) { "is not a day".to_owned() } else { wrong() })?;
        if rest.is_empty() {
            return self.in_zone(day, 0);
        }
        if !matches!(rest[0], b'T' | b't' | b' ') {
            return Err(wrong());
        }
        let (micros, zone) = iso_time(&rest[1..]).ok_or_else(wrong)?;
        if zone.is_empty() {
            return self.in_zone(day, micros);
        }
        let offset = iso_offset(zone).ok_or_else(wrong)?;
        Ok((i64::from(day) * DAY_SECONDS - offset) * MICROS + micros)
    }

    fn in_zone(&mut self, day: i32, micros: i64) -> Result<i64, String> {
        if self.zone == Tz::UTC {
            return Ok(i64::from(day) * DAY_SECONDS * MICROS + micros);
        }
        let offset = match self.known {
            Some((known, offset)) if known == day => offset,
            _ => self.offset(day, micros)?,
        };
        Ok((i64::from(day) * DAY_SECONDS - offset) * MICROS + micros)
    }

    fn offset(&mut self, day: i32, micros: i64) -> Result<i64, String> {
        let midnight = |day: i32| NaiveDate::from_epoch_days(day).map(|date| date.and_time(NaiveTime::MIN));
        let out = || "is out of range".to_owned();
        let (start, end) = (midnight(day).ok_or_else(out)?, midnight(day + 1).ok_or_else(out)?);
        let at = |local: &NaiveDateTime| {
            self.zone.offset_from_local_datetime(local).map(|offset| i64::from(offset.fix().local_minus_utc()))
        };
        if let (Some(first), Some(last)) = (at(&start).single(), at(&end).single())
            && first == last
        {
            self.known = Some((day, first));
            return Ok(first);
        }
        let local = start + chrono::TimeDelta::microseconds(micros);
        at(&local).earliest().ok_or_else(|| format!("does not exist in {}: clocks go forward over it", self.zone))
    }
}

/// The instant that a text says in a column of this format and zone; `None` where the column would refuse it.
pub(crate) fn instant(text: &str, format: &TimestampFormat, zone: Tz) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(Instants::new(format, zone).read(text).ok()?)
}

fn epoch(text: &str, scale: i8) -> Result<i64, String> {
    // More digits than microseconds are cut, as everywhere.
    let cut = match text.split_once('.') {
        Some((whole, fraction))
            if fraction.len() > scale as usize && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            &text[..=whole.len() + scale as usize]
        }
        _ => text,
    };
    let value = decimal(cut.as_bytes(), 38, scale).map_err(|_| "is not a count from 1970".to_owned())?;
    i64::try_from(value)
        .ok()
        .filter(|micros| SECONDS.contains(&micros.div_euclid(MICROS)))
        .ok_or_else(|| "is out of range; seconds are timestamp(epoch_s), milliseconds timestamp(epoch_ms)".to_owned())
}

fn looks_like_date(date: &[u8]) -> bool {
    date.len() == 10
        && date[4] == b'-'
        && date[7] == b'-'
        && date.iter().filter(|byte| byte.is_ascii_digit()).count() == 8
}

fn iso_date(text: &[u8]) -> Option<i32> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(&text[0..2])? * 100 + two(&text[2..4])?;
    let day = NaiveDate::from_ymd_opt(year as i32, two(&text[5..7])?, two(&text[8..10])?)?;
    (year >= 1).then(|| day.to_epoch_days())
}

/// Microseconds since midnight, and what stands behind (an offset).
fn iso_time(text: &[u8]) -> Option<(i64, &[u8])> {
    if text.len() < 5 || text[2] != b':' {
        return None;
    }
    let (hour, minute) = (i64::from(two(&text[0..2])?), i64::from(two(&text[3..5])?));
    let mut rest = &text[5..];
    let (mut second, mut micros) = (0, 0);
    if let [b':', tens, ones, tail @ ..] = rest {
        second = i64::from(two(&[*tens, *ones])?);
        rest = tail;
        if let [b'.' | b',', tail @ ..] = rest {
            let length = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 {
                return None;
            }
            for at in 0..6 {
                let digit = tail[..length].get(at).map_or(0, |digit| i64::from(digit - b'0'));
                micros = micros * 10 + digit;
            }
            rest = &tail[length..];
        }
    }
    // 60 is a leap second, which runs into the next minute.
    (hour < 24 && minute < 60 && second <= 60).then_some((((hour * 60 + minute) * 60 + second) * MICROS + micros, rest))
}

/// Seconds east of UTC: `Z`, `+01:00`, `+0100`, `+01`, ` UTC`.
fn iso_offset(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, rest) = match text {
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [_, _] => (two(rest)?, 0),
        [_, _, _, _] => (two(&rest[..2])?, two(&rest[2..])?),
        [_, _, b':', _, _] => (two(&rest[..2])?, two(&rest[3..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn two(text: &[u8]) -> Option<u32> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(format: &TimestampFormat, zone: Tz, text: &str) -> Result<String, String> {
        Instants::new(format, zone).read(text).map(|micros| {
            DateTime::from_timestamp_micros(micros).map(|instant| instant.to_rfc3339()).unwrap_or_default()
        })
    }

    #[test]
    fn reads_what_apis_and_exports_write() {
        let strftime = |format: &str| TimestampFormat::Strftime(format.to_owned());
        for (format, text, expected) in [
            (TimestampFormat::Iso, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00+00:00"),
            (TimestampFormat::Iso, "2026-11-21T10:00:00.000+0000", "2026-11-21T10:00:00+00:00"),
            (TimestampFormat::Iso, "2026-11-21T10:00:00.1234567+01:00", "2026-11-21T09:00:00.123456+00:00"),
            (TimestampFormat::Iso, "2026-11-21 10:00:00 UTC", "2026-11-21T10:00:00+00:00"),
            (TimestampFormat::Iso, "2026-11-21 10:00", "2026-11-21T09:00:00+00:00"),
            (TimestampFormat::Iso, "2026-07-21", "2026-07-20T22:00:00+00:00"),
            (TimestampFormat::EpochSeconds, "1700000000", "2023-11-14T22:13:20+00:00"),
            (TimestampFormat::EpochSeconds, "1700000000.123456789", "2023-11-14T22:13:20.123456+00:00"),
            (TimestampFormat::EpochMillis, "-1", "1969-12-31T23:59:59.999+00:00"),
            (strftime("%d/%m/%Y %H:%M"), "21/11/2026 10:00", "2026-11-21T09:00:00+00:00"),
            (strftime("%d/%m/%Y"), "21/07/2026", "2026-07-20T22:00:00+00:00"),
            (strftime("%Y-%m-%d %H:%M:%S %z"), "2026-11-21 10:00:00 +0200", "2026-11-21T08:00:00+00:00"),
        ] {
            assert_eq!(read(&format, Tz::Europe__Paris, text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_hour_that_occurs_twice_is_the_earlier_one_and_a_skipped_one_is_none() {
        let paris = Tz::Europe__Paris;
        assert_eq!(
            read(&TimestampFormat::Iso, paris, "2026-10-25 02:30:00").as_deref(),
            Ok("2026-10-25T00:30:00+00:00")
        );
        assert_eq!(
            read(&TimestampFormat::Iso, paris, "2026-10-25 03:30:00").as_deref(),
            Ok("2026-10-25T02:30:00+00:00")
        );
        let skipped = read(&TimestampFormat::Iso, paris, "2026-03-29 02:30:00");
        assert!(skipped.as_ref().is_err_and(|reason| reason.contains("does not exist in Europe/Paris")), "{skipped:?}");
    }

    #[test]
    fn refuses_with_the_way_out() {
        for (text, part) in [
            ("2024-02-31T00:00:00Z", "is not a day"),
            ("31/02/2024", "timestamp(%d/%m/%Y %H:%M)"),
            ("1700000000000", "timestamp(epoch_ms)"),
            ("2024-02-01T25:00:00Z", "not an instant"),
            ("2024-02-01T10:00:00+9", "not an instant"),
            ("2024-02-01x", "not an instant"),
        ] {
            let refused = read(&TimestampFormat::Iso, Tz::UTC, text);
            assert!(refused.as_ref().is_err_and(|reason| reason.contains(part)), "{text}: {refused:?}");
        }
        assert!(read(&TimestampFormat::EpochSeconds, Tz::UTC, "1700000000000").is_err());
        assert!(day_by(&Pattern::new("%d/%m/%Y"), "31/02/2024").is_err_and(|reason| reason.starts_with("is not")));
    }

    #[test]
    fn a_day_takes_midnight_and_nothing_else() {
        assert_eq!(iso_day("1970-01-02"), Some(1));
        assert_eq!(iso_day("1970-01-02T00:00:00.000Z"), Some(1));
        assert_eq!(iso_day("1970-01-02 00:00"), Some(1));
        assert_eq!(iso_day("1970-01-02T10:00:00Z"), None);
        assert_eq!(iso_day("1970-1-2"), None);
        assert_eq!(day_by(&Pattern::new("%Y%m%d"), "19970101"), Ok(9862));
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_135_596_800_000_000_i64..253_402_300_799_999_999) {
            let instant = DateTime::from_timestamp_micros(micros).unwrap_or_default();
            let text = instant.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            prop_assert_eq!(Instants::new(&TimestampFormat::Iso, Tz::UTC).read(&text), Ok(micros));
            prop_assert_eq!(iso_day(&text[..10]), Some(micros.div_euclid(86_400_000_000) as i32));
        }

        #[test]
        fn zones_agree_with_chrono(seconds in 0_i64..4_000_000_000) {
            let instant = DateTime::from_timestamp(seconds, 0).unwrap_or_default().with_timezone(&Tz::America__New_York);
            let text = instant.format("%Y-%m-%dT%H:%M:%S").to_string();
            let earliest = Tz::America__New_York.from_local_datetime(&instant.naive_local()).earliest();
            let ours = Instants::new(&TimestampFormat::Iso, Tz::America__New_York).read(&text).ok();
            prop_assert_eq!(ours, earliest.map(|instant| instant.timestamp_micros()));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,40}") {
            let _: Result<i64, String> = Instants::new(&TimestampFormat::Iso, Tz::Europe__Paris).read(&text);
            let _: Option<i32> = iso_day(&text);
        }
    }
}
