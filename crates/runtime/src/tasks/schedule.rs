//! Timed jobs: when each has its turns, and the loop that gives them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::supervise::RESTART;
use super::{TaskOutput, Tasks};
use crate::lifecycle::Shutdown;

/// When a job has its turns: at once, then a period after each end. A plain [`Duration`] is such a schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    period: Duration,
    woken_by: Option<Arc<Notify>>,
    later: bool,
}

impl Schedule {
    /// A turn at once, the next one a period after its end.
    pub fn every(period: Duration) -> Self {
        Self { period, woken_by: None, later: false }
    }

    /// A notification ends the wait early.
    #[must_use]
    pub fn woken_by(mut self, notify: Arc<Notify>) -> Self {
        self.woken_by = Some(notify);
        self
    }

    /// The first turn comes after one wait instead of at once.
    #[must_use]
    pub fn first_later(mut self) -> Self {
        self.later = true;
        self
    }

    async fn wait(&self) {
        let woken = async {
            match &self.woken_by {
                Some(notify) => notify.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(self.period) => {}
            () = woken => {}
        }
    }
}

impl From<Duration> for Schedule {
    fn from(period: Duration) -> Self {
        Self::every(period)
    }
}

/// Gives the job its turns until the soft stop. A failed one is tried again after a backoff, which the next good one
/// resets; a turn under way at the soft stop is finished, at the hard stop it is dropped.
pub(super) async fn keep_turning<F, Fut>(
    tasks: Tasks,
    name: &'static str,
    schedule: Schedule,
    shutdown: Shutdown,
    mut job: F,
) where
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: TaskOutput,
{
    let mut failures = 0_u32;
    let mut waits = schedule.later;
    loop {
        if waits {
            let backoff = failures.checked_sub(1).map(|attempt| RESTART.delay(attempt, tasks.jitter()));
            let turn = async {
                match backoff {
                    Some(backoff) => tokio::time::sleep(backoff).await,
                    None => schedule.wait().await,
                }
            };
            tokio::select! {
                () = shutdown.soft.cancelled() => return,
                () = turn => {}
            }
        }
        if shutdown.is_stopping() {
            return;
        }
        waits = true;
        if failures > 0 {
            tasks.restarted(name);
        }
        tokio::select! {
            end = tasks.attempt(name, job()) => match end {
                Ok(()) => failures = 0,
                Err(failure) => {
                    tasks.failed(name, &failure);
                    failures = failures.saturating_add(1);
                }
            },
            () = shutdown.hard.cancelled() => return,
        }
    }
}
