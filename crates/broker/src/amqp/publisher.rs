//! Publishing: batches of many callers share a few channels, a stream always the same one, and every message gets its
//! own answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use lapin::types::AMQPValue;
use postrider_contracts::{Envelope, Queue};
use postrider_domain::Clock;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;

use super::codec::{self, DIED_AT, REASON};
use super::lane::{Job, LANES, ROUND};
use super::link::Link;
use super::outgoing::Outgoing;
use crate::metrics::Metrics;
use crate::publisher::{BrokerState, PublishError, Publisher};

/// The publishing side of one broker client.
pub(super) struct AmqpPublisher {
    jobs: [mpsc::Sender<Job>; LANES],
    /// Which lane has the next turn for messages without an order.
    turn: AtomicU64,
    pub link: Link,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// Dropped with the last user: the connections may then be closed.
    _in_use: Arc<DropGuard>,
}

/// Messages of one call that go to one lane, and their places in the call.
#[derive(Default)]
struct Share {
    places: Vec<usize>,
    messages: Vec<Outgoing>,
}

impl AmqpPublisher {
    pub fn new(
        jobs: [mpsc::Sender<Job>; LANES],
        link: Link,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        in_use: Arc<DropGuard>,
    ) -> Self {
        Self { jobs, turn: AtomicU64::new(0), link, clock, metrics, _in_use: in_use }
    }

    /// Publishes messages of any kind; results in their order.
    pub async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let mut results = vec![Err(PublishError::Unavailable); messages.len()];
        let mut answers = Vec::new();
        let lanes = self.jobs.iter().zip(self.shares(messages)).map(|(jobs, share)| {
            let mut messages = share.messages.into_iter();
            let pieces = share.places.chunks(ROUND).map(|places| {
                let (answer, answered) = oneshot::channel();
                answers.push((places.to_vec(), answered));
                Job { messages: messages.by_ref().take(ROUND).collect(), answer }
            });
            queue(jobs, pieces.collect())
        });
        // Side by side: a full lane must not let a later call pass this one on the others.
        join_all(lanes).await;
        for (places, answered) in answers {
            let Ok(answered) = answered.await else { continue };
            for (place, answer) in places.into_iter().zip(answered) {
                if let Some(result) = results.get_mut(place) {
                    *result = answer;
                }
            }
        }
        self.metrics.published(&results);
        results
    }

    /// What each lane gets. Messages without an order go to one lane a call, so that a call of a few is one round.
    fn shares(&self, messages: Vec<Outgoing>) -> [Share; LANES] {
        let mut shares: [Share; LANES] = std::array::from_fn(|_lane| Share::default());
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for (place, message) in messages.into_iter().enumerate() {
            let lane = usize::try_from(message.order.unwrap_or(turn) % LANES as u64).unwrap_or_default();
            if let Some(share) = shares.get_mut(lane) {
                share.places.push(place);
                share.messages.push(message);
            }
        }
        shares
    }

    /// What publishing would answer now without trying, if it cannot work.
    fn hopeless(&self) -> Option<PublishError> {
        match self.link.state() {
            BrokerState::Ready => None,
            BrokerState::Blocked => Some(PublishError::Blocked),
            BrokerState::Down => Some(PublishError::Unavailable),
        }
    }
}

/// Puts jobs into a lane's queue. While it has room that happens in the first poll: a task that is asked to yield between
/// two sends would let the calls behind it pass.
async fn queue(lane: &mpsc::Sender<Job>, jobs: Vec<Job>) {
    for job in jobs {
        if let Err(TrySendError::Full(job)) = lane.try_send(job) {
            // Fails only when the lane is gone, and then the answer fails too.
            let _stopped = lane.send(job).await;
        }
    }
}

#[async_trait]
impl Publisher for AmqpPublisher {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        if let Some(error) = self.hopeless() {
            let results = vec![Err(error); batch.len()];
            self.metrics.published(&results);
            return results;
        }
        let mut results = vec![Err(PublishError::Returned); batch.len()];
        let (places, messages): (Vec<_>, Vec<_>) =
            results.iter_mut().zip(&batch).filter_map(|(place, event)| Some((place, Outgoing::event(event)?))).unzip();
        for (place, result) in places.into_iter().zip(self.send(messages).await) {
            *place = result;
        }
        results
    }

    async fn dead_letter(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), PublishError> {
        if let Some(error) = self.hopeless() {
            return Err(error);
        }
        let bookkeeping = vec![
            (REASON, AMQPValue::LongString(reason.into())),
            (DIED_AT, AMQPValue::LongString(self.clock.now().to_rfc3339().into())),
        ];
        let properties = codec::copy(&codec::encode(&event), bookkeeping);
        let copy = Outgoing::to_queue(&queue.dead_name(), properties, event.payload);
        self.send(vec![copy]).await.pop().unwrap_or(Err(PublishError::Unavailable))
    }

    fn state(&self) -> BrokerState {
        self.link.state()
    }
}
