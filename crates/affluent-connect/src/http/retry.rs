//! What is done about a request that failed: one table, and the waits between tries.

use std::time::Duration;

use affluent_spec::connector::{Action, ErrorRule};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::budget::{self, Budget};
use crate::SourceError;

/// How long one goes on trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries in all.
    pub tries: usize,
    /// The longest wait before the second try; it doubles with each one. How much of it is waited is random, so that those
    /// who failed at the same time do not try again at the same time.
    pub first: Duration,
    /// The longest of those waits.
    pub longest: Duration,
    /// The longest `Retry-After` that is waited out; the run ends at a longer one, to be repeated later.
    pub obeyed: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 6,
            first: Duration::from_millis(500),
            longest: Duration::from_mins(1),
            obeyed: Duration::from_mins(15),
        }
    }
}

/// Why a try failed, and what follows from it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It may pass.
    Passing {
        /// What to say when it does not.
        error: SourceError,
        /// How long the server says to wait.
        after: Option<Duration>,
    },
    /// The token may have run out.
    Stale(SourceError),
    /// It will not pass.
    Final(SourceError),
}

/// The tries of one request.
pub(crate) struct Tries {
    patience: Patience,
    waits: ExponentialBackoff,
    refreshed: bool,
}

/// What to do before the next try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing more.
    Again,
    /// Log in again.
    Refresh,
}

impl Tries {
    /// No try made yet.
    pub(crate) fn new(patience: Patience) -> Self {
        let waits = ExponentialBuilder::default()
            .with_min_delay(patience.first)
            .with_max_delay(patience.longest)
            .with_max_times(patience.tries.saturating_sub(1))
            .build();
        Self { patience, waits, refreshed: false }
    }

    /// Waits for what `trouble` asks for, or gives up with its error.
    pub(crate) async fn bear(&mut self, trouble: Trouble, budget: &Budget) -> Result<Next, SourceError> {
        match trouble {
            Trouble::Final(error) => Err(error),
            Trouble::Stale(error) if self.refreshed => Err(error),
            Trouble::Stale(_) => {
                self.refreshed = true;
                Ok(Next::Refresh)
            }
            Trouble::Passing { error, after } => {
                // The token was taken: when it is refused now, it has run out since.
                self.refreshed = false;
                let Some(wait) = self.waits.next() else { return Err(error) };
                let wait = match after {
                    None => wait.mul_f64(fastrand::f64()),
                    Some(after) if after > self.patience.obeyed => return Err(too_long(error, after)),
                    Some(after) => after + budget::spread(after),
                };
                tracing::debug!(wait_ms = wait.as_millis() as u64, "waiting before the next try: {error}");
                tokio::time::sleep(wait).await;
                budget.admit_again().await;
                Ok(Next::Again)
            }
        }
    }
}

fn too_long(error: SourceError, wait: Duration) -> SourceError {
    let fault = error.fault();
    let what = format!("{} (and asks to wait {} s, which is longer than a run waits)", fault.what, wait.as_secs());
    let longer = SourceError::temporary(fault.place.clone(), what);
    longer.with_hint(error.hint().unwrap_or("run again later, what was committed stays"))
}

/// What is done about an answer of that status, and the manifest's hint. Rules come first, in their order; then 401 logs in
/// again, 408, 425, 429 and 5xx are tried again, and everything else from 300 on fails.
pub(crate) fn decide<'a>(
    rules: impl IntoIterator<Item = &'a ErrorRule>,
    status: StatusCode,
    body: &[u8],
) -> Option<(Action, Option<&'a str>)> {
    let rule = rules.into_iter().find(|rule| {
        rule.status == status.as_u16()
            && rule.contains.as_ref().is_none_or(|text| String::from_utf8_lossy(body).contains(text.as_str()))
    });
    if let Some(rule) = rule {
        return Some((rule.then, rule.hint.as_deref()));
    }
    match status.as_u16() {
        304 | 200..=299 => None,
        401 => Some((Action::Refresh, None)),
        408 | 425 | 429 | 500..=599 => Some((Action::Retry, None)),
        _ => Some((Action::Fail, None)),
    }
}

/// The wait that `Retry-After` asks for: seconds, or a date, which is taken by the server's own clock (RFC 9110, 10.2.3).
/// No time, one that is over and what is no time at all ask for nothing, and the usual wait holds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 => Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
        Ok(_) => return None,
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
            (until - server_time(headers).unwrap_or_else(Utc::now)).to_std().ok()?
        }
    };
    Some(wait).filter(|wait| !wait.is_zero())
}

/// The server's clock.
pub(crate) fn server_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(status: u16, contains: Option<&str>, then: Action) -> ErrorRule {
        ErrorRule { status, contains: contains.map(str::to_owned), then, hint: None }
    }

    #[test]
    fn the_manifest_has_the_first_word() {
        let rules = [rule(403, Some("LIMIT"), Action::Retry), rule(200, Some("Access Denied"), Action::Later)];
        for (status, body, action) in [
            (403, "REQUEST_LIMIT_EXCEEDED", Some(Action::Retry)),
            (403, "no scope", Some(Action::Fail)),
            (200, "Access Denied", Some(Action::Later)),
            (200, "{}", None),
            (204, "", None),
            (401, "", Some(Action::Refresh)),
            (429, "", Some(Action::Retry)),
            (503, "", Some(Action::Retry)),
            (404, "", Some(Action::Fail)),
            (302, "", Some(Action::Fail)),
        ] {
            let decided = decide(&rules, StatusCode::from_u16(status).unwrap(), body.as_bytes());
            assert_eq!(decided.map(|(action, _)| action), action, "{status} {body}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_servers_clock() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:09 GMT".parse().unwrap());
        headers.insert(DATE, "Wed, 21 Oct 2015 07:28:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(9)));
        for (text, wait) in [
            ("soon", None),
            ("0", None),
            ("-7", None),
            ("nan", None),
            ("Wed, 21 Oct 2015 07:27:00 GMT", None),
            ("0.25", Some(Duration::from_millis(250))),
            ("1e300", Some(Duration::MAX)),
        ] {
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers), wait, "{text}");
        }
    }

    #[tokio::test]
    async fn gives_up_after_the_last_try_and_refreshes_once() {
        let patience =
            Patience { tries: 3, first: Duration::ZERO, longest: Duration::ZERO, obeyed: Duration::from_secs(1) };
        let budget = Budget::untold("retry");
        let passing = |after| Trouble::Passing { error: SourceError::temporary("", "busy"), after };
        let mut tries = Tries::new(patience);
        assert_eq!(tries.bear(passing(None), &budget).await, Ok(Next::Again));
        assert_eq!(tries.bear(passing(None), &budget).await, Ok(Next::Again));
        assert!(tries.bear(passing(None), &budget).await.is_err());
        let mut tries = Tries::new(patience);
        let error = tries.bear(passing(Some(Duration::from_hours(1))), &budget).await.unwrap_err();
        assert!(error.to_string().contains("asks to wait 3600 s"), "{error}");
        let stale = || Trouble::Stale(SourceError::credentials("", "old"));
        assert_eq!(tries.bear(stale(), &budget).await, Ok(Next::Refresh));
        assert!(tries.bear(stale(), &budget).await.is_err());
    }
}
