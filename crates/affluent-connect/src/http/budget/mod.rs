//! How many requests may be sent: budgets that all who use one server with the same credentials share, in the whole
//! process, and what answers tell about quotas.

mod gate;
mod quota;
mod retries;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use affluent_spec::connector::Http;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use reqwest::header::HeaderMap;

pub(crate) use gate::Permit;

use super::settings::ResolvedSettings;
use crate::SourceError;
use gate::Gate;
use quota::Watched;
use retries::Retries;

/// The budgets of one source, most of them shared.
pub(crate) struct Budget {
    shared: Arc<Shared>,
    quotas: Vec<Watched>,
    longest_pause: Duration,
}

/// What is shared by all that use one server with the same credentials.
struct Shared {
    gate: Arc<Gate>,
    retries: Retries,
    paused: Mutex<Option<Instant>>,
    limits: Mutex<HashMap<Declared, Arc<DefaultDirectRateLimiter>>>,
}

/// A limit as it is declared: requests whose path ends so, how many, in how many seconds.
type Declared = (Option<String>, NonZeroU32, u64);

static IN_USE: LazyLock<Mutex<HashMap<String, Weak<Shared>>>> = LazyLock::new(Mutex::default);

impl Budget {
    /// The budgets that the manifest declares, with the numbers that are set. `who` stands for the server and the
    /// credentials; a pause longer than `longest_pause` is not waited out.
    pub(crate) fn new(http: &Http, settings: &ResolvedSettings, who: String, longest_pause: Duration) -> Self {
        let shared = Shared::of(who, http.concurrency);
        for limit in &http.limits {
            if let Some(requests) = NonZeroU32::new(settings.count(&limit.requests))
                && let Some(quota) = paced(requests, Duration::from_secs(limit.per.seconds))
            {
                let declared = (limit.path.clone(), requests, limit.per.seconds);
                held(&shared.limits).entry(declared).or_insert_with(|| Arc::new(RateLimiter::direct(quota)));
            }
        }
        let quotas = http.quotas.iter().filter_map(|quota| Watched::new(quota, settings)).collect();
        Self { shared, quotas, longest_pause }
    }

    /// Returns when a request to `path` may be sent; an error where that is too long from now.
    pub(crate) async fn admit(&self, path: &str) -> Result<Permit, SourceError> {
        let (some, all) = self.shared.limits_of(path);
        loop {
            self.pass_pause().await?;
            let permit = self.shared.gate.enter().await;
            if self.paused().is_some() {
                continue;
            }
            // Whoever waits for a limit of some paths leaves the place to those of other paths.
            let full = some.iter().find_map(|limit| limit.check().err());
            if let Some(full) = full {
                drop(permit);
                tokio::time::sleep(full.wait_time_from(DefaultClock::default().now())).await;
                continue;
            }
            for limit in &all {
                limit.until_ready().await;
            }
            // Meanwhile the server may have asked for a pause, of all who were to be sent.
            if self.paused().is_some() {
                continue;
            }
            self.shared.retries.sent();
            return Ok(permit);
        }
    }

    /// Returns when a request may be sent again that failed.
    pub(crate) async fn admit_again(&self) {
        self.shared.retries.turn().await;
    }

    /// Takes note of an answer that tells no fault; an error when the share that the run may use is used up.
    pub(crate) fn observe(&self, headers: &HeaderMap) -> Result<(), SourceError> {
        self.shared.gate.grow();
        for quota in &self.quotas {
            if let Some(wait) = quota.wait(headers)? {
                tracing::debug!(wait_ms = wait.as_millis() as u64, "a quota is used up: waiting for it to be filled");
                self.pause(wait);
            }
        }
        Ok(())
    }

    /// Takes note that the server refuses requests, of which one began then: there are fewer at a time from now on, and
    /// none before the time is over that it asks for.
    pub(crate) fn strained(&self, began: Instant, after: Option<Duration>) {
        self.shared.gate.cut(began);
        if let Some(after) = after {
            self.pause(after);
        }
    }

    fn pause(&self, wait: Duration) {
        // An end that no clock can show is none of a pause, and the request that met it ends the run.
        let Some(until) = Instant::now().checked_add(wait) else { return };
        let mut paused = held(&self.shared.paused);
        *paused = (*paused).max(Some(until));
    }

    /// How much is left of the pause.
    fn paused(&self) -> Option<Duration> {
        let until = (*held(&self.shared.paused))?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    async fn pass_pause(&self) -> Result<(), SourceError> {
        while let Some(left) = self.paused() {
            if left > self.longest_pause {
                let what = format!("the server takes no requests for another {} s", left.as_secs());
                return Err(SourceError::temporary("", what).with_hint("run again later, what was committed stays"));
            }
            tokio::time::sleep(left + spread(left)).await;
        }
        Ok(())
    }
}

impl Shared {
    fn of(who: String, concurrency: u32) -> Arc<Self> {
        let mut in_use = held(&IN_USE);
        in_use.retain(|_, shared| shared.strong_count() > 0);
        if let Some(shared) = in_use.get(&who).and_then(Weak::upgrade) {
            shared.gate.narrow(concurrency);
            return shared;
        }
        let shared = Arc::new(Self {
            gate: Arc::new(Gate::new(concurrency)),
            retries: Retries::new(),
            paused: Mutex::new(None),
            limits: Mutex::default(),
        });
        in_use.insert(who, Arc::downgrade(&shared));
        shared
    }

