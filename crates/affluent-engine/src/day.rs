//! Days in the pipeline's time zone.

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The day of an instant.
pub fn of(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The first instant of a day; where clocks skip midnight, or the whole day, the first one after the gap. `None` only beyond
/// the years that chrono knows.
pub fn begin(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    // Clocks go forward by quarters of an hour, by a day at most: where the date line moved.
    (0..=24 * 4).find_map(|quarter| {
        let local = midnight.checked_add_signed(TimeDelta::minutes(15 * quarter))?;
        Some(zone.from_local_datetime(&local).earliest()?.to_utc())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_or_after_the_gap() {
        for (day, zone, begins) in [
            ("2026-11-21", chrono_tz::UTC, "2026-11-21T00:00:00+00:00"),
            ("2026-11-21", chrono_tz::Europe::Paris, "2026-11-20T23:00:00+00:00"),
            ("2026-07-21", chrono_tz::Europe::Paris, "2026-07-20T22:00:00+00:00"),
            // Clocks go from 00:00 to 01:00 on this day, and back over midnight on that one.
            ("2018-11-04", chrono_tz::America::Sao_Paulo, "2018-11-04T03:00:00+00:00"),
            ("2018-02-18", chrono_tz::America::Sao_Paulo, "2018-02-18T03:00:00+00:00"),
            // Samoa went over the date line: there is no such day.
            ("2011-12-30", chrono_tz::Pacific::Apia, "2011-12-30T10:00:00+00:00"),
        ] {
            let begun = begin(day.parse().unwrap(), zone).unwrap();
            assert_eq!(begun.to_rfc3339(), begins, "{day} in {zone}");
        }
    }

    #[test]
    fn an_instant_has_another_day_in_another_zone() {
        let at = "2026-03-28T23:30:00Z".parse().unwrap();
        assert_eq!(of(at, chrono_tz::Europe::Paris).to_string(), "2026-03-29");
        assert_eq!(of(at, chrono_tz::UTC).to_string(), "2026-03-28");
    }
}
