//! How many requests may be sent again: a share of those that are sent at all, so that a server in trouble is not hit by
//! more requests for being in trouble (<https://sre.google/sre-book/handling-overload/>, retry budgets).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a request adds.
const SHARE: f64 = 0.1;
/// What a second adds, so that a pause of the whole server is outlived.
const PER_SECOND: f64 = 1.0;
/// What is there to begin with, and at most.
const MOST: f64 = 10.0;

/// What is left for requests that are sent again.
pub(super) struct Retries {
    left: Mutex<(f64, Instant)>,
}

impl Retries {
    pub(super) fn new() -> Self {
        Self { left: Mutex::new((MOST, Instant::now())) }
    }

    /// Takes note of a request.
    pub(super) fn sent(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = (left.0 + SHARE).min(MOST);
    }

    /// Waits until a request may be sent again.
    pub(super) async fn turn(&self) {
        while let Some(wait) = self.take(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes one, or says how long there is none.
    fn take(&self, now: Instant) -> Option<Duration> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = now.saturating_duration_since(left.1).as_secs_f64() * PER_SECOND;
        *left = ((left.0 + grown).min(MOST), now);
        if left.0 >= 1.0 {
            left.0 -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64(((1.0 - left.0) / PER_SECOND).max(0.001)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_requests_may_be_sent_again() {
        let retries = Retries::new();
        let now = Instant::now();
        assert_eq!((0..20).filter(|_| retries.take(now).is_none()).count(), 10);
        let wait = retries.take(now).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        for _ in 0..51 {
            retries.sent();
        }
        assert_eq!((0..20).filter(|_| retries.take(now).is_none()).count(), 5);
        assert_eq!((0..20).filter(|_| retries.take(now + Duration::from_secs(3)).is_none()).count(), 3);
    }
}
