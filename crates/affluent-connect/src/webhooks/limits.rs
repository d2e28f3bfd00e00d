//! What the receiver takes at most, so that nobody can fill its memory, its disk or its time.

use std::time::Duration;

/// Bounds of the receiver.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of a request's head.
    pub head: usize,
    /// Bytes of all bodies that are being read or wait for the disk.
    pub in_memory: usize,
    /// Connections at a time; more wait to be taken.
    pub connections: usize,
    /// How long a head may take, and how long a connection may be idle.
    pub head_time: Duration,
    /// How long a body may take.
    pub body_time: Duration,
    /// Requests of one stream that wait for the disk.
    pub queue: usize,
    /// Bytes of a segment, after which a new one begins.
    pub segment: u64,
    /// Bytes of one stream's events that wait to be landed; more are refused until a run has landed some.
    pub waiting: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            head: 32 << 10,
            in_memory: 64 << 20,
            connections: 1024,
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(30),
            queue: 8192,
            segment: 64 << 20,
            waiting: 10 << 30,
        }
    }
}
