//! The cursor of a stream, settled: where a read begins, in what way what is new is asked for.

use affluent_spec::connector::{CursorSpec, InstantFormat, Opaque, Stream};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::types::TimestampFormat;
use affluent_spec::{ColumnType, bronze};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use indexmap::IndexMap;

use super::body::{self, Path};
use super::dialect::Dialect;
use super::settings::ResolvedSettings;
use crate::{SourceError, decode};

/// The cursor of a stream.
pub(crate) struct CursorPlan {
    /// Where it lies in a record.
    pub(crate) path: Path,
    pub(crate) format: TimestampFormat,
    pub(crate) zone: Tz,
    column: String,
    lookback: TimeDelta,
    pub(crate) newest_first: bool,
    pub(crate) way: Way,
}

/// How what is new is asked for.
pub(crate) enum Way {
    /// Not at all: the stream is read whole each time.
    Whole,
    /// By a parameter that takes the start.
    Since {
        /// Where a stream begins that was never read.
        start: Option<DateTime<Utc>>,
        /// The length of a slice.
        step: Option<TimeDelta>,
        /// How long before now the last slice ends.
        lag: TimeDelta,
    },
    /// By a list that comes in the order of the cursor, from the start on.
    Ordered {
        /// Where a stream begins that was never read.
        start: Option<DateTime<Utc>>,
    },
    /// By what the last page gave.
    Opaque {
        /// Where it stands in an answer, and what takes it.
        opaque: Opaque,
        /// Where a stream begins that was never read.
        start: Option<DateTime<Utc>>,
    },
    /// By queries in the order of (cursor, id), from the start on.
    Keyset(Dialect),
}

impl CursorPlan {
    /// The cursor of a stream with these fields.
    pub(crate) fn new(
        stream: &Stream,
        spec: &CursorSpec,
        fields: &IndexMap<String, ColumnType>,
        options: &StreamOptions,
        zone: Tz,
        settings: &ResolvedSettings,
    ) -> Result<Self, SourceError> {
        let format = match fields.get(&spec.field) {
            Some(ColumnType::Timestamp(format)) => format.clone(),
            _ => return Err(SourceError::usage(&spec.field, "the cursor is no timestamp among the stream's fields")),
        };
        let start = spec.start.as_ref().map(|text| start(&settings.fill(text)?)).transpose()?;
        let way = if let Some(search) = &spec.search {
            Way::Keyset(Dialect::Search(search.clone()))
        } else if let Some((parameter, soql)) = stream.soql() {
            let id = stream.key.first().cloned().unwrap_or_default();
            let (parameter, soql, cursor) = (parameter.to_owned(), soql.clone(), spec.field.clone());
            Way::Keyset(Dialect::Soql { parameter, soql, cursor, id })
        } else if let Some(opaque) = &spec.opaque {
            Way::Opaque { opaque: opaque.clone(), start }
        } else if spec.ordered {
            Way::Ordered { start }
        } else if stream.takes_since() {
            let step = spec.step.and_then(|step| TimeDelta::try_seconds(step.seconds.max(1) as i64));
            let lag = spec.lag.and_then(|lag| TimeDelta::try_seconds(lag.seconds as i64)).unwrap_or_default();
            Way::Since { start, step, lag }
        } else {
            Way::Whole
        };
        let lookback = options.lookback.unwrap_or(spec.lookback).seconds;
        Ok(Self {
            path: body::path(&spec.field),
            format,
            zone,
            column: bronze::of_field(&spec.field),
            lookback: TimeDelta::try_seconds(lookback as i64).unwrap_or_default(),
            newest_first: spec.newest_first,
            way,
        })
    }

    /// Where a read begins that goes on from `at`.
    pub(crate) fn since(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at - self.lookback
    }

    /// The cursor's column in bronze.
    pub(crate) fn column(&self) -> &str {
        &self.column
    }

    /// The cursor of one record, as bronze will have it.
    pub(crate) fn of(&self, record: &[u8]) -> Option<DateTime<Utc>> {
        let text = body::scalars(record, std::slice::from_ref(&self.path)).pop()??;
        decode::instant(&text, &self.format, self.zone)
    }
}

/// A date, or an instant by RFC 3339.
fn start(text: &str) -> Result<DateTime<Utc>, SourceError> {
    let instant = DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc());
    let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    instant.or_else(|_| day()).map_err(|_| {
        SourceError::usage(text, "this is no place to begin at")
            .with_hint("write it as 2015-01-01 or 2015-01-01T00:00:00Z")
    })
}

/// An instant as a manifest wants it written.
pub(crate) fn written(instant: DateTime<Utc>, format: InstantFormat) -> String {
    match format {
        InstantFormat::Rfc3339 => instant.to_rfc3339_opts(SecondsFormat::Millis, true),
        InstantFormat::Rfc3339S => instant.to_rfc3339_opts(SecondsFormat::Secs, true),
        InstantFormat::EpochS => instant.timestamp().to_string(),
        InstantFormat::EpochMs => instant.timestamp_millis().to_string(),
        InstantFormat::Date => instant.format("%Y-%m-%d").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_and_read() {
        let at = start("2026-06-01T12:00:00.789+02:00").unwrap();
        for (format, expected) in [
            (InstantFormat::Rfc3339, "2026-06-01T10:00:00.789Z"),
            (InstantFormat::Rfc3339S, "2026-06-01T10:00:00Z"),
            (InstantFormat::EpochS, "1780308000"),
            (InstantFormat::EpochMs, "1780308000789"),
            (InstantFormat::Date, "2026-06-01"),
        ] {
            assert_eq!(written(at, format), expected);
        }
        assert_eq!(start("2015-01-01").unwrap().timestamp(), 1_420_070_400);
        assert!(start("yesterday").is_err());
    }
}
