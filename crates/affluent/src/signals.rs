//! SIGINT and SIGTERM: the work is asked to stop, and is left to itself only for so long.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// For how long the step in hand may go on. What it did not commit by then was never seen by anybody.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `work`, whose token is cancelled by the first signal.
///
/// The signals are caught before the work begins: its first step may take a while before it yields.
pub(crate) async fn guarded<W, F>(work: W) -> Result<(), Failure>
where
    W: FnOnce(CancellationToken) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let mut signals = Signals::catch()?;
    let stop = CancellationToken::new();
    let work = work(stop.clone());
    tokio::pin!(work);
    let code = tokio::select! {
        outcome = &mut work => return outcome,
        code = signals.next() => code,
    };
    stop.cancel();
    tokio::select! {
        outcome = &mut work => match outcome {
            // Done in spite of the signal, or ended by it.
            Ok(()) => Err(Failure { message: String::new(), ..Failure::stopped(code).answered() }),
            Err(failure) => Err(Failure { code, ..failure }),
        },
        again = signals.next() => Err(Failure::stopped(again)),
        () = tokio::time::sleep(GRACE) => Err(Failure::stopped(code)),
    }
}

/// The signals that ask a process to stop, caught from its making on.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn catch() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one; the exit code that tells it.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> u8 {
        let _ = tokio::signal::ctrl_c().await;
        130
    }
}
