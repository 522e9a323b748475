//! Taking stream events: claimed once, in order where possible, gaps pulled from the producer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::{Envelope, Queue};
use postrider_domain::{Clock, EventId, TenantId, Timestamp};
use postrider_runtime::telemetry::span;
use tracing::{Instrument as _, Span};

use super::gaps::Gaps;
use super::heads;
use super::positions::{Pulled, advance, has_gap, seq};
use super::source::EventSource;
use crate::inbox;
use postrider_storage::db::Db;
use postrider_storage::error::Error;
use postrider_storage::{SystemTx, TenantTx, Tx};

/// Events pulled for one stream in one go.
const PULL_LIMIT: usize = 200;
/// Streams looked at in one page of a catch-up.
const CATCH_UP_PAGE: usize = 500;
/// A catch-up looks this far behind its last one: `updated_at` is set before the commit, which may come later.
const OVERLAP: TimeDelta = TimeDelta::seconds(90);

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Its effect is written (or it needs none).
    Done,
    /// It can never be applied; nothing was written for it. Goes to the dead letters with this reason.
    DeadLetter(String),
}

/// Why an event could not be applied now.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Something it needs is not there yet.
    #[error("{reason}")]
    Retry { after: Duration, reason: String },
    #[error(transparent)]
    Db(#[from] Error),
}

/// A consumer's effect. `tx` has entered the event's tenant; the claim in the inbox is already written.
#[async_trait]
pub trait Applier: Send + Sync + 'static {
    /// Name in the inbox and of the heads, e.g. `notification.mailbox`.
    fn consumer(&self) -> &'static str;
    /// The queue its deliveries come from.
    fn queue(&self) -> &'static Queue;
    /// Writes the effect.
    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError>;
}

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

    /// Compares heads with the producer for ever and pulls what the broker lost. Run it supervised, every `interval`.
    pub async fn run_catch_up(&self, interval: Duration, stop: tokio_util::sync::CancellationToken) {
        let mut since = self.clock.now() - TimeDelta::days(i64::from(crate::partitions::OUTBOX_DAYS));
        loop {
            let started = self.clock.now();
            match self.catch_up(since).await {
                Ok(None) => since = started - OVERLAP,
                // What could not be applied is asked for again: its stream may not move any more.
                Ok(Some(behind)) => since = behind.min(started - OVERLAP),
                Err(reason) => {
                    tracing::warn!(consumer = self.applier.consumer(), %reason, "catch-up with the producer failed");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    /// Pulls everything that streams changed since the given instant hold beyond our heads. Answers since when the
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

    async fn known_heads(&self, streams: &[String]) -> Result<HashMap<String, i64>, Error> {
        let tx = self.db.system().await?;
        let known = heads::read(&tx, self.applier.consumer(), streams).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Pulled events have no delivery to answer: what cannot be applied now stays beyond the head and is pulled again.
    /// Answers whether all could.
    async fn take_pulled(&self, pulled: Pulled) -> bool {
        if self.apply_all(&pulled, &[]).await.is_ok() {
            return true;
        }
        let mut all = true;
        for event in pulled.events {
            let (id, event_type) = (event.id, event.event_type.clone());
            let alone = Pulled { events: vec![event], lost_before: HashMap::new() };
            if let Err(error) = self.apply_all(&alone, &[]).await {
                tracing::warn!(event.id = %id, event.r#type = %event_type, %error, "pulled event {id} waits");
                all = false;
            }
        }
        all
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

    /// Applies events in one transaction. Answers what to do with each of `delivered`.
    async fn apply_all(&self, pulled: &Pulled, delivered: &[Delivered]) -> Result<Vec<Outcome>, ApplyError> {
        // Whoever does not mind gaps gets an answer.
        Ok(self.apply_unless(pulled, delivered, |_heads, _events| false).await?.unwrap_or_default())
    }

    /// As [`Self::apply_all`], but changes nothing and answers `None` if `refuse` says so of the heads and events.
    async fn apply_unless(
        &self,
        pulled: &Pulled,
        delivered: &[Delivered],
        refuse: impl Fn(&HashMap<String, i64>, &[&Envelope]) -> bool + Send,
    ) -> Result<Option<Vec<Outcome>>, ApplyError> {
        let consumer = self.applier.consumer();
        let mut events: Vec<&Envelope> = pulled.events.iter().chain(delivered.iter().map(|d| &d.envelope)).collect();
        events.sort_by(|a, b| a.position.cmp(&b.position).then(a.id.cmp(&b.id)));
        let mut streams: Vec<String> =
            events.iter().filter_map(|event| event.position.as_ref()).map(|p| p.stream.clone()).collect();
        streams.dedup();
        let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        let tx = self.db.system().await?;
        let (mut heads, mut fresh) =
            tokio::try_join!(biased; heads::lock(&tx, consumer, &streams), inbox::claim(&tx, consumer, &ids))?;
        if refuse(&heads, &events) {
            tx.rollback().await?;
            return Ok(None);
        }
        let mut dead: HashMap<EventId, String> = HashMap::new();
        let mut open = Open::System(tx);
        for event in &events {
            if !fresh.remove(&event.id) {
                continue;
            }
            let Some(tenant) = &event.tenant else {
                dead.insert(event.id, self.unusable(event, "the event names no tenant"));
                inbox::release(open.tx(), consumer, event.id).await?;
                continue;
            };
            let mut tx = open.into_tenant(tenant).await?;
            // A batch holds events of many traces: each is applied under its own.
            let span = event.trace.map_or_else(Span::none, |trace| span::consume(self.applier.queue().name, trace));
            if let Applied::DeadLetter(reason) = self.applier.apply(&mut tx, event).instrument(span).await? {
                inbox::release(&tx, consumer, event.id).await?;
                dead.insert(event.id, self.unusable(event, &reason));
            }
            open = Open::Tenant(tx, tenant.clone());
        }
        advance(&mut heads, &events, &pulled.lost_before);
        match open {
            Open::System(tx) => {
                heads::advance(&tx, consumer, &heads).await?;
                tx.commit().await?;
            }
            Open::Tenant(tx, _) => {
                let (tx, ()) = tx.into_system_with(async |tx| heads::advance(tx, consumer, &heads).await).await?;
                tx.commit().await?;
            }
        }
        let answers = delivered.iter().map(|delivered| match dead.remove(&delivered.envelope.id) {
            Some(reason) => Outcome::DeadLetter { reason },
            None => Outcome::Done,
        });
        Ok(Some(answers.collect()))
    }

    /// Says so once, where it is decided.
    fn unusable(&self, event: &Envelope, reason: &str) -> String {
        let consumer = self.applier.consumer();
        tracing::error!(event.id = %event.id, event.r#type = %event.event_type, %reason,
            "event {} can never be applied by {consumer}", event.id);
        reason.to_owned()
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

/// The transaction of a batch, in the role of the event that was applied last.
enum Open {
    System(SystemTx),
    Tenant(TenantTx, TenantId),
}

impl Open {
    fn tx(&self) -> &Tx {
        match self {
            Self::System(tx) => tx,
            Self::Tenant(tx, _) => tx,
        }
    }

    async fn into_tenant(self, tenant: &TenantId) -> Result<TenantTx, Error> {
        match self {
            Self::System(tx) => tx.into_tenant(tenant).await,
            Self::Tenant(tx, inside) if inside == *tenant => Ok(tx),
            Self::Tenant(tx, _) => tx.into_tenant(tenant).await,
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
