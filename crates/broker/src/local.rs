//! The broker within one process, for an installation without RabbitMQ: the same topology, retries and dead letters, its
//! queues in a [`Store`] that outlives the process.
//!
//! A publish is confirmed once the event is stored for every queue that wants it. A consumer takes what is due, oldest
//! first, counts each delivery in the store before the handler sees it, and then removes it, lets it wait, or keeps it as a
//! dead letter. So whatever ends the process, a confirmed event is delivered until a handler decided about it, and one
//! that takes the process down with it is given up after as many deliveries as RabbitMQ's queues allow.

mod reach;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use postrider_contracts::{Envelope, Overflow, Queue, RETRY_TIERS};
use postrider_runtime::telemetry::span;
use postrider_runtime::{Backoff, Context};
use tokio::sync::Notify;
use tracing::Instrument;

use crate::batch::{self, Verdict};
use crate::decision::{self, CopyTo, Settlement};
use crate::handler::{Delivered, Handler};
use crate::metrics::Metrics;
use crate::publisher::{BrokerState, PublishError, Publisher};
use crate::routing;
use crate::transport::{ConsumerConfig, Transport};
use reach::{Reach, owner};

/// Deliveries to a handler that crashes, as on RabbitMQ.
const DELIVERY_LIMIT: u32 = 20;
/// How long a publish waits for the store.
const STORED_WITHIN: Duration = Duration::from_secs(10);
/// The store is looked at this often where nothing rings: dead letters may be put back by another process.
const LOOK: Duration = Duration::from_secs(5);
/// Between two tries while the store is away.
const AWAY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The store did not do it, or not known to have done it.
#[derive(Debug, thiserror::Error)]
#[error("the queues cannot be reached: {0}")]
pub struct StoreError(pub String);

/// A message of a queue, under way to its handler.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What the store knows it by.
    pub key: i64,
    pub envelope: Envelope,
    /// 1 on the first delivery; grows with each retry.
    pub attempt: u32,
    /// Deliveries in this attempt, this one counted.
    pub deliveries: u32,
}

/// What is due of a queue now.
#[derive(Debug, Default)]
pub struct Taken {
    pub messages: Vec<Kept>,
    /// Where nothing is due: when the next one is, if one waits.
    pub next: Option<Duration>,
    /// Where nothing is due: the dead letters of the queue.
    pub dead: u64,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is removed.
    Done,
    /// It is due again at once, with the same attempt.
    Again,
    /// It waits and counts another attempt.
    Later { after: Duration, attempt: u32 },
    /// It stays, with the reason.
    Dead { attempt: u32, reason: String },
}

