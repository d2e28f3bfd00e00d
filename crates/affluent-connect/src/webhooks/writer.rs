//! The writing side of a stream's log: requests that come while the disk is busy share its next sync.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use chrono::Utc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::limits::Limits;
use super::log::{self, encode};
use crate::SourceError;
use crate::durable::sync_folder;

/// Bytes that are written before one sync.
const BATCH_BYTES: usize = 4 << 20;

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many wait for the disk.
    Busy,
    /// The disk is full or broken, or so much waits to be landed that no more is taken.
    Full,
}

/// What a writer counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Bodies that are on disk.
    pub(super) kept: AtomicU64,
    /// Syncs that it took.
    pub(super) syncs: AtomicU64,
    /// Bodies that were refused since they could not be kept.
    pub(super) refused: AtomicU64,
    /// Whether the last attempt failed.
    pub(super) failing: AtomicBool,
}

struct Waiting {
    body: Bytes,
    /// Given back when the body is out of memory.
    _memory: Option<OwnedSemaphorePermit>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

/// The way into a log. The thread behind it ends when this is dropped and all that waited is on disk.
pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
    pub(super) counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Opens the log in `folder`, takes a torn end off and begins a new segment with the first body.
    pub(super) fn open(folder: &Path, limits: Limits) -> Result<Self, SourceError> {
        let place = folder.display().to_string();
        let failed = |error: io::Error| {
            SourceError::failed(&place, format!("the log of events cannot be opened: {error}"))
                .with_hint("the folder must be on a local disk and writable; `folder:` under `with:` names another one")
        };
        let id = format!("{:x}-{:x}", Utc::now().timestamp_micros(), std::process::id());
        log::establish(folder, &id).map_err(failed)?;
        let lock = File::create(folder.join("receiver.lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SourceError::failed(&place, "another receiver writes here already")
                .with_hint("stop it first, or give this one a folder of its own"),
            TryLockError::Error(error) => failed(error),
        })?;
        let recovered = log::recover(folder).map_err(failed)?;
        if let Some((bytes, kept)) = &recovered.torn {
            tracing::warn!(
                "{place}: the last {bytes} bytes were of a request that was never answered; they are kept in {}",
                kept.display()
            );
        }
        let counts = Arc::new(Counts::default());
        let (queue, waiting) = mpsc::channel(limits.queue);
        let log = Log {
            folder: folder.to_owned(),
            limits,
            segment: None,
            last_segment: recovered.last_segment,
            last_at: recovered.last_at,
            on_disk: log::segments(folder).map_err(failed)?.iter().map(|(_, bytes)| bytes).sum(),
            counts: Arc::clone(&counts),
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("webhook-log".to_owned())
            .spawn(move || log.run(waiting))
            .map_err(failed)?;
        Ok(Self { queue, counts, thread })
    }

    /// Keeps a body; done when the disk has it.
    pub(super) async fn keep(&self, body: Bytes, memory: Option<OwnedSemaphorePermit>) -> Result<(), Refusal> {
        let (done, told) = oneshot::channel();
        let kept = match self.queue.try_send(Waiting { body, _memory: memory, done }) {
            Ok(()) => told.await.unwrap_or(Err(Refusal::Full)),
            Err(_) => Err(Refusal::Busy),
        };
        if kept.is_err() {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    /// Waits until all that was taken is on disk.
    pub(super) fn close(self) {
        drop(self.queue);
        // A thread that panicked has nothing more to write.
        let _ = self.thread.join();
    }
}

struct Segment {
    file: File,
    number: i64,
    length: u64,
}

struct Log {
    folder: PathBuf,
    limits: Limits,
    segment: Option<Segment>,
    last_segment: i64,
    last_at: i64,
    on_disk: u64,
    counts: Arc<Counts>,
    /// Held for as long as this process writes.
    _lock: File,
}

impl Log {
    fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut buffer = Vec::new();
        while let Some(first) = waiting.blocking_recv() {
            let mut batch = vec![first];
            let mut bytes = batch[0].body.len();
            while bytes < BATCH_BYTES
                && let Ok(next) = waiting.try_recv()
            {
                bytes += next.body.len();
                batch.push(next);
            }
            buffer.clear();
            for event in &batch {
                // Never backwards, whatever the clock does: what a reader knows is told by it.
                self.last_at = Utc::now().timestamp_micros().max(self.last_at + 1);
                encode(&mut buffer, self.last_at, &event.body);
            }
            let kept = self.append(&buffer);
            self.counts.failing.store(kept.is_err(), Ordering::Relaxed);
            match &kept {
                Ok(()) => {
                    self.counts.kept.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    self.counts.syncs.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => tracing::error!("{}: events are refused: {error}", self.folder.display()),
            }
            for event in batch {
                // Who does not wait for the answer any more sends the event again.
                let _ = event.done.send(kept.as_ref().copied().map_err(|_| Refusal::Full));
            }
        }
    }

    /// Writes and syncs; after a failure nothing of it is in the log.
    fn append(&mut self, buffer: &[u8]) -> io::Result<()> {
        let more = buffer.len() as u64;
        if self.on_disk + more > self.limits.waiting {
            self.on_disk = log::segments(&self.folder)?.iter().map(|(_, bytes)| bytes).sum();
            if self.on_disk + more > self.limits.waiting {
                return Err(io::Error::other(format!(
                    "{} MiB wait to be landed; run the extract stage of the pipeline",
                    self.on_disk >> 20
                )));
            }
        }
        if self.segment.as_ref().is_some_and(|segment| segment.length >= self.limits.segment) {
            self.segment = None;
        }
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.begin()?,
        };
        if let Err(error) = write(&mut segment.file, buffer) {
            // After a failed sync nobody can say what the disk has: this segment is cut and never written again.
            let cut = segment.file.set_len(segment.length).and_then(|()| segment.file.sync_all());
            if segment.length == 0 && cut.is_ok() {
                std::fs::remove_file(log::path(&self.folder, segment.number))?;
            }
            return Err(error);
        }
        segment.length += more;
        self.on_disk += more;
        self.segment = Some(segment);
        Ok(())
    }

    fn begin(&mut self) -> io::Result<Segment> {
        let number = Utc::now().timestamp_micros().max(self.last_segment + 1);
        let file = File::options().write(true).create_new(true).open(log::path(&self.folder, number))?;
        sync_folder(&self.folder)?;
        self.last_segment = number;
        Ok(Segment { file, number, length: 0 })
    }
}

fn write(file: &mut File, buffer: &[u8]) -> io::Result<()> {
    file.write_all(buffer)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::log::{Found, Reader};

    fn stored(folder: &Path) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for (segment, _) in log::segments(folder).unwrap() {
            let mut reader = Reader::open(folder, segment, 0).unwrap();
            while let Found::Record(record) = reader.next().unwrap() {
                found.push((record.at, record.body.to_vec()));
            }
        }
        assert!(found.is_sorted_by(|a, b| a.0 < b.0), "instants go up");
        found.into_iter().map(|(_, body)| body).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_share_a_sync_and_segments_roll() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { segment: 400, ..Limits::default() };
        let writer = Arc::new(Writer::open(folder.path(), limits).unwrap());
        let kept = (0..500).map(|number| {
            let writer = Arc::clone(&writer);
            async move { writer.keep(Bytes::from(format!("event {number:03}")), None).await }
        });
        assert!(futures::future::join_all(kept).await.iter().all(Result::is_ok));
        let syncs = writer.counts.syncs.load(Ordering::Relaxed);
        assert!(syncs < 500, "{syncs} syncs");
        for number in 500..600 {
            writer.keep(Bytes::from(format!("event {number:03}")), None).await.unwrap();
        }
        let second = Writer::open(folder.path(), limits).map(|_| ()).unwrap_err();
        assert!(second.to_string().contains("another receiver"), "{second}");
        Arc::into_inner(writer).unwrap().close();
        let expected: Vec<Vec<u8>> = (0..600).map(|number| format!("event {number:03}").into_bytes()).collect();
        assert_eq!(stored(folder.path()), expected);
        assert!(log::segments(folder.path()).unwrap().len() > 2);
    }

    #[tokio::test]
    async fn what_cannot_be_kept_is_refused_and_taken_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { waiting: 100, ..Limits::default() };
        let writer = Writer::open(folder.path(), limits).unwrap();
        writer.keep(Bytes::from_static(&[b'a'; 60]), None).await.unwrap();
        assert_eq!(writer.keep(Bytes::from_static(&[b'b'; 60]), None).await, Err(Refusal::Full));
        assert!(writer.counts.failing.load(Ordering::Relaxed));
        for (segment, _) in log::segments(folder.path()).unwrap() {
            std::fs::remove_file(log::path(folder.path(), segment)).unwrap();
        }
        writer.keep(Bytes::from_static(b"c"), None).await.unwrap();
        assert!(!writer.counts.failing.load(Ordering::Relaxed));
        writer.close();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_of_the_write() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(write(&mut full, b"event").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
