//! Faults on request: which requests get which.

use serde::{Deserialize, Serialize};

/// A fault for requests whose path starts with `path`. Without `every` and `times` each such request gets it; `every: n`
/// gives it to each n-th, `times: k` to the first k (with both: to each n-th until k were served).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The beginning of the path, `/hubspot/crm/v3/objects/contacts` for instance.
    pub path: String,
    /// What happens.
    pub kind: FaultKind,
    /// Each n-th matching request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// So many in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Milliseconds an answer is held back (`slow`).
    #[serde(default)]
    pub delay_ms: u64,
    /// Seconds in `Retry-After` (`429`, `503`).
    #[serde(default = "one")]
    pub retry_after: u64,
}

fn one() -> u64 {
    1
}

impl Fault {
    /// A fault of every request under the path.
    pub fn new(path: &str, kind: FaultKind) -> Self {
        Self { path: path.to_owned(), kind, every: None, times: None, delay_ms: 0, retry_after: 1 }
    }

    /// The same, for the first `times` requests only.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same, for each n-th request only.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self { every: Some(every), ..self }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Too many requests, with `Retry-After`. Salesforce's own form of it is [`FaultKind::RequestLimit`].
    #[serde(rename = "429")]
    TooMany,
    /// Too many requests, without a hint how long to wait.
    #[serde(rename = "429_no_retry_after")]
    TooManySilent,
    /// Salesforce's 403 `REQUEST_LIMIT_EXCEEDED`.
    RequestLimit,
    /// An internal error.
    #[serde(rename = "500")]
    Internal,
    /// Unavailable, with `Retry-After`.
    #[serde(rename = "503")]
    Unavailable,
    /// The connection ends in the middle of the body.
    Cut,
    /// The token of the request has expired: Salesforce wants a new one, HubSpot takes its own again.
    ExpiredToken,
    /// The answer comes `delay_ms` late.
    Slow,
    /// A number or a date of the first record holds "134;137" or "31/02/2024".
    BadType,
    /// A page without records that is not the last.
    EmptyPage,
    /// A page with fewer records than asked for that is not the last.
    ShortPage,
    /// What is asked for is not there any more.
    Gone,
    /// Salesforce makes no job for the object.
    NoBulk,
    /// The job asked about has failed.
    FailedJob,
}

impl FaultKind {
    /// Its name in requests and counters.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// A fault with what it has seen so far.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    pub(crate) fault: Fault,
    seen: u64,
    served: u64,
}

impl From<Fault> for ActiveFault {
    fn from(fault: Fault) -> Self {
        Self { fault, seen: 0, served: 0 }
    }
}

/// The fault this request gets, if any; the first that is due wins.
pub(crate) fn due(faults: &mut [ActiveFault], path: &str) -> Option<Fault> {
    faults.iter_mut().filter(|active| path.starts_with(&active.fault.path)).find_map(|active| {
        active.seen += 1;
        let turn = active.fault.every.is_none_or(|n| active.seen % n.max(1) == 0);
        let left = active.fault.times.is_none_or(|k| active.served < k);
        (turn && left).then(|| {
            active.served += 1;
            active.fault.clone()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_and_times_decide_who_gets_it() {
        let hits = |fault: Fault| {
            let mut active = [ActiveFault::from(fault)];
            (0..7).map(|_| due(&mut active, "/hubspot/x").is_some()).collect::<Vec<_>>()
        };
        let fault = Fault::new("/hubspot", FaultKind::Internal);
        assert_eq!(hits(fault.clone()), [true; 7]);
        assert_eq!(hits(fault.clone().times(2)), [true, true, false, false, false, false, false]);
        assert_eq!(hits(fault.clone().every(3)), [false, false, true, false, false, true, false]);
        assert_eq!(hits(fault.every(3).times(1)), [false, false, true, false, false, false, false]);
        assert_eq!(hits(Fault::new("/salesforce", FaultKind::Internal)), [false; 7]);
    }
}
