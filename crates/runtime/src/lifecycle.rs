//! Soft and hard stop.
//!
//! The first SIGTERM or SIGINT stops softly: no new work, what was begun is finished. A second signal, or the deadline,
//! stops hard: whatever still runs is dropped, and what it had not committed is somebody else's to redo.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long a soft stop may take where `STOP_DEADLINE_SECONDS` is not set.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

/// The two stop signals of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Take no new work, finish what was begun.
    pub soft: CancellationToken,
    /// Drop everything now.
    pub hard: CancellationToken,
}

impl Shutdown {
    /// Begins the soft stop.
    pub fn stop_softly(&self) {
        self.soft.cancel();
    }

    /// Stops hard (and softly, for those who only watch that).
    pub fn stop_hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// True once the soft stop began.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }
}

impl From<&Shutdown> for Shutdown {
    fn from(shutdown: &Shutdown) -> Self {
        shutdown.clone()
    }
}

/// Listens for SIGTERM and SIGINT and hands each to [`watch`]. Must be called on a runtime.
pub fn os_signals() -> std::io::Result<mpsc::Receiver<&'static str>> {
    let (sender, receiver) = mpsc::channel(4);
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    #[expect(clippy::disallowed_methods, reason = "lives as long as the process: nothing may wait for it to end")]
    tokio::spawn(async move {
        loop {
            let name = tokio::select! { _ = term.recv() => "SIGTERM", _ = int.recv() => "SIGINT" };
            if sender.send(name).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Turns signals and the deadline into the two stops. Ends when the hard stop is given, by whomever.
///
/// The deadline starts with the soft stop, also when the service itself began it.
pub async fn watch(shutdown: Shutdown, mut signals: mpsc::Receiver<&'static str>, deadline: Duration) {
    tokio::select! {
        name = next(&mut signals) => {
            tracing::info!(signal = name, deadline.seconds = deadline.as_secs(), "stopping; a second signal stops at once");
            shutdown.stop_softly();
        }
        () = shutdown.soft.cancelled() => {}
    }
    tokio::select! {
        name = next(&mut signals) => tracing::warn!(signal = name, "second signal: stopping hard"),
        () = tokio::time::sleep(deadline) => {
            tracing::warn!(deadline.seconds = deadline.as_secs(), "the soft stop took too long: stopping hard");
        }
        () = shutdown.hard.cancelled() => {}
    }
    shutdown.stop_hard();
}

/// The next signal; waits for ever when no source is left.
async fn next(signals: &mut mpsc::Receiver<&'static str>) -> &'static str {
    match signals.recv().await {
        Some(name) => name,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests await the tasks they spawn")]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn the_first_signal_stops_softly_the_second_hard() {
        let (shutdown, (sender, signals)) = (Shutdown::default(), mpsc::channel(4));
        let watching = tokio::spawn(watch(shutdown.clone(), signals, LONG));
        sender.send("SIGTERM").await.unwrap();
        shutdown.soft.cancelled().await;
        assert!(!shutdown.hard.is_cancelled());
        sender.send("SIGINT").await.unwrap();
        shutdown.hard.cancelled().await;
        watching.await.unwrap();
    }

    #[tokio::test]
    async fn the_deadline_stops_hard() {
        let (shutdown, (sender, signals)) = (Shutdown::default(), mpsc::channel(4));
        let watching = tokio::spawn(watch(shutdown.clone(), signals, Duration::from_millis(20)));
        sender.send("SIGTERM").await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), shutdown.hard.cancelled()).await.unwrap();
        watching.await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_from_inside_starts_the_deadline_too() {
        let (shutdown, (_sender, signals)) = (Shutdown::default(), mpsc::channel(4));
        let watching = tokio::spawn(watch(shutdown.clone(), signals, Duration::from_millis(20)));
        shutdown.stop_softly();
        tokio::time::timeout(Duration::from_secs(5), shutdown.hard.cancelled()).await.unwrap();
        watching.await.unwrap();
    }
}
