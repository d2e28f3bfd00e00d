//! A text cut into blocks that several threads decode at the same time, and what they make of them taken in its order.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::input::CHUNK;
use super::lines::RECORD_BYTES;
use super::output::Halt;

/// Threads that decode at most.
const DECODERS: usize = 4;

/// What is said of a decoded block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is well, the next one please.
    Taken,
    /// It did not begin or end where it should have: it was not taken.
    Refused,
}

/// How the blocks came to an end.
pub(super) enum Ended<B, D> {
    /// All were decoded; the last one, if there was any, is not taken yet.
    Done(Option<(Arc<B>, D)>),
    /// The first of these was refused; they and what was not cut yet remain.
    Refused(Vec<Arc<B>>),
    /// The text broke off; the blocks before it were taken up to the first one refused.
    Broken(io::Error),
}

/// Decodes the blocks that `next` cuts, by decoders that `decoder` makes, one for each thread, and hands what they make of
/// them to `take`, in order.
pub(super) fn in_order<B: Send + Sync, D: Send, F: FnMut(&B) -> D>(
    mut next: impl FnMut() -> io::Result<Option<B>>,
    decoder: impl Fn() -> F + Sync,
    mut take: impl FnMut(D) -> Result<Verdict, Halt>,
) -> Result<Ended<B, D>, Halt> {
    let count = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(DECODERS);
    let (jobs, asked) = sync_channel::<(Arc<B>, SyncSender<D>)>(count);
    let asked = Mutex::new(asked);
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| serve(decoder(), &asked));
        }
        // Dropped with this closure, however it ends: the threads end then too.
        let jobs = jobs;
        let mut waiting: VecDeque<(Arc<B>, Receiver<D>)> = VecDeque::new();
        let broken = loop {
            let block = match next() {
                Ok(Some(block)) => Arc::new(block),
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            if waiting.len() == count
                && let Some((first, decoded)) = waiting.pop_front()
                && take(decoded.recv().map_err(|_| Halt::Gone)?)? == Verdict::Refused
            {
                let rest = waiting.into_iter().map(|(block, _)| block);
                return Ok(Ended::Refused([first].into_iter().chain(rest).chain([block]).collect()));
            }
            let (sender, receiver) = sync_channel(1);
            jobs.send((Arc::clone(&block), sender)).map_err(|_| Halt::Gone)?;
            waiting.push_back((block, receiver));
        };
        let last = if broken.is_none() { waiting.pop_back() } else { None };
        while let Some((first, decoded)) = waiting.pop_front() {
            if take(decoded.recv().map_err(|_| Halt::Gone)?)? == Verdict::Refused {
                let rest = waiting.into_iter().chain(last).map(|(block, _)| block);
                return Ok(
                    broken.map_or_else(|| Ended::Refused([first].into_iter().chain(rest).collect()), Ended::Broken)
                );
            }
        }
        if let Some(error) = broken {
            return Ok(Ended::Broken(error));
        }
        let Some((block, decoded)) = last else { return Ok(Ended::Done(None)) };
        Ok(Ended::Done(Some((block, decoded.recv().map_err(|_| Halt::Gone)?))))
    })
}

/// Decodes blocks until there are no more.
fn serve<B, D>(mut decode: impl FnMut(&B) -> D, asked: &Mutex<Receiver<(Arc<B>, SyncSender<D>)>>) {
    loop {
        let job = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((block, answer)) = job else { return };
        // Where nobody waits for it any more, reading was broken off.
        let _ = answer.send(decode(&block));
    }
}

/// A part of a text.
#[derive(Debug)]
pub(super) enum Piece {
    /// It ends at a border between records, or at the end of the text.
    Whole(Vec<u8>),
    /// So long without a border that there is none.
    Unbroken(Vec<u8>),
}

/// Cuts a text into pieces at borders between records.
#[derive(Debug)]
pub(super) struct Cutter<R> {
    pub(super) input: R,
    /// What was read behind the last border.
    rest: Vec<u8>,
    /// An error that waits for the piece before it to be taken.
    error: Option<io::Error>,
    at_end: bool,
    /// How long a piece is at least, but for the last one.
    length: usize,
}

