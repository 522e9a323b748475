//! What publishing is: every event confirmed by the broker, or an error for exactly that event.

use async_trait::async_trait;
use postrider_contracts::{Envelope, Queue};

/// Whether publishing makes sense now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerState {
    Ready,
    /// The broker blocks publishers (memory or disk alarm).
    Blocked,
    /// No connection.
    Down,
}

/// Why an event is not known to be durable in the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("no connection to the broker")]
    Unavailable,
    #[error("the broker blocks publishers")]
    Blocked,
    #[error("the broker refused the message")]
    Nacked,
    #[error("no queue wanted the message")]
    Returned,
    #[error("the broker did not confirm in time")]
    Timeout,
}

/// Publishes with confirms.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes all of them at once and waits for every confirm. Results in the order of the batch. Events of one
    /// stream reach a queue in the order they were given in, also over several calls that overlap.
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>>;
    /// Puts an event that never was a delivery (it was pulled) into a queue's dead letters.
    async fn dead_letter(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), PublishError> {
        let _nowhere = (queue, event, reason);
        Err(PublishError::Unavailable)
    }
    /// Looks, without waiting.
    fn state(&self) -> BrokerState;
}
