//! The server: paths, methods, bounds and signatures on one side, the logs on the other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use affluent_spec::Secret;
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::SecretString;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::Limits;
use super::signature::{Signed, Verifier};
use super::writer::{Refusal, Writer};
use super::{HEALTH, WebhookStream};
use crate::SourceError;

/// Memory is given out in pieces of this size.
const PIECE: usize = 1024;

/// A server that takes events until it is stopped.
pub struct Receiver {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
    shared: Arc<Shared>,
}

struct Shared {
    doors: BTreeMap<String, Door>,
    limits: Limits,
    memory: Arc<Semaphore>,
}

/// What is behind one path.
struct Door {
    stream: String,
    verifier: Verifier,
    writer: Writer,
    unsigned: AtomicU64,
    unfit: AtomicU64,
}

type Answer = Response<Full<Bytes>>;

/// Opens the logs of `streams` (each with the name that it is counted under) and listens. `read` gives the text of secrets.
///
/// Plain HTTP: TLS is the work of the reverse proxy in front.
pub async fn receive(
    listen: SocketAddr,
    streams: Vec<(String, WebhookStream)>,
    read: &dyn Fn(&Secret) -> Result<SecretString, String>,
    limits: Limits,
) -> Result<Receiver, SourceError> {
    let mut doors = BTreeMap::new();
    for (name, stream) in streams {
        let secret = stream.signature.secret().map(read).transpose().map_err(|what| {
            SourceError::credentials(&name, format!("the secret of its signature: {what}"))
                .with_hint("set it, or name another place: secret: { env: NAME } or { file: PATH }")
        })?;
        if secret.as_ref().is_some_and(|secret| secrecy::ExposeSecret::expose_secret(secret).is_empty()) {
            return Err(SourceError::credentials(&name, "the secret of its signature is empty"));
        }
        let verifier = Verifier::new(&stream.signature, secret.as_ref());
        let writer = Writer::open(&stream.folder, limits)?;
        let door = Door { stream: name, verifier, writer, unsigned: AtomicU64::new(0), unfit: AtomicU64::new(0) };
        doors.insert(stream.path, door);
    }
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        SourceError::failed(listen.to_string(), format!("cannot be listened on: {error}"))
            .with_hint("another process may hold the port; --listen takes another one")
    })?;
    let addr = listener.local_addr().map_err(|error| SourceError::failed(listen.to_string(), error.to_string()))?;
    let memory = Arc::new(Semaphore::new(limits.in_memory / PIECE));
    let shared = Arc::new(Shared { doors, limits, memory });
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(accept(listener, Arc::clone(&shared), stop.clone(), tasks.clone()));
    Ok(Receiver { addr, stop, tasks, shared })
}

impl Receiver {
    /// What was received and refused, by stream.
    pub fn stats(&self) -> serde_json::Value {
        self.shared.stats()
    }

    /// How many requests were kept, of all streams.
    pub fn kept(&self) -> u64 {
        self.shared.doors.values().map(|door| door.writer.counts.kept.load(Ordering::Relaxed)).sum()
    }

