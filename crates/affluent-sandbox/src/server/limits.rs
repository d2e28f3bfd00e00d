//! The vendors' request limits, enforced where configured.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Limits to enforce; none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// HubSpot: requests per rolling 10 seconds (100 to 190 by subscription), search apart.
    pub hubspot_per_10s: Option<usize>,
    /// HubSpot: search requests per rolling second (5).
    pub hubspot_search_per_second: Option<usize>,
    /// Salesforce: requests in all, standing for those of 24 hours.
    pub salesforce_per_day: Option<u64>,
    /// Stripe: requests per rolling second (100, or 25 of a test account).
    pub stripe_per_second: Option<usize>,
    /// Shopify: the size of the bucket (40), out of which two requests a second leak.
    pub shopify_bucket: Option<u32>,
    /// Brevo: requests in two seconds, standing for those of a second or an hour.
    pub brevo_per_2s: Option<usize>,
    /// Zoho: records that the page tokens of one list reach; 100,000 unless given.
    pub zoho_reach: Option<usize>,
}

/// HubSpot's burst window.
pub(crate) const TEN_SECONDS: Duration = Duration::from_secs(10);

/// When requests came, as far back as limits look.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    burst: VecDeque<Instant>,
    search: VecDeque<Instant>,
    pub(crate) stripe: VecDeque<Instant>,
    pub(crate) shopify: Bucket,
    pub(crate) brevo: VecDeque<Instant>,
    /// Requests to HubSpot since the start.
    pub(crate) hubspot: u64,
    /// Requests to Salesforce since the start.
    pub(crate) salesforce: u64,
}

impl Windows {
    /// Counts a request to HubSpot. Ok: requests left in the ten seconds. Err: the limit hit, by HubSpot's policy name.
    pub(crate) fn hubspot(&mut self, limits: &Limits, search: bool, now: Instant) -> Result<usize, &'static str> {
        self.hubspot += 1;
        if search {
            let left =
                take(&mut self.search, limits.hubspot_search_per_second, HUBSPOT_BURST, Duration::from_secs(1), now);
            return left.ok_or("SECONDLY");
        }
        take(&mut self.burst, limits.hubspot_per_10s, HUBSPOT_BURST, TEN_SECONDS, now).ok_or("TEN_SECONDLY_ROLLING")
    }
}

/// The default size of HubSpot's ten-second window, told in its headers.
pub(crate) const HUBSPOT_BURST: usize = 190;

/// When a request of a rolling window came. None: there were as many as may be; else how many are left, `free` of them where no
/// limit is enforced.
pub(crate) fn take(
    seen: &mut VecDeque<Instant>,
    limit: Option<usize>,
    free: usize,
    span: Duration,
    now: Instant,
) -> Option<usize> {
    while seen.front().is_some_and(|first| now.duration_since(*first) >= span) {
        seen.pop_front();
    }
    if limit.is_some_and(|limit| seen.len() >= limit) {
        return None;
    }
    seen.push_back(now);
    // Where no limit is enforced, none is told to be near: clients that heed the header would wait for nothing.
    Some(limit.map_or(free, |limit| limit - seen.len()))
}

/// A leaky bucket: each request is a drop in it, and two drops leak out of it each second.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    level: f64,
    last: Option<Instant>,
}

impl Bucket {
    /// The size of a bucket as Shopify gives it.
    pub(crate) const SIZE: u32 = 40;
    const LEAK_PER_SECOND: f64 = 2.0;

    /// Takes a request into a bucket of that size. None: it is full; else how many requests are in it.
    pub(crate) fn drop_in(&mut self, size: u32, now: Instant) -> Option<u32> {
        let passed = self.last.map_or(0.0, |last| now.duration_since(last).as_secs_f64());
        self.level = (self.level - passed * Self::LEAK_PER_SECOND).max(0.0);
        self.last = Some(now);
        if self.level + 1.0 > f64::from(size) {
            return None;
        }
        self.level += 1.0;
        Some(self.level.ceil() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_rolls() {
        let limits = Limits { hubspot_per_10s: Some(2), ..Limits::default() };
        let (mut windows, start) = (Windows::default(), Instant::now());
        let mut at = |seconds| windows.hubspot(&limits, false, start + Duration::from_secs(seconds));
        assert_eq!(at(0), Ok(1));
        assert_eq!(at(4), Ok(0));
        assert_eq!(at(9), Err("TEN_SECONDLY_ROLLING"));
        assert_eq!(at(10), Ok(0));
        assert_eq!(at(11), Err("TEN_SECONDLY_ROLLING"));
        assert_eq!(at(14), Ok(0));
    }

    #[test]
    fn without_a_limit_nothing_runs_out() {
        let (mut windows, now) = (Windows::default(), Instant::now());
        for _ in 0..1_000 {
            assert_eq!(windows.hubspot(&Limits::default(), false, now), Ok(HUBSPOT_BURST));
        }
    }

    #[test]
    fn a_bucket_leaks() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let mut at = |ms| bucket.drop_in(3, start + Duration::from_millis(ms));
        assert_eq!([at(0), at(0), at(0), at(0)], [Some(1), Some(2), Some(3), None]);
        assert_eq!([at(400), at(500), at(600)], [None, Some(3), None]);
        assert_eq!(at(10_000), Some(1));
    }
}
