//! Budgets: what is kept, what is shared, and how little is sent to a server that has enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use affluent_connect::error::Class;
use affluent_connect::{Source, Window};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};

use crate::raw::{Raw, answer};
use crate::world::source;

const PAGE: &[u8] = br#"{"results":[]}"#;

#[tokio::test]
async fn no_more_requests_are_in_flight_than_the_manifest_says() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let server = Raw::start(move |_, mut socket| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer(&mut socket, "200 OK", "", PAGE).await
        }
    })
    .await;
    let sources = [source(&server.url, "  concurrency: 3\n"), source(&server.url, "  concurrency: 3\n")];
    let checks = (0..30).map(|index| sources[index % 2].check());
    assert!(join_all(checks).await.into_iter().all(|check| check.is_ok()));
    assert_eq!((server.served(), seen.load(Ordering::SeqCst)), (30, 3));
}

#[tokio::test]
async fn a_storm_of_refusals_becomes_no_storm_of_retries() {
    let began = Instant::now();
    let (at, times) = (Arc::new(std::sync::Mutex::new(Vec::new())), Duration::from_millis(500));
    let seen = Arc::clone(&at);
    let server = Raw::start(move |_, mut socket| {
        let at = Arc::clone(&at);
        async move {
            at.lock().unwrap().push(began.elapsed());
            if began.elapsed() < times {
                answer(&mut socket, "429 Too Many Requests", "retry-after: 1\r\n", b"").await
            } else {
                answer(&mut socket, "200 OK", "", PAGE).await
            }
        }
    })
    .await;
    let source = source(&server.url, "  concurrency: 8\n");
    let checks = join_all((0..40).map(|_| source.check())).await;
    assert!(checks.into_iter().all(|check| check.is_ok()));
    let seen = seen.lock().unwrap().clone();
    let refused = seen.iter().filter(|at| **at < times).count();
    assert!(refused <= 8, "only those under way are refused: {seen:?}");
    assert_eq!(seen.len(), 40 + refused);
    let between = seen.iter().filter(|at| **at >= times && **at < Duration::from_millis(990)).count();
    assert_eq!(between, 0, "all wait as long as the server asks: {seen:?}");
}

#[tokio::test]
async fn a_refusal_of_one_source_holds_back_the_other_with_the_same_credentials() {
    let server = Raw::start(|number, mut socket| async move {
        match number {
            0 => answer(&mut socket, "429 Too Many Requests", "retry-after: 1\r\n", b"").await,
            _ => answer(&mut socket, "200 OK", "", PAGE).await,
        }
    })
    .await;
    let (one, two) = (source(&server.url, ""), source(&server.url, ""));
    let started = Instant::now();
    let first = tokio::spawn(async move { one.check().await });
    while server.served() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    two.check().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    first.await.unwrap().unwrap();
    assert_eq!(server.served(), 3);
}

#[tokio::test]
async fn nobody_waits_for_a_stream_that_is_dropped() {
    let server = Raw::start(|number, mut socket| async move {
        match number {
            0 => answer(&mut socket, "503 Service Unavailable", "", b"").await,
            _ => answer(&mut socket, "429 Too Many Requests", "retry-after: 1\r\n", b"").await,
        }
    })
    .await;
    let source = source(&server.url, "  concurrency: 1\n");
    let mut stream = source.read("whole", Window { from: None });
    while server.served() < 2 {
        assert!(stream.next().now_or_never().is_none());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert_eq!(server.served(), 2);
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_none() {
    for (wait, class, served) in [
        ("0", None, 2),
        ("-1", None, 2),
        ("now", None, 2),
        ("Mon, 01 Jan 1990 00:00:00 GMT", None, 2),
        ("99999999999999999999999999", Some(Class::Temporary), 1),
        ("1795338000", Some(Class::Temporary), 1),
    ] {
        let server = Raw::start(move |number, mut socket| async move {
            match number {
                0 => answer(&mut socket, "429 Too Many Requests", &format!("retry-after: {wait}\r\n"), b"").await,
                _ => answer(&mut socket, "200 OK", "", PAGE).await,
            }
        })
        .await;
        let started = Instant::now();
        let checked = source(&server.url, "").check().await;
        assert_eq!((checked.err().map(|error| error.class()), server.served()), (class, served), "{wait}");
        assert!(started.elapsed() < Duration::from_secs(2), "{wait}");
    }
}

#[tokio::test]
async fn quotas_hold_requests_back() {
    for (quota, head, least, most) in [
        ("remaining: { header: X-Left, window_ms: X-Window }", "x-left: 0\r\nx-window: 300\r\n", 300, 900),
        ("remaining: { header: X-Left, reset: X-Reset }", "x-left: 0\r\nx-reset: 0.3\r\n", 300, 900),
        (
            "remaining: { header: X-Left, reset: X-Reset, reset_as: epoch_s }",
            "x-left: 0\r\nx-reset: 1445412481\r\ndate: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
            1000,
            1900,
        ),
        ("bucket: { header: X-Bucket, leak_per_second: 20 }", "x-bucket: 40/40\r\n", 400, 900),
        ("bucket: { header: X-Bucket, leak_per_second: 20 }", "x-bucket: 10/40\r\n", 0, 300),
    ] {
        let server = Raw::start(move |number, mut socket| async move {
            answer(&mut socket, "200 OK", if number == 0 { head } else { "" }, PAGE).await
        })
        .await;
        let source = source(&server.url, &format!("  quotas: [{{ {quota} }}]\n"));
        source.check().await.unwrap();
        let started = Instant::now();
        source.check().await.unwrap();
        let waited = started.elapsed();
        assert!(waited >= Duration::from_millis(least) && waited < Duration::from_millis(most), "{quota}: {waited:?}");
    }
}
