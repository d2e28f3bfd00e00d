//! What handlers read out of requests, and the refusals they answer with.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// A refusal, ready to send. Boxed: it is far larger than what handlers return otherwise.
pub(crate) struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// The parameters of a query or a form, in their order.
#[derive(Deserialize)]
#[serde(transparent)]
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

    /// The words of a parameter that is a list with commas, or comes several times.
    pub(crate) fn words<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.all(name).flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty()).collect()
    }

    /// A number, `unless` given. Err: what was given instead.
    pub(crate) fn number(&self, name: &str, unless: usize) -> Result<usize, &str> {
        self.get(name).map_or(Ok(unless), |text| text.parse().map_err(|_| text))
    }

    /// A number of at least 1 and at most `most`; `unless` where the parameter is absent, none where it is something else.
    pub(crate) fn size(&self, name: &str, unless: usize, most: usize) -> Option<usize> {
        self.number(name, unless).ok().filter(|number| (1..=most).contains(number))
    }

    /// All of them but those of these names.
    pub(crate) fn without<'a>(&'a self, names: &[&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let others = self.0.iter().filter(move |(name, _)| !names.contains(&name.as_str()));
        others.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first parameter whose name is not among those known.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.without(known).map(|(name, _)| name).next()
    }

    /// These and those of another.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// `http://host:port` as the client asked it, for the URLs that answers name.
pub(crate) fn origin(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}")
}

/// A part of `records` from `offset` on: at most `limit`, and what of it is shown.
pub(crate) fn window<T>(records: &[T], offset: usize, limit: usize) -> &[T] {
    let start = offset.min(records.len());
    &records[start..(start + limit).min(records.len())]
}
