//! A gate before the server: one request at a time, so that whoever has enough sees which one would have come next.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use reqwest::Request;
use tokio::sync::{Notify, Semaphore};

use super::{Asked, Exchange, Wire};
use crate::http::ResolvedSettings;

/// Holds each request until it is let through.
pub struct Gate {
    passes: Semaphore,
    waiting: Mutex<Vec<Asked>>,
    came: Notify,
    sent: AtomicU32,
    settings: ResolvedSettings,
}

impl Gate {
    /// A closed gate; the settings' secrets are never shown.
    pub fn new(settings: &ResolvedSettings) -> Self {
        Self {
            passes: Semaphore::new(0),
            waiting: Mutex::new(Vec::new()),
            came: Notify::new(),
            sent: AtomicU32::new(0),
            settings: settings.clone(),
        }
    }

    /// Lets the request that stands before the gate through.
    pub fn pass(&self) {
        let mut list = self.list();
        if !list.is_empty() {
            list.remove(0);
            self.passes.add_permits(1);
        }
    }

    /// Waits until a request stands before the gate.
    pub async fn waits(&self) {
        loop {
            let came = self.came.notified();
            if !self.list().is_empty() {
                return;
            }
            came.await;
        }
    }

    /// How many requests went through.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The request that stands before the gate, without secrets: method, address and body.
    pub fn next(&self) -> Option<String> {
        let list = self.list();
        let asked = list.first()?;
        let body = asked.body.as_ref().map(|body| format!("\n{}", String::from_utf8_lossy(body))).unwrap_or_default();
        let query: Vec<String> = asked.url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let mut address = asked.url.clone();
        address.set_query(None);
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!("{} {address}{mark}{}{body}", asked.method, query.join("&"));
        Some(self.settings.conceal(&text))
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Wire for Gate {
    async fn before(&self, request: &mut Request) {
        self.list().push(Asked::of(request));
        self.came.notify_waiters();
        if let Ok(pass) = self.passes.acquire().await {
            pass.forget();
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn after(&self, _: &Exchange) {}
}
