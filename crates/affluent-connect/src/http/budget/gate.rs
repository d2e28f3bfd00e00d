//! How many requests are in flight: at most as many as the manifest says, fewer while the server says that it is too much.
//!
//! Additive increase, multiplicative decrease: a refusal halves the number, once for all requests that were under way
//! together, and each time that many answers have come, it goes up by one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// Lets in so many requests at a time.
pub(super) struct Gate {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    most: f64,
    limit: f64,
    inside: u32,
    cut: Option<Instant>,
}

/// The right to have a request in flight, until it is dropped.
pub(crate) struct Permit(Arc<Gate>);

impl Gate {
    /// Lets in `most` at a time, until it is cut.
    pub(super) fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { state: Mutex::new(State { most, limit: most, inside: 0, cut: None }), freed: Notify::new() }
    }

    /// Lets in `most` at a time and no more from now on.
    pub(super) fn narrow(&self, most: u32) {
        let mut state = self.state();
        state.most = state.most.min(f64::from(most.max(1)));
        state.limit = state.limit.min(state.most);
    }

    /// Waits until there is room.
    pub(super) async fn enter(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            if self.try_enter() {
                return Permit(Arc::clone(self));
            }
            freed.await;
        }
    }

    fn try_enter(&self) -> bool {
        let mut state = self.state();
        if !state.has_room() {
            return false;
        }
        state.inside += 1;
        if state.has_room() {
            self.freed.notify_one();
        }
        true
    }

    /// Takes note of an answer.
    pub(super) fn grow(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(state.most);
        if state.has_room() {
            self.freed.notify_one();
        }
    }

    /// Takes note that a request which began then was too much.
    pub(super) fn cut(&self, began: Instant) {
        let mut state = self.state();
        if state.cut.is_none_or(|cut| began > cut) {
            state.limit = (state.limit / 2.0).max(1.0);
            state.cut = Some(Instant::now());
            tracing::debug!(at_most = state.limit as u32, "the server refuses: fewer requests at a time");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.inside < self.limit as u32
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state().inside -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::*;

    /// How many get in at once.
    fn room(gate: &Arc<Gate>) -> usize {
        let mut permits = Vec::new();
        while let Some(permit) = gate.enter().now_or_never() {
            permits.push(permit);
        }
        permits.len()
    }

    #[tokio::test]
    async fn halves_once_for_those_under_way_and_grows_by_one_for_as_many_answers() {
        let gate = Arc::new(Gate::new(8));
        assert_eq!(room(&gate), 8);
        let began = Instant::now();
        gate.cut(began);
        gate.cut(began);
        assert_eq!(room(&gate), 4);
        for _ in 0..5 {
            gate.grow();
        }
        assert_eq!(room(&gate), 5);
        for _ in 0..1000 {
            gate.grow();
        }
        assert_eq!(room(&gate), 8);
        for _ in 0..9 {
            gate.cut(Instant::now());
        }
        assert_eq!(room(&gate), 1);
    }

    #[tokio::test]
    async fn whoever_leaves_makes_room_and_whoever_gives_up_takes_none() {
        let gate = Arc::new(Gate::new(2));
        let (first, _second) = (gate.enter().await, gate.enter().await);
        let waiting = gate.enter();
        assert!(tokio::time::timeout(Duration::from_millis(5), waiting).await.is_err());
        let others: Vec<_> = (0..4)
            .map(|_| {
                tokio::spawn({
                    let gate = Arc::clone(&gate);
                    async move { drop(gate.enter().await) }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(first);
        for other in others {
            tokio::time::timeout(Duration::from_secs(5), other).await.unwrap().unwrap();
        }
    }
}