    /// The limits that a request to `path` keeps: those of some paths, and those of all.
    fn limits_of(&self, path: &str) -> (Vec<Arc<DefaultDirectRateLimiter>>, Vec<Arc<DefaultDirectRateLimiter>>) {
        let limits = held(&self.limits);
        let of = |some: bool| {
            let concerned = limits.iter().filter(|((suffix, ..), _)| match suffix {
                Some(suffix) => some && path.ends_with(suffix.as_str()),
                None => !some,
            });
            concerned.map(|(_, limit)| Arc::clone(limit)).collect()
        };
        (of(true), of(false))
    }
}

/// A random part of a wait, a tenth or a second at most, so that those who wait for the same end do not go on at once.
pub(super) fn spread(wait: Duration) -> Duration {
    (wait / 10).min(Duration::from_secs(1)).mul_f64(fastrand::f64())
}

/// At most `requests` in any stretch of `per`, wherever it begins: a fortieth of them at once, the others evenly. A fiftieth is
/// left unused, for requests that arrive closer together than they were sent.
fn paced(requests: NonZeroU32, per: Duration) -> Option<governor::Quota> {
    let usable = requests.get() - requests.get() / 50;
    let burst = NonZeroU32::new(requests.get() / 40).unwrap_or(NonZeroU32::MIN);
    let evenly = (usable - burst.get()).max(1);
    Some(governor::Quota::with_period(per / evenly)?.allow_burst(burst))
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    impl Budget {
        /// A budget without limits.
        pub(crate) fn untold(who: &str) -> Self {
            budget(who, "")
        }
    }

    fn http(more: &str) -> Http {
        let yaml = format!(
            "connector: x\nhttp:\n  base_url: 'https://a.example'\n  auth: {{ header: {{}} }}\n  check: {{ get: / }}\n{more}streams: {{}}\n"
        );
        affluent_spec::read::<affluent_spec::Connector>("x.yaml", &yaml).unwrap().value.http
    }

    fn budget(who: &str, more: &str) -> Budget {
        Budget::new(&http(more), &ResolvedSettings::default(), who.to_owned(), Duration::from_mins(15))
    }

    #[test]
    fn no_window_sees_more_than_the_budget_and_little_is_left_unused() {
        for (requests, seconds, share) in
            [(1, 1, 1.0), (5, 1, 0.8), (100, 10, 0.95), (190, 10, 0.95), (6000, 300, 0.95)]
        {
            let per = Duration::from_secs(seconds);
            let quota = paced(NonZeroU32::new(requests).unwrap(), per).unwrap();
            let evenly = (per.as_nanos() / quota.replenish_interval().as_nanos()) as u32;
            assert!(quota.burst_size().get() + evenly <= requests.max(2), "{requests} in {seconds} s");
            assert!(f64::from(evenly) >= f64::from(requests) * share, "{evenly} of {requests} in {seconds} s");
        }
    }

    #[tokio::test]
    async fn who_uses_the_same_server_and_credentials_shares_the_budget() {
        let (one, two) = (budget("shared", "  concurrency: 2\n"), budget("shared", "  concurrency: 9\n"));
        let other = budget("other", "  concurrency: 2\n");
        let _inside = (one.admit("/a").await.unwrap(), two.admit("/a").await.unwrap());
        assert!(two.admit("/a").now_or_never().is_none());
        assert!(other.admit("/a").now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_limit_of_some_paths_holds_no_others_back() {
        let budget = budget("paths", "  concurrency: 1\n  limits: [{ requests: 1, per: 1h, path: /search }]\n");
        drop(budget.admit("/x/search").await.unwrap());
        let waiting = budget.admit("/x/search");
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(budget.admit("/x").now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_pause_is_for_those_who_wait_for_a_limit_too() {
        let budget = budget("paused while waiting", "  limits: [{ requests: 10, per: 1s }]\n");
        drop(budget.admit("/a").await.unwrap());
        let began = Instant::now();
        let waiting = budget.admit("/a");
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        budget.strained(Instant::now(), Some(Duration::from_millis(400)));
        drop(waiting.await.unwrap());
        assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_pause_is_for_all_and_one_that_is_too_long_ends_the_run() {
        let (one, two) = (budget("paused", ""), budget("paused", ""));
        one.strained(Instant::now(), Some(Duration::from_millis(50)));
        let began = Instant::now();
        drop(two.admit("/a").await.unwrap());
        assert!(began.elapsed() >= Duration::from_millis(50));
        one.strained(Instant::now(), Some(Duration::from_hours(2)));
        let error = two.admit("/a").now_or_never().unwrap().err().unwrap();
        assert_eq!(error.class(), crate::error::Class::Temporary);
    }
}
