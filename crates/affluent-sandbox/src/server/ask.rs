//! What handlers read out of requests, and the refusals they answer with.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

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

/// The parameters of a query, in their order.
pub(crate) type Pairs = Vec<(String, String)>;

/// The value of the first parameter of that name; an empty one is none.
pub(crate) fn word<'a>(query: &'a Pairs, name: &str) -> Option<&'a str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The words of a parameter that is a list with commas.
pub(crate) fn words<'a>(query: &'a Pairs, name: &str) -> Vec<&'a str> {
    word(query, name).into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|w| !w.is_empty()).collect()
}

/// A number of at least 1 and at most `most`; `unless` where the parameter is absent, none where it is something else.
pub(crate) fn size(query: &Pairs, name: &str, unless: usize, most: usize) -> Option<usize> {
    match word(query, name) {
        None => Some(unless),
        Some(text) => text.parse().ok().filter(|n| (1..=most).contains(n)),
    }
}

/// `http://host:port` as the client asked it, for the URLs that answers name.
pub(crate) fn origin(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}")
}
