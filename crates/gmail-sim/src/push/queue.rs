//! The subscription as data: messages that wait, attempts, backoff, and a log. Time is passed in.

use std::collections::{BTreeMap, VecDeque};

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PushFaults, acks};
use crate::dice::Dice;
use crate::world::Notification;

/// Messages that are not acknowledged are kept this long.
const RETENTION: TimeDelta = TimeDelta::days(7);
/// Attempts kept in the log.
const LOG: usize = 10_000;
/// Requests running at the same time.
const WINDOW: usize = 64;

/// A message to send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Handle for [`Queue::done`].
    pub key: u64,
    pub notification: Notification,
    /// 1 for the first.
    pub attempt: u32,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub message_id: String,
    pub email_address: String,
    pub history_id: u64,
    pub attempt: u32,
    /// HTTP status; none for a timeout or a refused connection.
    pub status: Option<u16>,
    /// `acked`, `nacked`, `dropped` (by a fault), `duplicated`, `delayed`, `expired`, `unsubscribed`.
    pub outcome: String,
}

#[derive(Debug)]
struct Waiting {
    notification: Notification,
    due: Timestamp,
    attempt: u32,
    running: bool,
}

/// One push subscription.
#[derive(Debug)]
pub struct Queue {
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    /// Nacks in a row. The backoff they cause holds up the whole subscription.
    nacks: u32,
    blocked_until: Option<Timestamp>,
    retry_min: TimeDelta,
    faults: PushFaults,
    dice: Dice,
    log: VecDeque<Attempt>,
    acked: u64,
}

impl Queue {
    /// An empty subscription.
    pub fn new(retry_min_seconds: u32, seed: u64) -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 0,
            nacks: 0,
            blocked_until: None,
            retry_min: TimeDelta::seconds(i64::from(retry_min_seconds)),
            faults: PushFaults::default(),
            dice: Dice::derive(seed, 4),
            log: VecDeque::new(),
            acked: 0,
        }
    }

    /// A notification was published.
    pub fn publish(&mut self, notification: Notification, now: Timestamp) {
        let Self { faults, dice, .. } = self;
        if PushFaults::hits(dice, faults.drop, &mut faults.drop_next) {
            return self.note(&notification, 0, None, "dropped", now);
        }
        let late = u64::from(if faults.delay_ms == 0 { 3_000 } else { faults.delay_ms });
        let mut wait = 0;
        if PushFaults::hits(dice, faults.delay, &mut faults.delay_next) {
            wait = late;
        } else if PushFaults::hits(dice, faults.reorder, &mut faults.reorder_next) {
            wait = dice.between(late / 2, late);
        }
        let twice = PushFaults::hits(dice, faults.duplicate, &mut faults.duplicate_next);
        let due = now + TimeDelta::milliseconds(i64::try_from(wait).unwrap_or(0));
        if wait > 0 {
            self.note(&notification, 0, None, "delayed", now);
        }
        if twice {
            self.note(&notification, 0, None, "duplicated", now);
            self.wait(notification.clone(), due);
        }
        self.wait(notification, due);
    }

    /// What to send now, earliest due first.
    pub fn take(&mut self, now: Timestamp) -> Vec<Job> {
        if self.faults.paused || self.blocked_until.is_some_and(|until| until > now) {
            return Vec::new();
        }
        self.expire(now);
        let running = self.waiting.values().filter(|waiting| waiting.running).count();
        let ready = self.waiting.iter().filter(|(_, waiting)| !waiting.running && waiting.due <= now);
        let mut ready: Vec<(Timestamp, u64)> = ready.map(|(key, waiting)| (waiting.due, *key)).collect();
        ready.sort_unstable();
        // After a nack Pub/Sub feels its way: one request at a time until one is acknowledged.
        let window = if self.nacks > 0 { 1 } else { WINDOW };
        let keys = ready.into_iter().take(window.saturating_sub(running)).map(|(_, key)| key);
        let mut jobs = Vec::new();
        for key in keys {
            if let Some(waiting) = self.waiting.get_mut(&key) {
                waiting.running = true;
                waiting.attempt += 1;
                jobs.push(Job { key, notification: waiting.notification.clone(), attempt: waiting.attempt });
            }
        }
        jobs
    }

    /// How an attempt ended; no status means a timeout or a connection that failed.
    pub fn done(&mut self, key: u64, status: Option<u16>, now: Timestamp) {
        let Some(mut waiting) = self.waiting.remove(&key) else { return };
        let (notification, attempt) = (waiting.notification.clone(), waiting.attempt);
        if status.is_some_and(acks) {
            self.acked += 1;
            self.nacks = 0;
            self.blocked_until = None;
            return self.note(&notification, attempt, status, "acked", now);
        }
        self.note(&notification, attempt, status, "nacked", now);
        let backoff = now + TimeDelta::milliseconds(60_000.min(100_i64 << self.nacks.min(20)));
        self.nacks += 1;
        self.blocked_until = Some(backoff);
        waiting.running = false;
        waiting.due = (now + self.retry_min).max(backoff);
        self.waiting.insert(key, waiting);
    }

    /// When [`Self::take`] may next give something, if anything waits.
    pub fn next_due(&self) -> Option<Timestamp> {
        let due = self.waiting.values().filter(|waiting| !waiting.running).map(|waiting| waiting.due).min()?;
        Some(due.max(self.blocked_until.unwrap_or(due)))
    }

    /// Messages not acknowledged yet.
    pub fn outstanding(&self) -> usize {
        self.waiting.len()
    }

    /// Messages acknowledged.
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// The faults, to read or change.
    pub fn faults(&mut self) -> &mut PushFaults {
        &mut self.faults
    }

    /// Changes the retry policy.
    pub fn set_retry_min(&mut self, seconds: u32) {
        self.retry_min = TimeDelta::seconds(i64::from(seconds));
    }

    /// The last attempts, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Attempt> {
        self.log.iter()
    }

    /// Writes a line that is not the outcome of an attempt.
    pub fn note(&mut self, of: &Notification, attempt: u32, status: Option<u16>, outcome: &str, at: Timestamp) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(Attempt {
            at,
            message_id: of.message_id.clone(),
            email_address: of.email_address.clone(),
            history_id: of.history_id,
            attempt,
            status,
            outcome: outcome.to_owned(),
        });
    }

    fn wait(&mut self, notification: Notification, due: Timestamp) {
        self.next += 1;
        self.waiting.insert(self.next, Waiting { notification, due, attempt: 0, running: false });
    }

    fn expire(&mut self, now: Timestamp) {
        let old = |waiting: &Waiting| !waiting.running && now - waiting.notification.publish_time > RETENTION;
        let keys: Vec<u64> = self.waiting.iter().filter(|(_, waiting)| old(waiting)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(gone) = self.waiting.remove(&key) {
                self.note(&gone.notification, gone.attempt, None, "expired", now);
            }
        }
    }
}
