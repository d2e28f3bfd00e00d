//! Where a SQL stream stands: the cursor that bronze keeps.

use affluent_spec::types::TimestampFormat;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::shape::Kind;
use crate::decode::instant;
use crate::error::SourceError;
use crate::page::{Cursor, Overlap};

/// What a stream's state holds. Values are written as the database writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The cursor's column and kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<By>,
    /// The highest value of the cursor when the read began. What came late lies little below it, and what came during the
    /// read above it, or a lookback below; the next read begins there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) high: Option<String>,
    /// The place of the last row in hand, where a read was broken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Vec<String>>,
}

/// What orders a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct By {
    /// The column in the database.
    pub(super) column: String,
    /// What its values are.
    pub(super) kind: Kind,
}

/// How far behind the highest cursor a read begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lookback {
    /// For instants and days.
    pub(super) seconds: u64,
    /// For numbers.
    pub(super) count: u64,
}

impl State {
    /// The state that a cursor holds, if it is one of a SQL stream.
    pub(super) fn stored(cursor: &Cursor) -> Result<Self, serde_json::Error> {
        Self::deserialize(&cursor.0)
    }

    /// The state that a cursor holds; an error if it is another kind of source's, or the stream is ordered by another
    /// column now.
    pub(super) fn of(cursor: Option<&Cursor>, place: &str, by: Option<&By>) -> Result<Self, SourceError> {
        let Some(cursor) = cursor else { return Ok(Self::default()) };
        let state = Self::stored(cursor).map_err(|error| {
            SourceError::failed(place, format!("the stored cursor is not one of a SQL stream: {error}"))
                .with_hint("if the source changed its kind, load the stream anew with `--full-refresh`")
        })?;
        match (&state.by, by) {
            (Some(was), now) if now != Some(was) => {
                let now = now.map_or_else(|| "none".to_owned(), |now| format!("`{}`", now.column));
                Err(SourceError::failed(
                    place,
                    format!("the stream was read by cursor `{}` and has {now} now", was.column),
                )
                .with_hint("load the stream anew with `--full-refresh`"))
            }
            _ => Ok(state),
        }
    }

    pub(super) fn to_cursor(&self) -> Cursor {
        Cursor(serde_json::to_value(self).unwrap_or_default())
    }

    /// The value of the cursor where the next whole read begins.
    pub(super) fn start(&self, lookback: Lookback, place: &str) -> Result<Option<String>, SourceError> {
        let (Some(by), Some(high)) = (&self.by, &self.high) else { return Ok(None) };
        before(by.kind, high, lookback).map(Some).ok_or_else(|| {
            SourceError::failed(place, format!("the stored cursor `{high}` cannot be read"))
                .with_hint("load the stream anew with `--full-refresh`")
        })
    }

    /// Which rows of bronze a read from here may deliver again; `column` is the cursor's in bronze.
    pub(super) fn overlap(&self, column: &str, zone: Tz, lookback: Lookback) -> Overlap {
        let Some(by) = &self.by else { return Overlap::All };
        // Where a read goes on behind a place, and where it looks for what came late.
        let high = self.high.as_deref().and_then(|high| before(by.kind, high, lookback));
        let begins: Vec<String> = self.at.iter().filter_map(|at| at.first().cloned()).chain(high).collect();
        let column = column.to_owned();
        if by.kind == Kind::Number {
            // A number that is too large for 64 bits is above all that are not.
            let value = begins.iter().map(|begin| begin.parse().unwrap_or(i64::MAX)).min().unwrap_or(i64::MAX);
            return Overlap::AtLeast { column, value };
        }
        let since: Option<Vec<DateTime<Utc>>> = begins.iter().map(|begin| since(by.kind, begin, zone)).collect();
        match since {
            // Without a highest value only rows without a cursor are in bronze, and those are always looked at.
            Some(all) => Overlap::Since { column, since: all.into_iter().min().unwrap_or(DateTime::<Utc>::MAX_UTC) },
            None => Overlap::All,
        }
    }
}

/// The instant of a value of the cursor; one a little before where it has none.
fn since(kind: Kind, value: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if kind == Kind::Day {
        let day: NaiveDate = value.parse().ok()?;
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc());
    }
    instant(value, &TimestampFormat::Iso, zone).or_else(|| {
        // An hour that clocks leave out has no instant; the one before it is early enough.
        let hour = Lookback { seconds: 3_600, count: 0 };
        instant(&before(Kind::Local, value, hour)?, &TimestampFormat::Iso, zone)
    })
}

