//! Taking stream events: claimed once, in order where possible, gaps pulled from the producer.

mod apply;
mod catch_up;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::Queue;
use postrider_domain::Clock;
use postrider_storage::{Db, Error};

use super::applier::{Applier, ApplyError};
use super::gaps::Gaps;
use super::heads;
use super::positions::{Pulled, has_gap};
use super::source::EventSource;

/// Events pulled for one stream in one go.
const PULL_LIMIT: usize = 200;
/// A broker handler around an [`Applier`].
pub struct StreamConsumer {
    db: Db,
    applier: Arc<dyn Applier>,
    source: Arc<dyn EventSource>,
    clock: Arc<dyn Clock>,
    gaps: Gaps,
}

impl StreamConsumer {
    /// `source` is the producer of the queue's events.
    pub fn new(db: Db, applier: Arc<dyn Applier>, source: Arc<dyn EventSource>, clock: Arc<dyn Clock>) -> Self {
        Self { db, applier, source, clock, gaps: Gaps::default() }
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
        let mut pulled = Pulled::default();
        for (stream, (seqs, high)) in highest {
            let head = known.get(&stream).copied().unwrap_or(0);
            let gap = (head + 1..=high).any(|seq| !seqs.contains(&seq));
            if !gap || !self.gaps.should_ask(&stream, head, Instant::now()) {
                continue;
            }
            match self.source.events(&stream, head, PULL_LIMIT).await {
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
        match self.apply_all(&Pulled::default(), std::slice::from_ref(delivered)).await {
            Ok(outcomes) => outcomes.into_iter().next().unwrap_or(Outcome::Done),
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
        if let Ok(Some(outcomes)) = self.apply_unless(&Pulled::default(), batch, has_gap).await {
            return outcomes;
        }
        let pulled = match self.missing(batch).await {
            Ok(pulled) => pulled,
            Err(error) => {
                tracing::warn!(consumer = self.applier.consumer(), %error, "cannot read heads");
                return batch.iter().map(|delivered| Outcome::after_outage(delivered.attempt)).collect();
            }
        };
        match self.apply_all(&pulled, batch).await {
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
