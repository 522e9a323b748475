//! Publishes one event with its own confirm, within a deadline. Requests that publish at the same time share confirms:
//! the broker's publishing lanes join what waits.

use std::sync::Arc;
use std::time::Duration;

use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_contracts::Envelope;
use tokio::sync::Semaphore;

/// Requests that may wait; beyond it a push is refused at once instead of timing out.
const CROWD: usize = 4_096;
/// Answers well before Pub/Sub's shortest deadline of 10 s, after which it would redeliver anyway.
const DEADLINE: Duration = Duration::from_secs(5);

/// Why an event is not known to be durable. Pub/Sub must keep it and try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotConfirmed {
    #[error("the broker is not reachable")]
    Down,
    #[error("the broker takes no messages at the moment")]
    Blocked,
    #[error("the broker refused the message")]
    Refused,
    #[error("the broker did not confirm in time")]
    Late,
    #[error("too many pushes wait for the broker")]
    Crowded,
}

/// Publishes for the handlers. Clones share the bound on those who wait.
#[derive(Clone)]
pub struct Confirmer {
    publisher: Arc<dyn Publisher>,
    waiting: Arc<Semaphore>,
    deadline: Duration,
}

impl Confirmer {
    /// By this publisher.
    pub fn new(publisher: Arc<dyn Publisher>) -> Self {
        Self { publisher, waiting: Arc::new(Semaphore::new(CROWD)), deadline: DEADLINE }
    }

    /// Whether the broker takes messages now.
    pub fn is_ready(&self) -> bool {
        self.publisher.state() == BrokerState::Ready
    }

    /// Publishes one event and returns once the broker holds it.
    ///
    /// # Errors
    /// At once while the broker is gone or blocked, or too many wait; otherwise within the deadline.
    pub async fn confirm(&self, event: Envelope) -> Result<(), NotConfirmed> {
        match self.publisher.state() {
            BrokerState::Ready => {}
            BrokerState::Blocked => return Err(NotConfirmed::Blocked),
            BrokerState::Down => return Err(NotConfirmed::Down),
        }
        let _place = self.waiting.try_acquire().map_err(|_full| NotConfirmed::Crowded)?;
        match tokio::time::timeout(self.deadline, self.publisher.publish(vec![event])).await {
            Ok(results) => Ok(results.into_iter().next().unwrap_or(Err(PublishError::Unavailable))?),
            // The message may or may not reach the broker.
            Err(_elapsed) => Err(NotConfirmed::Late),
        }
    }
}

impl From<PublishError> for NotConfirmed {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Unavailable => Self::Down,
            PublishError::Blocked => Self::Blocked,
            PublishError::Nacked | PublishError::Returned => Self::Refused,
            PublishError::Timeout => Self::Late,
        }
    }
}

#[cfg(test)]
mod tests;
