//! Taking stream events: claimed once, in order where possible, gaps pulled from the producer.

mod apply;
mod catch_up;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt;
use postrider_broker::{Delivered, Handler, MAX_ATTEMPTS, Outcome};
use postrider_contracts::Queue;
use postrider_domain::Clock;
use postrider_storage::{Db, Error};

use self::apply::Batch;
use super::applier::{Applier, ApplyError};
use super::gaps::Gaps;
use super::heads;
use super::positions::{Pulled, has_gap};
use super::refusals::Refusals;
use super::source::{EventSource, PullError};

/// Events pulled for one stream in one go.
const PULL_LIMIT: usize = 200;
/// Streams pulled side by side, and how long a batch waits for all of them.
const PULLS: usize = 8;
const PULL_PATIENCE: Duration = Duration::from_secs(3);

/// A broker handler around an [`Applier`].
pub struct StreamConsumer {
    db: Db,
    applier: Arc<dyn Applier>,
    source: Arc<dyn EventSource>,
    clock: Arc<dyn Clock>,
    gaps: Gaps,
    refusals: Refusals,
}

impl StreamConsumer {
    /// `source` is the producer of the queue's events.
    pub fn new(db: Db, applier: Arc<dyn Applier>, source: Arc<dyn EventSource>, clock: Arc<dyn Clock>) -> Self {
        Self { db, applier, source, clock, gaps: Gaps::default(), refusals: Refusals::default() }
    }

    async fn known_heads(&self, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
        let tx = self.db.system().await?;
        let known = heads::read(&tx, self.applier.consumer(), streams).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Events between our heads and the batch that the batch does not bring.
    async fn missing(&self, batch: &[Delivered]) -> Result<Pulled, Error> {
        let mut highest: BTreeMap<String, (HashSet<i64>, i64)> = BTreeMap::new();
        for position in batch.iter().filter_map(|delivered| delivered.envelope.position.as_ref()) {
            let entry = highest.entry(position.stream.clone()).or_default();
            entry.0.insert(position.seq);
            entry.1 = entry.1.max(position.seq);
        }
        let names: Vec<String> = highest.keys().cloned().collect();
        if names.is_empty() {
            return Ok(Pulled::default());
        }
        let known = self.known_heads(&names).await?;
        let gaps = highest.into_iter().filter_map(|(stream, (seqs, high))| {
            let head = known.get(&stream).copied().unwrap_or(0);
            let gap = (head + 1..=high).any(|seq| !seqs.contains(&seq));
            (gap && self.gaps.should_ask(&stream, head, Instant::now())).then_some((stream, head, seqs))
        });
        // Side by side and not for long: the batch holds events of many streams and tenants, and all wait.
        let until = tokio::time::Instant::now() + PULL_PATIENCE;
        let answers = futures_util::stream::iter(gaps)
            .map(|(stream, head, seqs)| async move {
                let asked = tokio::time::timeout_at(until, self.source.events(&stream, head, PULL_LIMIT)).await;
                let answer = asked.unwrap_or_else(|_late| Err(PullError("no answer in time".to_owned())));
                (stream, head, seqs, answer)
            })
            .buffer_unordered(PULLS)
            .collect::<Vec<_>>()
            .await;
        let mut pulled = Pulled::default();
        for (stream, head, seqs, answer) in answers {
            match answer {
                Ok(events) => {
                    pulled.add(&stream, head, events);
                    pulled.events.retain(|event| {
                        event.position.as_ref().is_none_or(|p| p.stream != stream || !seqs.contains(&p.seq))
                    });
                }
                // The head stays behind the gap; the catch-up closes it later.
                Err(error) => tracing::warn!(%stream, head, %error, "gap in {stream} behind {head}"),
            }
        }
        Ok(pulled)
    }

    async fn one(&self, delivered: &Delivered) -> Outcome {
        let (nothing, alone) = (Pulled::default(), std::slice::from_ref(delivered));
        match self.apply_all(Batch::of(&nothing, alone)).await {
            Ok(outcomes) => outcomes.into_iter().next().unwrap_or(Outcome::Done),
            // The last try of an event the database refuses: the head must pass it, or the catch-up would bring it and all
            // that came after it again and again.
            Err(ApplyError::Db(error)) if !error.is_transient() && delivered.attempt >= MAX_ATTEMPTS => {
                let reason = format!("refused by the database: {error}");
                let passed = self.apply_all(Batch { given_up: Some(&reason), ..Batch::of(&nothing, alone) }).await;
                let outcome = passed.ok().and_then(|outcomes| outcomes.into_iter().next());
                outcome.unwrap_or_else(|| Outcome::after_outage(delivered.attempt))
            }
            Err(ApplyError::Retry { after, reason }) => {
                tracing::info!(event.id = %delivered.envelope.id, %reason, "event {} waits", delivered.envelope.id);
                Outcome::Retry { after }
            }
            Err(ApplyError::Db(error)) => {
                tracing::warn!(event.id = %delivered.envelope.id, %error, "event {} failed", delivered.envelope.id);
                Outcome::after_outage(delivered.attempt)
            }
        }
    }
}

#[async_trait]
impl Handler for StreamConsumer {
    fn queue(&self) -> &'static Queue {
        self.applier.queue()
    }

    async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome> {
        // Most batches follow their heads: only one that does not is worth a look before its transaction.
        if let Ok(Some(outcomes)) = self.apply_unless(Batch::of(&Pulled::default(), batch), has_gap).await {
            return outcomes;
        }
        let pulled = match self.missing(batch).await {
            Ok(pulled) => pulled,
            Err(error) => {
                tracing::warn!(consumer = self.applier.consumer(), %error, "cannot read heads");
                return batch.iter().map(|delivered| Outcome::after_outage(delivered.attempt)).collect();
            }
        };
        match self.apply_all(Batch::of(&pulled, batch)).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::debug!(consumer = self.applier.consumer(), %error, "batch redone one by one");
                let mut outcomes = Vec::with_capacity(batch.len());
                for delivered in batch {
                    outcomes.push(self.one(delivered).await);
                }
                outcomes
            }
        }
    }
}
