//! Instants as people write them: RFC 3339, or a day, which begins at midnight in the pipeline's time zone.

use affluent_engine::day;
use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use chrono_tz::Tz;

use crate::failure::Failure;

/// The bound of event time that `--as-of` gives, or now.
pub(crate) fn as_of(given: Option<&str>, zone: Tz) -> Result<DateTime<Utc>, Failure> {
    // Tables hold microseconds.
    given.map_or_else(|| Ok(Utc::now().trunc_subsecs(6)), |text| parse(text, zone))
}

/// The instant that `text` names.
fn parse(text: &str, zone: Tz) -> Result<DateTime<Utc>, Failure> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    text.parse::<NaiveDate>().ok().and_then(|day| day::begin(day, zone)).ok_or_else(|| {
        Failure::usage(format!("`{text}` is not an instant"))
            .hint("write 2026-11-21T00:00:00Z, or 2026-11-21 for its midnight")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_the_zone() {
        for (text, zone, is) in [
            ("2026-11-21", chrono_tz::UTC, "2026-11-21T00:00:00+00:00"),
            ("2026-11-21", chrono_tz::Europe::Paris, "2026-11-20T23:00:00+00:00"),
            ("2026-11-21T01:00:00+01:00", chrono_tz::Europe::Paris, "2026-11-21T00:00:00+00:00"),
        ] {
            assert_eq!(parse(text, zone).map(|at| at.to_rfc3339()).ok().as_deref(), Some(is), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in ["", "yesterday", "2026-02-30", "2026-11-21 00:00"] {
            assert_eq!(parse(text, chrono_tz::UTC).map_err(|failure| failure.code), Err(2), "{text}");
        }
    }
}
