//! What answers tell about quotas, by headers.

use std::time::Duration;

use affluent_spec::connector::{Quota, ResetFormat};
use chrono::Utc;
use reqwest::header::HeaderMap;

use crate::SourceError;
use crate::http::retry::server_time;
use crate::http::settings::ResolvedSettings;

/// The longest wait that a header is believed to ask for.
const LONGEST: Duration = Duration::from_hours(24);
/// How full a bucket may be before requests wait.
const FULL: f64 = 0.8;

/// A quota that is watched.
pub(super) enum Watched {
    /// A count goes down, and begins anew as the header of `reset` says.
    Remaining { header: String, reset: Reset },
    /// A share of what is allowed may be used.
    Used { header: String, percent: f64 },
    /// A bucket leaks that much a second.
    Bucket { header: String, leak: f64 },
}

/// A header that says when a count begins anew.
pub(super) enum Reset {
    WindowMs(String),
    In(String),
    At(String),
}

impl Watched {
    pub(super) fn new(quota: &Quota, settings: &ResolvedSettings) -> Option<Self> {
        Some(match quota {
            Quota::Remaining { header, window_ms, reset, reset_as } => {
                let reset = match (window_ms, reset, reset_as.unwrap_or_default()) {
                    (Some(name), ..) => Reset::WindowMs(name.clone()),
                    (None, Some(name), ResetFormat::Seconds) => Reset::In(name.clone()),
                    (None, Some(name), ResetFormat::EpochS) => Reset::At(name.clone()),
                    (None, None, _) => return None,
                };
                Self::Remaining { header: header.clone(), reset }
            }
            Quota::Used { header, percent } => {
                Self::Used { header: header.clone(), percent: settings.text(percent.as_str()).parse().unwrap_or(100.0) }
            }
            Quota::Bucket { header, leak_per_second } => {
                Self::Bucket { header: header.clone(), leak: *leak_per_second }
            }
        })
    }

    /// How long requests should wait after an answer with these headers; an error when the share that the run may use is
    /// used up.
    pub(super) fn wait(&self, headers: &HeaderMap) -> Result<Option<Duration>, SourceError> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let number = |name: &str| text(name).and_then(|text| text.parse::<f64>().ok());
        let wait = match self {
            Self::Remaining { header, reset } => {
                if number(header).is_none_or(|left| left > 0.0) {
                    return Ok(None);
                }
                match reset {
                    Reset::WindowMs(name) => number(name).map(|ms| ms / 1000.0),
                    Reset::In(name) => number(name),
                    Reset::At(name) => {
                        let now = server_time(headers).unwrap_or_else(Utc::now).timestamp_millis() as f64 / 1000.0;
                        number(name).map(|at| at - now)
                    }
                }
            }
            Self::Used { header, percent } => {
                let Some((used, allowed)) = text(header).and_then(usage) else { return Ok(None) };
                if used > allowed * percent / 100.0 {
                    let what = format!("{used} of {allowed} requests of the day are used, more than {percent} percent");
                    return Err(SourceError::temporary(header, what)
                        .with_hint("run again tomorrow, or let the run use a larger share"));
                }
                None
            }
            Self::Bucket { header, leak } => {
                text(header).and_then(ratio).map(|(used, size)| (used - size * FULL) / leak)
            }
        };
        let wait = wait.filter(|seconds| *seconds > 0.0);
        Ok(wait.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)))
    }
}

/// `api-usage=891/15000`, perhaps among others.
fn usage(text: &str) -> Option<(f64, f64)> {
    let (_, rest) = text.split_once('=')?;
    ratio(rest.split([',', ';', ' ']).next()?)
}

/// `32/40`.
fn ratio(text: &str) -> Option<(f64, f64)> {
    let (used, allowed) = text.split_once('/')?;
    let allowed: f64 = allowed.trim().parse().ok()?;
    (allowed > 0.0).then_some((used.trim().parse().ok()?, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn reads_the_usage_header() {
        assert_eq!(usage("api-usage=891/15000"), Some((891.0, 15_000.0)));
        assert_eq!(usage("api-usage=18/5000, per-app-api-usage=17/250(appName=x)"), Some((18.0, 5_000.0)));
        assert_eq!(usage("none"), None);
    }

    #[test]
    fn stops_past_the_share() {
        let used = Watched::Used { header: "sforce-limit-info".into(), percent: 80.0 };
        let told = |text: &str| used.wait(&headers(&[("sforce-limit-info", text)]));
        assert_eq!(told("api-usage=11999/15000"), Ok(None));
        assert_eq!(told("api-usage=12001/15000").unwrap_err().class(), crate::error::Class::Temporary);
    }

    #[test]
    fn waits_as_the_headers_say() {
        let remaining = |reset| Watched::Remaining { header: "left".into(), reset };
        let (window, seconds) = (remaining(Reset::WindowMs("r".into())), remaining(Reset::In("r".into())));
        let instant = remaining(Reset::At("r".into()));
        let bucket = Watched::Bucket { header: "left".into(), leak: 2.0 };
        for (watched, left, reset, expected) in [
            (&window, "0", "10000", Some(10.0)),
            (&window, "1", "10000", None),
            (&window, "0", "soon", None),
            (&seconds, "0", "1.5", Some(1.5)),
            (&seconds, "-1", "3", Some(3.0)),
            (&seconds, "0", "-5", None),
            (&seconds, "0", "nan", None),
            (&seconds, "0", "1e300", Some(86_400.0)),
            (&instant, "0", "1445412487", Some(7.0)),
            (&instant, "0", "1445412400", None),
            (&bucket, "32/40", "", None),
            (&bucket, "40/40", "", Some(4.0)),
            (&bucket, "4/0", "", None),
        ] {
            let given = headers(&[("left", left), ("r", reset), ("date", "Wed, 21 Oct 2015 07:28:00 GMT")]);
            assert_eq!(watched.wait(&given), Ok(expected.map(Duration::from_secs_f64)), "{left} {reset}");
        }
    }
}
