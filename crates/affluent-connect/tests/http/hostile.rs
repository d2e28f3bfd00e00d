//! Servers that mean harm, or behave as if they did: each ends in a clear error, soon, with a bounded part of its answer read.

use std::io::Write as _;
use std::time::{Duration, Instant};

use affluent_connect::error::Class;
use affluent_connect::{Source, SourceError};
use tokio::io::AsyncWriteExt;

use crate::raw::{Raw, answer};
use crate::world::{quick, read, source};

const BOUNDS: &str = "  total_timeout: 1s\n  largest_answer: 1\n";

/// The error that reading ends with, soon.
async fn error_of(server: &Raw) -> SourceError {
    let started = Instant::now();
    let error = read(&source(&server.url, BOUNDS), "whole", None).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}: {error}", started.elapsed());
    error
}

fn zipped(bytes: usize) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..bytes >> 12 {
        gzip.write_all(&[b' '; 1 << 12]).unwrap();
    }
    gzip.finish().unwrap()
}

#[tokio::test]
async fn a_bomb_is_measured_unpacked() {
    let bomb = zipped(128 << 20);
    assert!(bomb.len() < 1 << 20);
    let server = Raw::start(move |_, mut socket| {
        let bomb = bomb.clone();
        async move { answer(&mut socket, "200 OK", "content-encoding: gzip\r\n", &bomb).await }
    })
    .await;
    let error = error_of(&server).await;
    assert_eq!((error.class(), server.served()), (Class::Failed, 1));
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("largest_answer")), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    for head in ["content-length: 2147483648\r\n", "transfer-encoding: chunked\r\n", "connection: close\r\n"] {
        let server = Raw::start(move |_, mut socket| async move {
            socket.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes()).await?;
            loop {
                socket.write_all(b"1000\r\n").await?;
                socket.write_all(&[b' '; 0x1000]).await?;
                socket.write_all(b"\r\n").await?;
            }
        })
        .await;
        let error = error_of(&server).await;
        assert!(error.to_string().contains("larger than 1 MiB"), "{head} {error}");
        assert_eq!(server.served(), 1);
    }
}

#[tokio::test]
async fn an_error_without_end_is_told_by_its_beginning() {
    let server = Raw::start(|_, mut socket| async move {
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nthis is why ").await?;
        loop {
            socket.write_all(&[b'x'; 0x1000]).await?;
        }
    })
    .await;
    let error = error_of(&server).await;
    assert!(error.to_string().contains("HTTP 400 Bad Request: this is why xxx"), "{error}");
    assert!(error.to_string().len() < 400);
}

#[tokio::test]
async fn a_drip_ends_when_the_time_is_over() {
    for (head, drop) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", " "),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\n \r\n"),
        ("HTTP/1.1 200 OK\r\nx-slow: ", "x"),
        ("", ""),
    ] {
        let server = Raw::start(move |_, mut socket| async move {
            socket.write_all(head.as_bytes()).await?;
            loop {
                socket.write_all(drop.as_bytes()).await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        let error = error_of(&server).await;
        assert_eq!((error.class(), server.served()), (Class::Temporary, 1), "{error}");
        assert!(error.to_string().contains("no whole answer after 1 s"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("total_timeout")), "{error:?}");
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    for line in ["x: y\r\n".to_owned(), format!("x-long: {}\r\n", "y".repeat(60_000))] {
        let server = Raw::start(move |_, mut socket| {
            let line = line.clone();
            async move {
                socket.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                loop {
                    socket.write_all(line.as_bytes()).await?;
                }
            }
        })
        .await;
        let error = error_of(&server).await;
        assert_eq!(error.class(), Class::Temporary, "{error}");
        assert!(error.to_string().contains("no answer: ") && server.served() <= quick().tries, "{error}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_told() {
    let server = Raw::start(|_, mut socket| async move {
        socket.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await?;
        socket.shutdown().await
    })
    .await;
    let error = error_of(&server).await;
    assert!(error.to_string().starts_with("GET /things: no answer: "), "{error}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server =
        Raw::start(|_, mut socket| async move { answer(&mut socket, "302 Found", "location: /things\r\n", b"").await })
            .await;
    let error = error_of(&server).await;
    assert!(error.class() == Class::Failed && error.to_string().contains("more than five redirects"), "{error}");
    assert!(server.served() <= 7, "{}", server.served());
    let error = source(&server.url, BOUNDS).check().await.unwrap_err();
    assert!(error.to_string().contains("more than five redirects"), "{error}");
}