impl<R: Read> Cutter<R> {
    /// Of the text that begins with `rest` and goes on with `input`, into pieces of about that length.
    pub(super) fn new(rest: Vec<u8>, input: R, length: usize) -> Self {
        Self { input, rest, error: None, at_end: false, length }
    }

    /// Puts text back in front of what comes next.
    pub(super) fn put_back(&mut self, text: &[u8]) {
        self.rest.splice(..0, text.iter().copied());
    }

    /// The next piece, nothing at the end; `border` tells where in a text its last border lies. What comes before an error
    /// is given first.
    pub(super) fn next(&mut self, border: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Option<Piece>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut text = std::mem::take(&mut self.rest);
        loop {
            if text.len() >= self.length {
                if let Some(end) = border(&text) {
                    self.rest = text.split_off(end);
                    return Ok(Some(Piece::Whole(text)));
                }
                if text.len() >= RECORD_BYTES {
                    return Ok(Some(Piece::Unbroken(text)));
                }
            }
            let before = text.len();
            text.resize(before + CHUNK, 0);
            match self.input.read(&mut text[before..]) {
                Ok(read) => {
                    text.truncate(before + read);
                    if read == 0 {
                        let more = !std::mem::replace(&mut self.at_end, true) && !text.is_empty();
                        return Ok(more.then_some(Piece::Whole(text)));
                    }
                }
                Err(error) => {
                    text.truncate(before);
                    let Some(end) = border(&text) else { return Err(error) };
                    text.truncate(end);
                    self.error = Some(error);
                    return Ok(Some(Piece::Whole(text)));
                }
            }
        }
    }
}

/// What was not cut yet.
impl<R: Read> Read for Cutter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.rest.is_empty() {
            let count = self.rest.as_slice().read(buffer)?;
            self.rest.drain(..count);
            return Ok(count);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.input.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(last: u32) -> impl FnMut() -> io::Result<Option<u32>> {
        let mut numbers = 1..=last;
        move || Ok(numbers.next())
    }

    #[test]
    fn blocks_are_taken_in_their_order() {
        let mut taken = Vec::new();
        let slow_when_odd = || {
            |number: &u32| {
                thread::sleep(std::time::Duration::from_millis(u64::from(number % 2) * 3));
                *number
            }
        };
        let ended = in_order(numbers(20), slow_when_odd, |number| {
            taken.push(number);
            Ok(Verdict::Taken)
        });
        assert!(matches!(ended, Ok(Ended::Done(Some((_, 20))))));
        assert_eq!(taken, (1..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_refused_is_given_back_with_all_behind_it() {
        for last in 3..12 {
            let mut next = numbers(last);
            let verdict = |number| Ok(if number == 3 { Verdict::Refused } else { Verdict::Taken });
            let ended = in_order(&mut next, || |number: &u32| *number, verdict);
            match ended {
                Ok(Ended::Refused(blocks)) => {
                    let mut given: Vec<u32> = blocks.iter().map(|block| **block).collect();
                    given.extend(std::iter::from_fn(|| next().ok().flatten()));
                    assert_eq!(given, (3..=last).collect::<Vec<_>>());
                }
                Ok(Ended::Done(Some((_, 3)))) => assert_eq!(last, 3),
                _ => panic!("{last}"),
            }
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_read_before_it() {
        struct Breaking(Vec<&'static [u8]>);
        impl Read for Breaking {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let Some(part) = self.0.pop() else { return Err(io::Error::other("torn")) };
                buffer[..part.len()].copy_from_slice(part);
                Ok(part.len())
            }
        }
        let mut cutter = Cutter::new(b"a\n".to_vec(), Breaking(vec![b"\nc", b"b"]), 100);
        let border = |text: &[u8]| memchr::memrchr(b'\n', text).map(|at| at + 1);
        assert!(matches!(cutter.next(border), Ok(Some(Piece::Whole(text))) if text == b"a\nb\n"));
        assert!(cutter.next(border).is_err());
    }
}