    /// Takes no more, answers those that are on their way, for as long as `within`, and closes the logs.
    pub async fn stop(self, within: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("some senders did not end their requests; they were not told that anything is kept");
            return;
        }
        if let Some(shared) = Arc::into_inner(self.shared) {
            let closed = tokio::task::spawn_blocking(move || {
                for door in shared.doors.into_values() {
                    door.writer.close();
                }
            });
            // A writer that panicked has nothing more to write.
            let _ = closed.await;
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken, tasks: TaskTracker) {
    let room = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => return,
            place = Arc::clone(&room).acquire_owned() => place,
        };
        let (Ok(place), accepted) = (
            place,
            tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            },
        ) else {
            return;
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(connection(stream, Arc::clone(&shared), stop.clone(), place));
            }
            Err(error) => {
                // No file handle is left, or the peer is gone: others may fare better in a moment.
                tracing::warn!("a connection could not be taken: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken, _place: OwnedSemaphorePermit) {
    // Answers are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let limits = shared.limits;
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(shared.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head.max(8192))
        .max_headers(100)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = &mut served => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if path == HEALTH {
            return match *request.method() {
                Method::GET | Method::HEAD => self.health(),
                _ => not_allowed("GET, HEAD"),
            };
        }
        let Some(door) = self.doors.get(path) else { return say(StatusCode::NOT_FOUND, "nothing is received here") };
        if request.method() != Method::POST {
            return not_allowed("POST");
        }
        let (head, body) = request.into_parts();
        let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if head.headers.get(CONTENT_ENCODING).is_some_and(|value| !plain(value)) {
            door.unfit.fetch_add(1, Ordering::Relaxed);
            return closing(say(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a packed body is not taken"));
        }
        let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.limits.body as u64) {
            door.unfit.fetch_add(1, Ordering::Relaxed);
            return closing(say(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
        }
        let read = tokio::time::timeout(self.limits.body_time, self.read(body)).await;
        let (body, memory) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(StatusCode::SERVICE_UNAVAILABLE)) => return closing(busy("2", "too much is on its way")),
            Ok(Err(status)) => {
                door.unfit.fetch_add(1, Ordering::Relaxed);
                return closing(say(status, "the body is too large, empty or cut off"));
            }
            Err(_) => {
                door.unfit.fetch_add(1, Ordering::Relaxed);
                return closing(say(StatusCode::REQUEST_TIMEOUT, "the body took too long"));
            }
        };
        let signed = Signed {
            method: head.method.as_str(),
            query: head.uri.query(),
            headers: &head.headers,
            body: &body,
            now_ms: Utc::now().timestamp_millis(),
        };
        if let Some(reason) = door.verifier.refuses(&signed) {
            let count = door.unsigned.fetch_add(1, Ordering::Relaxed) + 1;
            // The first of them shows a wrong secret at once; a flood must not fill the log.
            if count.is_power_of_two() {
                tracing::warn!("{}: refused {count} requests so far, the last one since {reason}", door.stream);
            }
            return say(StatusCode::UNAUTHORIZED, reason);
        }
        match door.writer.keep(body, Some(memory)).await {
            Ok(()) => say(StatusCode::OK, "kept"),
            Err(Refusal::Busy) => busy("2", "too many wait for the disk"),
            Err(Refusal::Full) => busy("60", "events cannot be kept now"),
        }
    }

    /// A whole body within its bounds, and the memory that it takes.
    async fn read(&self, mut body: Incoming) -> Result<(Bytes, OwnedSemaphorePermit), StatusCode> {
        let mut whole = BytesMut::new();
        let take = |pieces: usize| {
            Arc::clone(&self.memory).try_acquire_many_owned(pieces as u32).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
        };
        let (mut memory, mut pieces) = (take(1)?, 1);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
            if whole.len() + data.len() > self.limits.body {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            let needed = (whole.len() + data.len()).div_ceil(PIECE).max(1);
            if needed > pieces {
                memory.merge(take(needed - pieces)?);
                pieces = needed;
            }
            whole.extend_from_slice(&data);
        }
        if whole.is_empty() { Err(StatusCode::BAD_REQUEST) } else { Ok((whole.freeze(), memory)) }
    }

    fn stats(&self) -> serde_json::Value {
        let of = |door: &Door| {
            let counts = &door.writer.counts;
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            json!({
                "kept": read(&counts.kept), "syncs": read(&counts.syncs), "unsigned": read(&door.unsigned),
                "unfit": read(&door.unfit), "not_kept": read(&counts.refused),
            })
        };
        self.doors.values().map(|door| (door.stream.clone(), of(door))).collect::<serde_json::Map<_, _>>().into()
    }

    fn health(&self) -> Answer {
        let failing = self.doors.values().any(|door| door.writer.counts.failing.load(Ordering::Relaxed));
        let (status, word) =
            if failing { (StatusCode::SERVICE_UNAVAILABLE, "failing") } else { (StatusCode::OK, "ok") };
        let mut answer = say(status, "");
        *answer.body_mut() = Full::from(json!({ "status": word, "streams": self.stats() }).to_string());
        answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        answer
    }
}

fn say(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}

fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = closing(say(StatusCode::METHOD_NOT_ALLOWED, "this method is not for here"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn busy(seconds: &'static str, text: &'static str) -> Answer {
    let mut answer = say(StatusCode::SERVICE_UNAVAILABLE, text);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    answer
}

/// The rest of the request is not read.
fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use affluent_spec::pipeline::Signature;
    use indexmap::IndexMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn receiver(folder: &std::path::Path, limits: Limits) -> Receiver {
        let stream = WebhookStream {
            name: "events".to_owned(),
            path: "/events".to_owned(),
            signature: Signature::None,
            id: Vec::new(),
            events: None,
            columns: IndexMap::new(),
            key: Vec::new(),
            zone: chrono_tz::Tz::UTC,
            raw: true,
            known_seconds: 60,
            folder: folder.to_owned(),
        };
        let secrets = |_: &Secret| Err("none is needed".to_owned());
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        receive(listen, vec![("hooks.events".to_owned(), stream)], &secrets, limits).await.unwrap()
    }

    /// Sends the pieces with a pause between; what came back until the other side closed.
    async fn send(addr: SocketAddr, pieces: &[&[u8]], pause: Duration) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(pause).await;
            }
            if stream.write_all(piece).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        // A connection that is reset has ended too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn post(body: &str) -> String {
        format!("POST /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    fn status(answer: &str) -> &str {
        answer.split(' ').nth(1).unwrap_or_default()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn slow_large_and_strange_clients_are_turned_away() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            body: 1000,
            head_time: Duration::from_millis(300),
            body_time: Duration::from_millis(300),
            ..Limits::default()
        };
        let receiver = receiver(folder.path(), limits).await;
        let addr = receiver.addr;
        let pause = Duration::from_millis(100);
        let began = std::time::Instant::now();
        let drips: Vec<&[u8]> =
            std::iter::once(&b"POST /events HTTP/1.1\r\n"[..]).chain([&b"a: b\r\n"[..]; 30]).collect();
        assert!(!send(addr, &drips, pause).await.contains("200"));
        assert_eq!(send(addr, &[b""], pause).await, "", "an idle connection is closed");
        let head = b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n";
        let answer = send(addr, &[head, b"x", b"x", b"x", b"x"], pause).await;
        assert_eq!(status(&answer), "408");
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());

        let chunked = b"POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
        let many = chunk.repeat(4);
        for (request, expected) in [
            (post(&"x".repeat(1001)).into_bytes(), "413"),
            ([chunked, many.as_bytes()].concat(), "413"),
            (post("").into_bytes(), "400"),
            (
                b"POST /events?x=1 HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"
                    .to_vec(),
                "415",
            ),
            (b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "405"),
            (b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".to_vec(), "405"),
            (b"POST /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec(), "404"),
            (format!("GET /health HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)).into_bytes(), "431"),
            (post("{}").into_bytes(), "200"),
        ] {
            let answer = send(addr, &[&request], pause).await;
            assert_eq!(status(&answer), expected, "{answer}");
        }
        let stats = receiver.stats();
        assert_eq!(
            (stats["hooks.events"]["kept"].as_u64(), stats["hooks.events"]["unfit"].as_u64()),
            (Some(1), Some(5))
        );
        receiver.stop(Duration::from_secs(5)).await;
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn beyond_its_memory_and_its_disk_it_says_later() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { in_memory: 4 * PIECE, waiting: 3000, ..Limits::default() };
        let receiver = receiver(folder.path(), limits).await;
        let pause = Duration::ZERO;
        let answer = send(receiver.addr, &[post(&"x".repeat(5000)).as_bytes()], pause).await;
        assert!(status(&answer) == "503" && answer.contains("retry-after: 2"), "{answer}");
        let small = post(&"x".repeat(1500));
        assert_eq!(status(&send(receiver.addr, &[small.as_bytes()], pause).await), "200");
        let answer = send(receiver.addr, &[small.as_bytes()], pause).await;
        assert!(status(&answer) == "503" && answer.contains("retry-after: 60"), "{answer}");
        let health =
            send(receiver.addr, &[b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], pause).await;
        assert!(status(&health) == "503" && health.contains("failing"), "{health}");
        receiver.stop(Duration::from_secs(5)).await;
    }
}
