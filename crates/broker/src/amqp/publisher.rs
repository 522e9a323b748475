//! Publishing: batches of many callers share a few channels, and every message gets its own answer.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_contracts::Envelope;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;

use super::lane::{Job, ROUND};
use super::link::Link;
use super::outgoing::Outgoing;
use crate::metrics::Metrics;
use crate::publisher::{BrokerState, PublishError, Publisher};

/// The publishing side of one broker client.
pub(super) struct AmqpPublisher {
    pub jobs: mpsc::Sender<Job>,
    pub link: Link,
    pub metrics: Metrics,
    /// Dropped with the last user: the connections may then be closed.
    pub _in_use: Arc<DropGuard>,
}

impl AmqpPublisher {
    /// Publishes messages of any kind; results in their order.
    pub async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let count = messages.len();
        let mut answers = Vec::with_capacity(count.div_ceil(ROUND));
        let mut messages = messages.into_iter();
        loop {
            let piece: Vec<_> = messages.by_ref().take(ROUND).collect();
            if piece.is_empty() {
                break;
            }
            let (answer, answered) = oneshot::channel();
            answers.push((piece.len(), answered));
            // Fails only when every lane is gone, and then the answer fails too.
            let _stopped = self.jobs.send(Job { messages: piece, answer }).await;
        }
        let mut results = Vec::with_capacity(count);
        for (count, answered) in answers {
            results.extend(answered.await.unwrap_or_else(|_gone| vec![Err(PublishError::Unavailable); count]));
        }
        self.metrics.published(&results);
        results
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

    fn state(&self) -> BrokerState {
        self.link.state()
    }
}
