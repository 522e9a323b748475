//! Background tasks that cannot end unnoticed.
//!
//! Every task runs on the process's main runtime (also when it is started from an HTTP worker thread, whose own small
//! runtime dies with it), is counted while it runs, and is logged and counted when it fails or panics.

use std::future::Future;
use std::sync::Arc;

use postrider_domain::Entropy;
use prometheus::{IntCounterVec, Registry};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::lifecycle::Shutdown;
use crate::telemetry::metrics;

mod schedule;
mod supervise;

pub use schedule::Schedule;

/// The task tracker of one service. Clones share it.
#[derive(Debug, Clone)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tracker: TaskTracker,
    handle: Option<Handle>,
    failures: IntCounterVec,
    restarts: IntCounterVec,
    entropy: Arc<dyn Entropy>,
}

/// What a task may end with: nothing, or a result whose error is logged and counted.
pub trait TaskOutput: Send + 'static {
    fn into_result(self) -> anyhow::Result<()>;
}

impl TaskOutput for () {
    fn into_result(self) -> anyhow::Result<()> {
        Ok(())
    }
}

impl<E: Into<anyhow::Error> + Send + 'static> TaskOutput for Result<(), E> {
    fn into_result(self) -> anyhow::Result<()> {
        self.map_err(Into::into)
    }
}

impl Tasks {
    /// A tracker whose tasks run on the current runtime.
    pub fn new(registry: &Registry, entropy: Arc<dyn Entropy>) -> Self {
        let failures = metrics::counter_vec(
            registry,
            "postrider_task_failures_total",
            "Background tasks that ended with an error, a panic, or (supervised ones) too early.",
            &["task", "kind"],
        );
        let restarts = metrics::counter_vec(
            registry,
            "postrider_task_restarts_total",
            "Restarts of supervised background tasks.",
            &["task"],
        );
        let handle = Handle::try_current().ok();
        Self(Arc::new(Inner { tracker: TaskTracker::new(), handle, failures, restarts, entropy }))
    }

    /// Runs a task to its end. The stop waits for it; an error or panic is logged and counted.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future + Send + 'static,
        F::Output: TaskOutput,
    {
        let this = self.clone();
        self.spawn_tracked(async move {
            // A task of its own, because its join handle is what tells a panic from an end.
            match this.attempt(name, task).await {
                Ok(()) => {}
                Err(failure) => this.failed(name, &failure),
            }
        })
    }

    /// Keeps a task running: whenever it ends or fails before the soft stop, it is started again after a jittered
    /// backoff. At the hard stop it is dropped. Each end is logged and counted.
    pub fn supervise<F, Fut>(&self, name: &'static str, shutdown: impl Into<Shutdown>, start: F) -> JoinHandle<()>
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: TaskOutput,
    {
        self.spawn_tracked(supervise::keep_running(self.clone(), name, shutdown.into(), start))
    }

    /// Runs a job again and again until the soft stop: at once and a period after each end, or as the schedule says.
    /// A turn that fails is logged, counted and tried again after a jittered backoff.
    pub fn every<F, Fut>(
        &self,
        name: &'static str,
        schedule: impl Into<Schedule>,
        shutdown: impl Into<Shutdown>,
        job: F,
    ) -> JoinHandle<()>
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: TaskOutput,
    {
        self.spawn_tracked(schedule::keep_turning(self.clone(), name, schedule.into(), shutdown.into(), job))
    }

    /// How many tasks run.
    pub fn running(&self) -> usize {
        self.0.tracker.len()
    }

    /// Waits until no task runs. New ones may still be started and are waited for too.
    pub async fn finished(&self) {
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// One run of a task, with its panic caught. Dropping the returned future aborts the run.
    async fn attempt<F>(&self, name: &'static str, task: F) -> Result<(), Failure>
    where
        F: Future + Send + 'static,
        F::Output: TaskOutput,
    {
        let span = tracing::info_span!("task", task = name);
        let mut run = AbortOnDrop(self.spawn_raw(async move { task.await.into_result() }.instrument(span)));
        match (&mut run.0).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Error(error)),
            Err(join) if join.is_panic() => Err(Failure::Panic(panic_text(join.into_panic().as_ref()))),
            Err(_cancelled) => Err(Failure::Ended),
        }
    }

    /// Logs and counts an end that should not have been.
    fn failed(&self, name: &'static str, failure: &Failure) {
        let kind = failure.kind();
        self.0.failures.with_label_values(&[name, kind]).inc();
        match failure {
            Failure::Error(error) => {
                tracing::error!(task = name, kind, error = %format!("{error:#}"), "task {name} failed")
            }
            Failure::Panic(text) => tracing::error!(task = name, kind, error = %text, "task {name} panicked"),
            Failure::Ended => tracing::warn!(task = name, kind, "task {name} ended before the stop"),
        }
    }

    fn restarted(&self, name: &'static str) {
        self.0.restarts.with_label_values(&[name]).inc();
    }

    fn jitter(&self) -> f64 {
        self.0.entropy.unit()
    }

    fn spawn_tracked<F: Future<Output = ()> + Send + 'static>(&self, task: F) -> JoinHandle<()> {
        let tracked = self.0.tracker.track_future(task);
        self.spawn_raw(tracked)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the tracker everybody else goes through")]
    fn spawn_raw<T, F>(&self, task: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        match &self.0.handle {
            Some(handle) => handle.spawn(task),
            None => tokio::spawn(task),
        }
    }
}

/// Why a task is not running any more.
#[derive(Debug)]
enum Failure {
    Error(anyhow::Error),
    Panic(String),
    Ended,
}

impl Failure {
    fn kind(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Panic(_) => "panic",
            Self::Ended => "ended",
        }
    }
}

/// Stops the task when the one who waits for it is dropped.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
#[path = "tasks/tests.rs"]
mod tests;
