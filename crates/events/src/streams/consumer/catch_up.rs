//! The other way to the events: on a timer, heads are compared with the producer's and what the broker lost is pulled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::Mutex;
use postrider_domain::{EventId, Timestamp};
use postrider_runtime::{Shutdown, Tasks};

use super::apply::Batch;
use super::{PULL_LIMIT, StreamConsumer};
use crate::partitions::OUTBOX_DAYS;
use crate::streams::applier::ApplyError;
use crate::streams::positions::{Pulled, seq};

/// Streams looked at in one page of a catch-up.
const CATCH_UP_PAGE: usize = 500;
/// A catch-up looks this far behind its last one: `updated_at` is set before the commit, which may come later.
const OVERLAP: TimeDelta = TimeDelta::seconds(90);

impl StreamConsumer {
    /// Starts the job that compares heads with the producer's and pulls what the broker lost.
    pub fn keep_caught_up(self: &Arc<Self>, name: &'static str, period: Duration, tasks: &Tasks, shutdown: &Shutdown) {
        let oldest = self.clock.now() - TimeDelta::days(i64::from(OUTBOX_DAYS));
        let (consumer, since) = (self.clone(), Arc::new(Mutex::new(oldest)));
        tasks.every(name, period, shutdown, move || {
            let (consumer, since) = (consumer.clone(), since.clone());
            async move {
                let started = consumer.clock.now();
                let from = *since.lock();
                match consumer.catch_up(from).await {
                    Ok(None) => *since.lock() = started - OVERLAP,
                    // What could not be applied is asked for again: its stream may not move any more.
                    Ok(Some(behind)) => *since.lock() = behind.min(started - OVERLAP),
                    Err(reason) => {
                        let consumer = consumer.applier.consumer();
                        tracing::warn!(consumer, %reason, "catch-up with the producer failed");
                    }
                }
            }
        });
    }

    /// Pulls everything that streams changed since the given instant hold beyond our heads. Returns since when the
    /// oldest stream stands still that could not be brought to its end.
    pub async fn catch_up(&self, since: Timestamp) -> Result<Option<Timestamp>, String> {
        let mut since = since;
        let mut behind: Option<Timestamp> = None;
        loop {
            let page = self.source.changed_since(since, CATCH_UP_PAGE).await.map_err(|error| error.to_string())?;
            let full = page.len() == CATCH_UP_PAGE;
            let names: Vec<String> = page.iter().map(|head| head.stream.clone()).collect();
            let known = self.known_heads(&names).await.map_err(|error| error.to_string())?;
            let last = page.last().map(|head| head.updated_at);
            for head in page {
                let mut ours = known.get(&head.stream).copied().unwrap_or(0);
                while ours < head.head {
                    let events =
                        self.source.events(&head.stream, ours, PULL_LIMIT).await.map_err(|error| error.to_string())?;
                    let Some(reached) = events.iter().filter_map(seq).max() else { break };
                    let mut pulled = Pulled::default();
                    pulled.add(&head.stream, ours, events);
                    if !self.take_pulled(pulled).await {
                        behind = Some(behind.map_or(head.updated_at, |oldest| oldest.min(head.updated_at)));
                    }
                    ours = reached;
                }
            }
            match last {
                Some(last) if full && last > since => since = last,
                _ => return Ok(behind),
            }
        }
    }

    /// Pulled events have no delivery to answer: what cannot be applied now stays beyond the head and is pulled again.
    /// Returns whether all could.
    async fn take_pulled(&self, pulled: Pulled) -> bool {
        if self.apply_all(Batch::of(&pulled, &[])).await.is_ok() {
            return true;
        }
        let mut all = true;
        for event in pulled.events {
            let (id, event_type) = (event.id, event.event_type.clone());
            let alone = Pulled { events: vec![event], lost_before: HashMap::new() };
            if let Err(error) = self.take_alone(id, &alone).await {
                tracing::warn!(event.id = %id, event.r#type = %event_type, %error, "pulled event {id} waits");
                all = false;
            }
        }
        all
    }

    /// One event; given up, with a dead letter, once the database has refused it for long enough.
    async fn take_alone(&self, id: EventId, alone: &Pulled) -> Result<(), ApplyError> {
        let batch = Batch::of(alone, &[]);
        let applied = match self.apply_all(batch).await {
            Err(ApplyError::Db(error)) if !error.is_transient() && self.refusals.is_given_up(id, self.clock.now()) => {
                let reason = format!("refused by the database: {error}");
                self.apply_all(Batch { given_up: Some(&reason), ..batch }).await
            }
            applied => applied,
        };
        if applied.is_ok() {
            self.refusals.forget(id);
        }
        applied.map(|_no_deliveries| ())
    }
}
