//! A server on loopback that gives recorded replies again.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Request;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::tape::{self, RecordingError, Taped, fault};
use super::{Exchange, Wire};

/// Bytes of a request's body that are compared.
const BODY: usize = 16 << 20;
/// The status for a request that was not recorded; no manifest has a rule for it.
const UNKNOWN: StatusCode = StatusCode::MISDIRECTED_REQUEST;

/// Answers the requests of a source from a recording, until it is dropped.
pub struct Player {
    addr: SocketAddr,
    reel: Arc<Mutex<Reel>>,
    _server: AbortOnDropHandle<()>,
}

struct Reel {
    replies: Vec<(Taped, Vec<u8>, bool)>,
    unknown: Vec<String>,
}

impl Player {
    /// A server for the replies of one stream.
    pub async fn start(folder: &Path, stream: &str) -> Result<Self, RecordingError> {
        let taped = tape::replies(folder, stream)?;
        // What was tried again and then went well need not go wrong again.
        let answered = |one: &Taped| {
            let same = |(other, _): &&(Taped, Vec<u8>)| key(other) == key(one) && other.status < 400;
            one.status < 400 || !taped.iter().any(|other| same(&other))
        };
        let kept: Vec<bool> = taped.iter().map(|(one, _)| answered(one)).collect();
        let replies = taped.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|((one, body), _)| (one, body, false));
        let reel = Arc::new(Mutex::new(Reel { replies: replies.collect(), unknown: Vec::new() }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| fault(folder, error))?;
        let addr = listener.local_addr().map_err(|error| fault(folder, error))?;
        let server = tokio::spawn(serve(listener, Arc::clone(&reel)));
        Ok(Self { addr, reel, _server: AbortOnDropHandle::new(server) })
    }

    /// What was asked for and had not been recorded.
    pub fn unknown(&self) -> Vec<String> {
        self.reel.lock().unwrap_or_else(PoisonError::into_inner).unknown.clone()
    }

    /// How many replies nobody asked for.
    pub fn left(&self) -> usize {
        let reel = self.reel.lock().unwrap_or_else(PoisonError::into_inner);
        reel.replies.iter().filter(|(.., used)| !used).count()
    }
}

#[async_trait]
impl Wire for Player {
    async fn before(&self, request: &mut Request) {
        let mut url = request.url().clone();
        let here = url.set_scheme("http").is_ok()
            && url.set_ip_host(self.addr.ip()).is_ok()
            && url.set_port(Some(self.addr.port())).is_ok();
        if here {
            *request.url_mut() = url;
        }
    }

    fn after(&self, _: &Exchange) {}
}

async fn serve(listener: TcpListener, reel: Arc<Mutex<Reel>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let reel = Arc::clone(&reel);
        tokio::spawn(async move {
            let service = service_fn(|request: hyper::Request<Incoming>| {
                let reel = Arc::clone(&reel);
                async move {
                    let (head, body) = request.into_parts();
                    let body = Limited::new(body, BODY).collect().await.map(http_body_util::Collected::to_bytes);
                    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
                    let body = body.unwrap_or_default();
                    let mut reel = reel.lock().unwrap_or_else(PoisonError::into_inner);
                    Ok::<_, std::convert::Infallible>(reel.answer(head.method.as_str(), &target, &body))
                }
            });
            // A client that breaks off is told by its own error.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Reel {
    fn answer(&mut self, method: &str, target: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let asked = (method.to_owned(), parts(target), compact(&String::from_utf8_lossy(body)));
        let loose = |key: &Key| (key.0.clone(), timeless(&format!("{:?}", key.1)), timeless(&key.2));
        let find = |fits: &dyn Fn(&Key) -> bool, fresh: bool| {
            self.replies.iter().position(|(taped, _, used)| (!fresh || !used) && fits(&key(taped)))
        };
        let found = find(&|key| *key == asked, true)
            .or_else(|| find(&|key| loose(key) == loose(&asked), true))
            .or_else(|| find(&|key| *key == asked, false));
        let Some(found) = found else {
            self.unknown.push(format!("{method} {target}"));
            let mut answer = Response::new(Full::from("this was not recorded"));
            *answer.status_mut() = UNKNOWN;
            return answer;
        };
        let (taped, body, used) = &mut self.replies[found];
        *used = true;
        let mut answer = Response::builder().status(taped.status);
        for (name, value) in &taped.headers {
            answer = answer.header(name, value);
        }
        answer.body(Full::from(body.clone())).unwrap_or_default()
    }
}

/// Method, address and body of a request, so that the order of parameters and the layout of JSON do not count.
type Key = (String, (String, Vec<(String, String)>), String);

fn key(taped: &Taped) -> Key {
    (taped.method.clone(), parts(&taped.target), compact(taped.body.as_deref().unwrap_or_default()))
}

fn parts(target: &str) -> (String, Vec<(String, String)>) {
    let Ok(url) = Url::parse(&format!("http://replies{target}")) else { return (target.to_owned(), Vec::new()) };
    let mut query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    query.sort();
    (url.path().to_owned(), query)
}

fn compact(body: &str) -> String {
    serde_json::from_str::<serde_json::Value>(body).map_or_else(|_| body.to_owned(), |value| value.to_string())
}

/// The text without instants: a read asks for what is new until its own now.
fn timeless(text: &str) -> String {
    let part = |c: char| c.is_ascii_digit() || "TZ:.+-".contains(c);
    let mut out = String::new();
    let mut word = String::new();
    for sign in text.chars().chain([' ']) {
        if part(sign) {
            word.push(sign);
            continue;
        }
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let dated = word.contains('-') || word.contains(':') || matches!(word.len(), 10 | 13);
        out.push_str(if digits >= 8 && dated { "<instant>" } else { &word });
        word.clear();
        out.push(sign);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_do_not_count_and_tokens_do() {
        assert_eq!(timeless("since=2026-01-01T00:00:00Z&x=1"), timeless("since=2025-11-21T10:00:00.5Z&x=1"));
        assert_eq!(timeless("s=1767225600"), timeless("s=1767225611"));
        assert_ne!(timeless("after=12345"), timeless("after=12346"));
        assert_ne!(timeless("after=abc"), timeless("after=abd"));
        assert_eq!(parts("/a?b=1&a=2"), parts("/a?a=2&b=1"));
    }
}