/// Queues that outlive the process. Only one process at a time takes from them.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps events in the order given, each for its queue, all of one service. When it returns they are durable.
    async fn append(&self, events: Vec<(&'static Queue, Envelope)>) -> Result<(), StoreError>;
    /// Up to `most` due messages of a queue, oldest first, each with one delivery more, whatever ends this process.
    async fn take(&self, queue: &'static Queue, most: usize) -> Result<Taken, StoreError>;
    /// Notes what became of messages of a queue. If that is lost with the store's machine they are delivered again.
    async fn settle(&self, queue: &'static Queue, settled: Vec<(i64, Settled)>) -> Result<(), StoreError>;
    /// Keeps an event as a dead letter of a queue.
    async fn bury(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), StoreError>;
}

/// The carrier. Clones share it.
#[derive(Clone)]
pub struct LocalBroker {
    store: Arc<dyn Store>,
    arrived: Arc<Notify>,
    reach: Reach,
    cx: Context,
    metrics: Metrics,
}

impl LocalBroker {
    /// Its consumers run as tasks of the context.
    pub fn start(store: Arc<dyn Store>, cx: &Context) -> Self {
        let metrics = Metrics::new(&cx.registry);
        Self { store, arrived: Arc::default(), reach: Reach::of(metrics.clone()), cx: cx.clone(), metrics }
    }

    /// The same queues for another service of this process: its consumers run as tasks of that one's context, and are
    /// counted there.
    #[must_use]
    pub fn within(&self, cx: &Context) -> Self {
        let metrics = Metrics::new(&cx.registry);
        Self { reach: self.reach.beside(metrics.clone()), cx: cx.clone(), metrics, ..self.clone() }
    }

    fn note<T>(&self, service: &'static str, result: &Result<T, StoreError>) {
        if !self.reach.note(service, result.is_ok()) {
            return;
        }
        match result {
            Ok(_) => tracing::info!(queues = service, "the queues are reached again"),
            Err(error) => {
                tracing::warn!(queues = service, error = %error, "events wait until their queues are reached")
            }
        }
    }

    /// Each service's queues by themselves: while those of one are away the others get theirs, again when it is repeated.
    async fn store(&self, events: Vec<(&'static Queue, Envelope)>) -> Result<(), PublishError> {
        let mut services = BTreeMap::<_, Vec<_>>::new();
        for (queue, event) in events {
            services.entry(owner(queue)).or_default().push((queue, event));
        }
        let stored = services.into_iter().map(|(service, events)| self.store_of(service, events));
        join_all(stored).await.into_iter().collect()
    }

    async fn store_of(
        &self,
        service: &'static str,
        events: Vec<(&'static Queue, Envelope)>,
    ) -> Result<(), PublishError> {
        let stored = tokio::time::timeout(STORED_WITHIN, self.store.append(events)).await;
        let Ok(stored) = stored else { return Err(PublishError::Timeout) };
        self.note(service, &stored);
        stored.map_err(|_told| PublishError::Unavailable)
    }

    async fn run(&self, handler: &dyn Handler, config: ConsumerConfig) {
        let (queue, stop) = (handler.queue(), &self.cx.shutdown.soft);
        let mut failures = 0;
        while !stop.is_cancelled() {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let taken = self.store.take(queue, config.batch).await;
            self.note(owner(queue), &taken);
            let wait = match taken {
                Ok(taken) if taken.messages.is_empty() => {
                    let dead = i64::try_from(taken.dead).unwrap_or(i64::MAX);
                    self.metrics.depth.with_label_values(&[&queue.dead_name()]).set(dead);
                    failures = 0;
                    taken.next.map_or(LOOK, |next| next.min(LOOK))
                }
                Ok(taken) => {
                    failures = 0;
                    self.settle(handler, taken.messages).await;
                    continue;
                }
                Err(_told) => {
                    failures = u32::saturating_add(failures, 1);
                    AWAY.delay(failures - 1, self.cx.seams.entropy.unit())
                }
            };
            let rings = async {
                match failures {
                    0 => arrived.await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = rings => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
            if config.patient && failures == 0 {
                tokio::time::sleep(config.window).await;
            }
        }
    }

    /// Handles what was taken and notes what became of it, until that is noted: a message whose effect is durable would
    /// otherwise be delivered again at once, and again.
    async fn settle(&self, handler: &dyn Handler, taken: Vec<Kept>) {
        let queue = handler.queue();
        let (given_up, taken): (Vec<_>, Vec<_>) = taken.into_iter().partition(|kept| kept.deliveries > DELIVERY_LIMIT);
        let mut settled: Vec<_> = given_up
            .into_iter()
            .map(|kept| {
                (kept.key, settled(queue, decision::dead_letter(queue, kept.attempt, "delivery_limit".to_owned())))
            })
            .collect();
        let keys: Vec<_> = taken.iter().map(|kept| (kept.key, kept.attempt)).collect();
        let verdicts = self.verdicts(handler, taken.into_iter().map(delivered).collect()).await;
        for (verdict, (key, attempt)) in verdicts.into_iter().zip(keys) {
            self.metrics.consumed(queue.name, &verdict);
            settled.push((key, self::settled(queue, decision::settle(queue, attempt, verdict))));
        }
        let mut failures = 0;
        loop {
            let noted = self.store.settle(queue, settled.clone()).await;
            self.note(owner(queue), &noted);
            if noted.is_ok() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(AWAY.delay(failures, self.cx.seams.entropy.unit())) => {}
                () = self.cx.shutdown.soft.cancelled() => return,
            }
            failures = failures.saturating_add(1);
        }
    }

    async fn verdicts(&self, handler: &dyn Handler, delivered: Vec<Delivered>) -> Vec<Verdict> {
        let queue = handler.queue().name;
        if delivered.is_empty() {
            return Vec::new();
        }
        let _timer = self.metrics.handle_seconds.with_label_values(&[queue]).start_timer();
        let span = span::of_batch(queue, delivered.iter().map(|one| one.envelope.trace));
        batch::run(handler, &delivered).instrument(span).await
    }
}

fn delivered(kept: Kept) -> Delivered {
    Delivered { envelope: kept.envelope, attempt: kept.attempt, redelivered: kept.deliveries > 1 }
}

/// The store's words for what was decided.
fn settled(queue: &Queue, settlement: Settlement) -> Settled {
    match settlement {
        Settlement::Ack => Settled::Done,
        Settlement::Requeue => Settled::Again,
        Settlement::Copy(CopyTo { reason: Some(reason), attempt, .. }) => Settled::Dead { attempt, reason },
        Settlement::Copy(CopyTo { queue: to, attempt, .. }) => {
            let tier = RETRY_TIERS.into_iter().find(|tier| queue.retry_name(*tier) == to);
            let after = Duration::from_millis(tier.map_or(0, |tier| tier.ttl_ms).into());
            Settled::Later { after, attempt }
        }
    }
}

#[async_trait]
impl Publisher for LocalBroker {
    /// All of them at once: what is stored of a call that fails is stored again by the next one, which inboxes bear.
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        let count = batch.len();
        // What only programs outside of this installation could read has no queue here: the feed and webhooks have it.
        let kept = |queue: &&'static Queue| queue.overflow == Overflow::RejectPublish;
        let events: Vec<_> = batch
            .into_iter()
            .flat_map(|event| {
                let queues: Vec<_> = routing::queues_of(&event.event_type).filter(kept).collect();
                queues.into_iter().map(move |queue| (queue, event.clone()))
            })
            .collect();
        let stored = if events.is_empty() { Ok(()) } else { self.store(events).await };
        self.arrived.notify_waiters();
        let results = vec![stored; count];
        self.metrics.published(&results);
        results
    }

    async fn dead_letter(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), PublishError> {
        let buried = self.store.bury(queue, event, reason).await;
        self.note(owner(queue), &buried);
        buried.map_err(|_told| PublishError::Unavailable)
    }

    fn state(&self) -> BrokerState {
        self.reach.state()
    }
}

impl Transport for LocalBroker {
    fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(self.clone())
    }

    fn consume(&self, handler: Arc<dyn Handler>, config: ConsumerConfig) {
        let this = self.clone();
        self.cx.tasks.supervise(handler.queue().name, self.cx.shutdown.clone(), move || {
            let (this, handler) = (this.clone(), handler.clone());
            async move { this.run(handler.as_ref(), config).await }
        });
    }
}
