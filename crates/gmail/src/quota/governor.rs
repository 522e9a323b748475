//! The governor of one mailbox: a call may start when its lane is next, a slot is free, and both buckets have the
//! units. It lives with the mailbox's lease and is shared by the live and the backfill lane.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::Mutex;
use postrider_domain::{Clock, Timestamp};
use tokio::sync::Notify;

use super::called::{Called, Held, HeldBy};
use super::project::ProjectGate;
use super::{Aimd, Claimed, Lane, Method, ProjectDay, QuotaSetting, UnitsClaim, UserUnits};

/// Longest sleep before the clock is read again: a clock that a test moves is noticed soon, a wrong estimate corrected.
#[cfg(not(test))]
const NAP: Duration = Duration::from_millis(250);
#[cfg(test)]
const NAP: Duration = Duration::from_millis(1);

/// Units claimed ahead of what a call needs, one in so many of the user's minute: the bucket is asked once for a few calls.
const AHEAD: u32 = 200;
/// Until a bucket that cannot be reached is tried again.
const UNREACHABLE: TimeDelta = TimeDelta::seconds(1);

/// How a governor behaves.
#[derive(Debug, Clone, Copy)]
pub struct GovernorConfig {
    pub quota: QuotaSetting,
    /// Most calls of one mailbox at once.
    pub concurrency_cap: u32,
    /// A "not before" further away than this is not waited for inside [`Governor::acquire`]: the caller gives the
    /// mailbox back instead of sitting on its lease.
    pub patience: Duration,
    /// How many seconds of the clock pass in one: more than 1 only where a simulation's do.
    pub pace: u32,
}

impl Default for GovernorConfig {
    fn default() -> Self {
        Self {
            quota: QuotaSetting::default(),
            concurrency_cap: Aimd::DEFAULT_CAP,
            patience: Duration::from_secs(10),
            pace: 1,
        }
    }
}

/// One mailbox's governor. Cheap to clone.
#[derive(Clone)]
pub struct Governor(Arc<Inner>);

struct Inner {
    config: GovernorConfig,
    clock: Arc<dyn Clock>,
    units: Arc<dyn UserUnits>,
    project: Arc<ProjectGate>,
    state: Mutex<State>,
    /// Something changed that a waiter may want to know.
    changed: Notify,
}

struct State {
    /// Claimed of the account's bucket and unspent.
    left: u32,
    /// Google said that nothing is left of it: told with the next claim.
    drained: bool,
    aimd: Aimd,
    in_flight: u32,
    /// By the rank of the lane that was refused: it and the less urgent ones wait. A live call finds out for itself
    /// whether it is refused too, once.
    not_before: [Option<Timestamp>; Lane::ALL.len()],
    /// Waiting calls, the next one first.
    waiting: BTreeSet<(Lane, u64)>,
    next_ticket: u64,
    spent: u64,
}

/// What a waiter does next.
enum Step {
    Granted,
    Held(Held),
    Claim(UnitsClaim),
    PayProject,
    AwaitTurn,
    Sleep(TimeDelta),
}

impl Governor {
    /// A governor that claims from the account's bucket and the project's.
    pub fn new(
        config: GovernorConfig,
        units: Arc<dyn UserUnits>,
        project: Arc<ProjectGate>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = State {
            left: 0,
            drained: false,
            aimd: Aimd::new(config.concurrency_cap),
            in_flight: 0,
            not_before: [None; Lane::ALL.len()],
            waiting: BTreeSet::new(),
            next_ticket: 0,
            spent: 0,
        };
        let inner = Inner { config, clock, units, project, state: Mutex::new(state), changed: Notify::new() };
        Self(Arc::new(inner))
    }

    /// Goes on with the concurrency an earlier governor of this account had felt for.
    pub fn resume(&self, concurrency: u32) {
        self.0.state.lock().aimd.resume(concurrency);
    }

    /// Waits until a call of `method` may start. Dropping the future leaves the queue.
    pub async fn acquire(&self, method: Method, lane: Lane) -> Result<Permit, Held> {
        let inner = &self.0;
        let units = inner.config.quota.costs.of(method);
        let ticket = Ticket::enter(inner, lane);
        let mut paid = false;
        loop {
            let changed = inner.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match inner.step(&ticket, units, paid) {
                Step::Granted => return Ok(Permit { inner: inner.clone(), lane }),
                Step::Held(held) => return Err(held),
                Step::Claim(claim) => {
                    let claimed = inner.units.claim(claim).await;
                    if let Some(wait) = inner.claimed(claim, claimed) {
                        tokio::select! {
                            () = changed => {}
                            () = nap(wait, inner.config.pace) => {}
                        }
                    }
                }
                Step::PayProject => {
                    inner.project.take(units, lane).await?;
                    paid = true;
                }
                Step::AwaitTurn => changed.await,
                Step::Sleep(wait) => tokio::select! {
                    () = changed => {}
                    () = nap(wait, inner.config.pace) => {}
                },
            }
        }
    }

    /// No call of `lane` or a less urgent one starts before `until`; a later time that is already set stays.
    pub fn hold(&self, lane: Lane, until: Timestamp) {
        self.0.state.lock().hold(lane, Some(until));
        self.0.changed.notify_waiters();
    }

