//! What passes between a source and its server: watched, held back, written down and played again.
//!
//! [`Wire`] is the place where one looks in. [`Recorder`] writes replies to files without secrets and with personal data
//! masked; [`Player`] answers from such files; [`Gate`] lets one request through at a time, so that the next one can be shown.

mod gate;
mod mask;
mod pages;
mod personal;
mod player;
mod recorder;
mod tape;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request, StatusCode};
use url::Url;

pub use gate::Gate;
pub use pages::lines;
pub use player::Player;
pub use recorder::Recorder;
pub use tape::{Recording, RecordingError};

/// A request that was answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked.
    pub asked: Asked,
    /// The answer's status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, unpacked.
    pub body: Bytes,
}

/// A request as it is sent.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its address.
    pub url: Url,
    /// The headers that are its own.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Option<Bytes>,
}

impl Asked {
    /// The request, copied.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body: request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice),
        }
    }
}

/// Somebody who sees what a source sends and gets.
#[async_trait]
pub trait Wire: Send + Sync {
    /// Before a request is sent: it may be held back, or sent elsewhere.
    async fn before(&self, request: &mut Request);

    /// After it was answered.
    fn after(&self, exchange: &Exchange);
}

/// Several that look in, in their order.
pub struct Wires(pub Vec<Arc<dyn Wire>>);

#[async_trait]
impl Wire for Wires {
    async fn before(&self, request: &mut Request) {
        for wire in &self.0 {
            wire.before(request).await;
        }
    }

    fn after(&self, exchange: &Exchange) {
        for wire in &self.0 {
            wire.after(exchange);
        }
    }
}
