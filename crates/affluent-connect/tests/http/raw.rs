//! A server that does with a connection what a test says, HTTP or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A server on loopback, until it is dropped.
pub(crate) struct Raw {
    pub(crate) url: String,
    served: Arc<AtomicUsize>,
    _accepting: AbortOnDropHandle<()>,
}

impl Raw {
    /// Gives each connection, once its request was read, to `serve` with its number, from 0 on.
    pub(crate) async fn start<F>(serve: impl Fn(usize, TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match socket.read_buf(&mut request).await {
                        Ok(read) if read > 0 => {}
                        _ => break,
                    }
                }
                // The client may go away in the middle: that is its right.
                connections.spawn(serve(count.fetch_add(1, Ordering::SeqCst), socket));
            }
        });
        Self { url, served, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// How many requests came.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

/// Answers with that status line, these further header lines and the body, and closes.
pub(crate) async fn answer(socket: &mut TcpStream, status: &str, head: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{head}\r\n");
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body).await?;
    socket.shutdown().await
}