    /// Until when calls of `lane` are held, if they are.
    pub fn held_until(&self, lane: Lane) -> Option<Timestamp> {
        let now = self.0.clock.now();
        self.0.state.lock().held_until(lane, now)
    }

    /// Takes out what was claimed and not spent, to be given back at a checkpoint.
    pub fn take_unspent(&self) -> u32 {
        std::mem::take(&mut self.0.state.lock().left)
    }

    /// The project's day, where it is counted.
    pub fn day(&self) -> Option<&ProjectDay> {
        self.0.project.day()
    }

    /// Units spent since this governor was made, for statistics.
    pub fn spent(&self) -> u64 {
        self.0.state.lock().spent
    }

    /// How many calls may run at once now; use it to size parallel fetches.
    pub fn concurrency(&self) -> u32 {
        self.0.state.lock().aimd.limit()
    }
}

impl Inner {
    fn step(&self, ticket: &Ticket<'_>, units: u32, paid: bool) -> Step {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let lane = ticket.place.0;
        if let Some(until) = state.held_until(lane, now) {
            let wait = until - now;
            let patience = TimeDelta::from_std(self.config.patience).unwrap_or(TimeDelta::MAX);
            return if wait > patience { Step::Held(Held { until, by: HeldBy::Account }) } else { Step::Sleep(wait) };
        }
        if state.waiting.first() != Some(&ticket.place) {
            return Step::AwaitTurn;
        }
        let limit = state.aimd.limit();
        let slots = if limit < 3 { limit } else { limit - lane.slots_left_free() };
        if state.in_flight >= slots {
            return Step::AwaitTurn;
        }
        if state.drained || state.left < units {
            let ahead = self.config.quota.limits.user_per_minute / AHEAD;
            let units = units.saturating_sub(state.left);
            return Step::Claim(UnitsClaim { units, ahead, lane, drained: state.drained });
        }
        if !paid {
            return Step::PayProject;
        }
        state.left -= units;
        state.in_flight += 1;
        state.spent += u64::from(units);
        Step::Granted
    }

    /// Notes the answer to a claim; where nothing was granted, how long to wait.
    fn claimed(&self, claim: UnitsClaim, claimed: Claimed) -> Option<TimeDelta> {
        let mut state = self.state.lock();
        match claimed {
            Claimed::Granted(_) | Claimed::Wait(_) => state.drained &= !claim.drained,
            Claimed::Unreachable => {}
        }
        match claimed {
            Claimed::Granted(granted) => {
                state.left = state.left.saturating_add(granted);
                None
            }
            Claimed::Wait(wait) => Some(wait),
            Claimed::Unreachable => Some(UNREACHABLE),
        }
    }
}

impl State {
    fn hold(&mut self, lane: Lane, until: Option<Timestamp>) {
        if let Some(held) = self.not_before.get_mut(lane.rank()) {
            *held = (*held).max(until);
        }
    }

    fn held_until(&self, lane: Lane, now: Timestamp) -> Option<Timestamp> {
        self.not_before.iter().take(lane.rank() + 1).filter_map(|until| until.filter(|until| *until > now)).max()
    }
}

/// A place in the queue, given up when dropped.
struct Ticket<'a> {
    inner: &'a Inner,
    place: (Lane, u64),
}

impl<'a> Ticket<'a> {
    fn enter(inner: &'a Inner, lane: Lane) -> Self {
        let mut state = inner.state.lock();
        let place = (lane, state.next_ticket);
        state.next_ticket += 1;
        state.waiting.insert(place);
        Self { inner, place }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.inner.state.lock().waiting.remove(&self.place);
        self.inner.changed.notify_waiters();
    }
}

/// Leave to make one call. Say how it ended; dropping it only frees the slot.
#[must_use = "make the call, then say how it ended"]
pub struct Permit {
    inner: Arc<Inner>,
    lane: Lane,
}

impl Permit {
    /// Reports the end of the call.
    pub fn finish(self, called: Called) {
        let mut state = self.inner.state.lock();
        match called {
            Called::Answered => {
                let in_flight = state.in_flight;
                state.aimd.succeeded(in_flight);
            }
            Called::TooMany { retry_at } => {
                state.aimd.refused();
                state.hold(self.lane, retry_at);
            }
            Called::OutOfUnits { retry_at } => {
                state.left = 0;
                state.drained = true;
                state.hold(self.lane, retry_at);
            }
            Called::OutOfDay { retry_at } => {
                if let Some(day) = self.inner.project.day() {
                    day.refused(self.lane, retry_at);
                }
            }
            Called::Failed { retry_at } => state.hold(self.lane, retry_at),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        drop(state);
        self.inner.changed.notify_waiters();
    }
}

/// Sleeps for `wait`, but never long without looking at the clock again.
pub(super) async fn nap(wait: TimeDelta, pace: u32) {
    let wait = (wait.to_std().unwrap_or_default() / pace.max(1)).clamp(Duration::from_millis(1), NAP);
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
#[path = "governor_tests.rs"]
mod tests;
