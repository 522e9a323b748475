//! The governor of one mailbox: a call may start when its lane is next, a slot is free, and both buckets have the
//! units. It lives with the mailbox's lease and is shared by the live and the backfill lane.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::{Clock, Timestamp};
use tokio::sync::Notify;

use super::project::ProjectGate;
use super::{Aimd, Lane, Method, QuotaSetting, SavedBucket, UserBucket};
use crate::{GmailError, LimitKind};

/// Longest sleep before the clock is read again: a clock that a test moves is noticed soon, a wrong estimate corrected.
#[cfg(not(test))]
const NAP: Duration = Duration::from_millis(250);
#[cfg(test)]
const NAP: Duration = Duration::from_millis(1);

/// How a governor behaves.
#[derive(Debug, Clone, Copy)]
pub struct GovernorConfig {
    pub quota: QuotaSetting,
    /// Most calls of one mailbox at once.
    pub concurrency_cap: u32,
    /// A "not before" further away than this is not waited for inside [`Governor::acquire`]: the caller gives the
    /// mailbox back instead of sitting on its lease.
    pub patience: Duration,
}

impl Default for GovernorConfig {
    fn default() -> Self {
        Self { quota: QuotaSetting::default(), concurrency_cap: Aimd::DEFAULT_CAP, patience: Duration::from_secs(10) }
    }
}

/// The mailbox may not be called before this time. Goes into the mailbox row's `not_before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not before {until}")]
pub struct Held {
    pub until: Timestamp,
}

impl From<Held> for GmailError {
    fn from(held: Held) -> Self {
        Self::RateLimited { kind: LimitKind::Held, retry_at: Some(held.until) }
    }
}

/// How a permitted call ended, as far as the quota cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// Gmail answered, if only "not found".
    Answered,
    /// 429: halve the concurrency, and wait if a time was named.
    TooMany { retry_at: Option<Timestamp> },
    /// 403 quota: the bucket is empty, whatever we counted.
    OutOfUnits { retry_at: Option<Timestamp> },
    /// No answer, or one that says nothing about the quota.
    Failed { retry_at: Option<Timestamp> },
}

impl Called {
    /// What a call's result says about the quota.
    pub fn of<T>(result: &Result<T, GmailError>) -> Self {
        match result {
            Ok(_) | Err(GmailError::NotFound | GmailError::HistoryGone | GmailError::BadRequest { .. }) => {
                Self::Answered
            }
            Err(GmailError::RateLimited { kind: LimitKind::Concurrency, retry_at }) => {
                Self::TooMany { retry_at: *retry_at }
            }
            Err(GmailError::RateLimited { kind: LimitKind::Quota, retry_at }) => {
                Self::OutOfUnits { retry_at: *retry_at }
            }
            Err(error) => Self::Failed { retry_at: error.retry_at() },
        }
    }
}

/// One mailbox's governor. Cheap to clone.
#[derive(Clone)]
pub struct Governor {
    /// Absent: everything is allowed at once.
    inner: Option<Arc<Inner>>,
}

struct Inner {
    config: GovernorConfig,
    clock: Arc<dyn Clock>,
    project: Arc<ProjectGate>,
    state: Mutex<State>,
    /// Something changed that a waiter may want to know.
    changed: Notify,
}

struct State {
    bucket: UserBucket,
    aimd: Aimd,
    in_flight: u32,
    not_before: Option<Timestamp>,
    /// Waiting calls, the next one first.
    waiting: BTreeSet<(Lane, u64)>,
    next_ticket: u64,
    spent: u64,
}

/// What a waiter does next.
enum Step {
    Granted,
    Held(Held),
    PayProject,
    AwaitTurn,
    Sleep(TimeDelta),
}

