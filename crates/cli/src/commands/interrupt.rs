//! The end that a person or a supervisor asks for.

use tokio::signal::unix::{SignalKind, signal};

/// Ctrl-C, SIGTERM, or the terminal's end.
pub async fn interrupted() {
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {} _ = int.recv() => {} _ = hup.recv() => {} }
}