/// A value of the cursor that is a lookback before another; `None` for what is no such value.
fn before(kind: Kind, value: &str, lookback: Lookback) -> Option<String> {
    match kind {
        Kind::Number => {
            let value: i128 = value.parse().ok()?;
            Some((value - i128::from(lookback.count)).max(i128::from(i64::MIN)).to_string())
        }
        Kind::Day => {
            let day: NaiveDate = value.parse().ok()?;
            // What changed in the course of a day bears the same value.
            let days = lookback.seconds.div_ceil(86_400);
            Some(day.checked_sub_days(Days::new(days)).unwrap_or(day).to_string())
        }
        Kind::Instant | Kind::Local => {
            // Both databases write `2026-01-02 03:04:05.678`; an instant ends in `Z` or, always of UTC, in `+00`.
            let plain = value.trim_end_matches('Z');
            let plain = plain.strip_suffix("+00").unwrap_or(plain);
            let time = NaiveDateTime::parse_from_str(plain, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            let seconds = TimeDelta::try_seconds(i64::try_from(lookback.seconds).ok()?)?;
            let time = time.checked_sub_signed(seconds)?;
            Some(format!("{}{}", time.format("%Y-%m-%d %H:%M:%S%.6f"), &value[plain.len()..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKBACK: Lookback = Lookback { seconds: 300, count: 1000 };

    fn state(kind: Kind, high: &str) -> State {
        let by = By { column: "c".to_owned(), kind };
        State { by: Some(by), high: Some(high.to_owned()), at: None }
    }

    #[test]
    fn a_read_begins_a_lookback_before_the_highest_value() {
        for (kind, high, start) in [
            (Kind::Instant, "2026-01-01 00:01:00.5+00", "2025-12-31 23:56:00.500000+00"),
            (Kind::Instant, "2026-01-01 00:01:00Z", "2025-12-31 23:56:00.000000Z"),
            (Kind::Local, "2026-01-01 00:10:00", "2026-01-01 00:05:00.000000"),
            (Kind::Day, "2026-01-01", "2025-12-31"),
            (Kind::Number, "1500", "500"),
            (Kind::Number, "18446744073709551615", "18446744073709550615"),
        ] {
            assert_eq!(state(kind, high).start(LOOKBACK, "x").unwrap().as_deref(), Some(start));
        }
        assert!(state(Kind::Day, "infinity").start(LOOKBACK, "x").is_err());
    }

    #[test]
    fn the_overlap_is_told_in_instants_whatever_the_zone() {
        let zone: Tz = "Europe/Paris".parse().unwrap();
        let since = |kind, high: &str| match state(kind, high).overlap("c", zone, LOOKBACK) {
            Overlap::Since { since, .. } => since.to_rfc3339(),
            other => format!("{other:?}"),
        };
        assert_eq!(since(Kind::Local, "2026-07-01 12:00:00"), "2026-07-01T09:55:00+00:00");
        assert_eq!(since(Kind::Instant, "2026-07-01 12:00:00+00"), "2026-07-01T11:55:00+00:00");
        // Five minutes before is in the hour that does not exist.
        assert_eq!(since(Kind::Local, "2026-03-29 03:01:00"), "2026-03-29T00:56:00+00:00");
        assert_eq!(
            state(Kind::Number, "5000").overlap("c", zone, LOOKBACK),
            Overlap::AtLeast { column: "c".to_owned(), value: 4000 }
        );
        assert_eq!(State::default().overlap("", zone, LOOKBACK), Overlap::All);
    }

    #[test]
    fn another_order_than_the_stored_one_is_refused() {
        let cursor = state(Kind::Number, "5").to_cursor();
        let by = By { column: "d".to_owned(), kind: Kind::Number };
        let error = State::of(Some(&cursor), "x", Some(&by)).unwrap_err();
        assert!(error.to_string().contains("read by cursor `c` and has `d` now"), "{error}");
        assert!(State::of(Some(&cursor), "x", None).is_err());
        let foreign = Cursor(serde_json::json!({ "files": {} }));
        assert!(State::of(Some(&foreign), "x", None).is_err());
    }
}