impl Governor {
    /// A governor over the given bucket (empty after a stolen lease, restored otherwise).
    pub fn new(config: GovernorConfig, bucket: UserBucket, project: Arc<ProjectGate>, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            bucket,
            aimd: Aimd::new(config.concurrency_cap),
            in_flight: 0,
            not_before: None,
            waiting: BTreeSet::new(),
            next_ticket: 0,
            spent: 0,
        };
        let inner = Inner { config, clock, project, state: Mutex::new(state), changed: Notify::new() };
        Self { inner: Some(Arc::new(inner)) }
    }

    /// A governor that never waits, for tests against fakes and simulators without quota.
    pub fn unlimited() -> Self {
        Self { inner: None }
    }

    /// Goes on with the concurrency an earlier governor of this account had felt for.
    pub fn resume(&self, concurrency: u32) {
        if let Some(inner) = &self.inner {
            inner.lock().aimd.resume(concurrency);
        }
    }

    /// Waits until a call of `method` may start. Dropping the future leaves the queue.
    pub async fn acquire(&self, method: Method, lane: Lane) -> Result<Permit, Held> {
        let Some(inner) = &self.inner else {
            return Ok(Permit { inner: None });
        };
        let units = inner.config.quota.costs.of(method);
        let ticket = Ticket::enter(inner, lane);
        let mut paid = false;
        loop {
            let changed = inner.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match inner.step(&ticket, units, paid) {
                Step::Granted => return Ok(Permit { inner: Some(inner.clone()) }),
                Step::Held(held) => return Err(held),
                Step::PayProject => {
                    inner.project.take(units, lane).await;
                    paid = true;
                }
                Step::AwaitTurn => changed.await,
                Step::Sleep(wait) => tokio::select! {
                    () = changed => {}
                    () = nap(wait) => {}
                },
            }
        }
    }

    /// No call starts before `until`; a later time that is already set stays.
    pub fn hold(&self, until: Timestamp) {
        if let Some(inner) = &self.inner {
            inner.lock().hold(Some(until));
            inner.changed.notify_waiters();
        }
    }

    /// Until when the mailbox is held, if it is.
    pub fn held_until(&self) -> Option<Timestamp> {
        let inner = self.inner.as_ref()?;
        let now = inner.clock.now();
        inner.lock().not_before.filter(|until| *until > now)
    }

    /// The bucket, to be saved at a checkpoint.
    pub fn save(&self) -> Option<SavedBucket> {
        let inner = self.inner.as_ref()?;
        let now = inner.clock.now();
        Some(inner.lock().bucket.save(now))
    }

    /// Units spent since this governor was made, for statistics.
    pub fn spent(&self) -> u64 {
        self.inner.as_ref().map_or(0, |inner| inner.lock().spent)
    }

    /// How many calls may run at once now; use it to size parallel fetches.
    pub fn concurrency(&self) -> u32 {
        self.inner.as_ref().map_or(Aimd::DEFAULT_CAP, |inner| inner.lock().aimd.limit())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, ticket: &Ticket<'_>, units: u32, paid: bool) -> Step {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Some(until) = state.not_before.filter(|until| *until > now) {
            let wait = until - now;
            let patience = TimeDelta::from_std(self.config.patience).unwrap_or(TimeDelta::MAX);
            return if wait > patience { Step::Held(Held { until }) } else { Step::Sleep(wait) };
        }
        if state.waiting.first() != Some(&ticket.place) {
            return Step::AwaitTurn;
        }
        let lane = ticket.place.0;
        let limit = state.aimd.limit();
        let slots = if limit < 3 { limit } else { limit - lane.slots_left_free() };
        if state.in_flight >= slots {
            return Step::AwaitTurn;
        }
        let wait = state.bucket.wait(units, lane, now);
        if wait > TimeDelta::zero() {
            return Step::Sleep(wait);
        }
        if !paid {
            return Step::PayProject;
        }
        match state.bucket.take(units, lane, now) {
            Ok(()) => {
                state.in_flight += 1;
                state.spent += u64::from(units);
                Step::Granted
            }
            Err(wait) => Step::Sleep(wait),
        }
    }
}

impl State {
    fn hold(&mut self, until: Option<Timestamp>) {
        self.not_before = self.not_before.max(until);
    }
}

/// A place in the queue, given up when dropped.
struct Ticket<'a> {
    inner: &'a Inner,
    place: (Lane, u64),
}

impl<'a> Ticket<'a> {
    fn enter(inner: &'a Inner, lane: Lane) -> Self {
        let mut state = inner.lock();
        let place = (lane, state.next_ticket);
        state.next_ticket += 1;
        state.waiting.insert(place);
        Self { inner, place }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.inner.lock().waiting.remove(&self.place);
        self.inner.changed.notify_waiters();
    }
}

/// Leave to make one call. Say how it ended; dropping it only frees the slot.
#[must_use = "make the call, then say how it ended"]
pub struct Permit {
    inner: Option<Arc<Inner>>,
}

impl Permit {
    /// Reports the end of the call.
    pub fn finish(self, called: Called) {
        let Some(inner) = &self.inner else {
            return;
        };
        let now = inner.clock.now();
        let mut state = inner.lock();
        match called {
            Called::Answered => {
                let in_flight = state.in_flight;
                state.aimd.succeeded(in_flight);
            }
            Called::TooMany { retry_at } => {
                state.aimd.refused();
                state.hold(retry_at);
            }
            Called::OutOfUnits { retry_at } => {
                state.bucket.drain(now);
                state.hold(retry_at);
            }
            Called::Failed { retry_at } => state.hold(retry_at),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(inner) = &self.inner {
            let mut state = inner.lock();
            state.in_flight = state.in_flight.saturating_sub(1);
            drop(state);
            inner.changed.notify_waiters();
        }
    }
}

/// Sleeps for `wait`, but never long without looking at the clock again.
pub(super) async fn nap(wait: TimeDelta) {
    let wait = wait.to_std().unwrap_or_default().clamp(Duration::from_millis(1), NAP);
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
#[path = "governor_tests.rs"]
mod tests;
