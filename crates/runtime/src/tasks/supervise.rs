//! Restarts of the tasks that must always run: consumers, live hints, the lanes to the broker.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::{Failure, TaskOutput, Tasks};
use crate::backoff::Backoff;
use crate::lifecycle::Shutdown;

/// First wait 200 ms, never above 30 s (the broker's and the database's reconnects use the same cap).
pub(super) const RESTART: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
/// A run at least this long counts as healthy: the next failure starts at the first wait again.
const HEALTHY: Duration = Duration::from_secs(60);

/// Runs what `start` makes until the soft stop.
pub(super) async fn keep_running<F, Fut>(tasks: Tasks, name: &'static str, shutdown: Shutdown, mut start: F)
where
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: TaskOutput,
{
    let mut attempt = 0;
    loop {
        let began = Instant::now();
        let end = tokio::select! {
            end = tasks.attempt(name, start()) => end,
            () = shutdown.hard.cancelled() => return,
        };
        if let Err(failure) = &end {
            tasks.failed(name, failure);
        }
        if shutdown.is_stopping() {
            return;
        }
        if end.is_ok() {
            tasks.failed(name, &Failure::Ended);
        }
        attempt = if began.elapsed() >= HEALTHY { 0 } else { attempt };
        tokio::select! {
            () = tokio::time::sleep(RESTART.delay(attempt, tasks.jitter())) => {}
            () = shutdown.soft.cancelled() => return,
        }
        attempt = attempt.saturating_add(1);
        tasks.restarted(name);
    }
}
