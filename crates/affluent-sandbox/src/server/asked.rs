//! The parameters of requests as their vendors check them: known names, numbers, and where to cut a page.

use axum::http::{HeaderMap, header};

/// The parameters of a request in their order.
pub(crate) struct Asked(Vec<(String, String)>);

impl Asked {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The value of the first parameter of that name; an empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may come several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A number, `unless` given. Err: what was given instead.
    pub(crate) fn number(&self, name: &str, unless: usize) -> Result<usize, &str> {
        self.get(name).map_or(Ok(unless), |text| text.parse().map_err(|_| text))
    }

    /// The first parameter whose name is not among those known.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(key, _)| key.as_str()).find(|key| !known.contains(key))
    }
}

/// The host that the client asked, for the URLs that answers name.
pub(crate) fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1")
}

/// A part of `records` from `offset` on: at most `limit`, and what of it is shown.
pub(crate) fn window<T>(records: &[T], offset: usize, limit: usize) -> &[T] {
    let start = offset.min(records.len());
    &records[start..(start + limit).min(records.len())]
}
