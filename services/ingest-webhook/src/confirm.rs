//! Publishes with confirm, many requests in one call.
//!
//! Each request hands its event over and waits for its own confirm. The collector publishes at once while nothing is
//! in flight; under load it gathers what came while earlier batches wait (at most [`MOST`] events or [`WINDOW`]), so
//! that thousands of pushes a second share confirms and a lone push waits for nobody. No event is ever reported as
//! published without its own confirm (law 1).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_contracts::Envelope;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Most events in one publish call.
pub const MOST: usize = 64;
/// How long an event may wait for company while other batches are in flight.
pub const WINDOW: Duration = Duration::from_millis(1);
/// Batches in flight at once: more only makes each slower.
const IN_FLIGHT: usize = 16;
/// Requests that may wait; beyond it a push is refused at once instead of timing out.
const QUEUE: usize = 4_096;
/// Answers well before Pub/Sub's shortest deadline of 10 s, after which it would redeliver anyway.
pub const DEADLINE: Duration = Duration::from_secs(5);

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

struct Waiting {
    event: Envelope,
    answer: oneshot::Sender<Result<(), PublishError>>,
}

/// Hands events to the collector. Cheap to clone.
#[derive(Clone)]
pub struct Confirmer {
    queue: mpsc::Sender<Waiting>,
    publisher: Arc<dyn Publisher>,
    deadline: Duration,
}

/// The other end: run it as a task.
pub struct Collector {
    queue: mpsc::Receiver<Waiting>,
    publisher: Arc<dyn Publisher>,
}

/// The two ends over one publisher.
pub fn channel(publisher: Arc<dyn Publisher>) -> (Confirmer, Collector) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let confirmer = Confirmer { queue: sender, publisher: publisher.clone(), deadline: DEADLINE };
    (confirmer, Collector { queue: receiver, publisher })
}

impl Confirmer {
    /// The same with another deadline than [`DEADLINE`].
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Publishes one event and returns once the broker holds it.
    ///
    /// # Errors
    /// At once while the broker is gone or blocked; otherwise within the deadline.
    pub async fn confirm(&self, event: Envelope) -> Result<(), NotConfirmed> {
        match self.publisher.state() {
            BrokerState::Ready => {}
            BrokerState::Blocked => return Err(NotConfirmed::Blocked),
            BrokerState::Down => return Err(NotConfirmed::Down),
        }
        let (answer, confirmed) = oneshot::channel();
        self.queue.try_send(Waiting { event, answer }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotConfirmed::Crowded,
            mpsc::error::TrySendError::Closed(_) => NotConfirmed::Down,
        })?;
        match tokio::time::timeout(self.deadline, confirmed).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(error.into()),
            // The collector was stopped hard; the message may or may not have reached the broker.
            Ok(Err(_dropped)) => Err(NotConfirmed::Down),
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

impl Collector {
    /// Works until every [`Confirmer`] is gone and the last confirm is in, or until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = self.collect() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn collect(&mut self) {
        let mut flying = FuturesUnordered::new();
        let mut pending: Vec<Waiting> = Vec::with_capacity(MOST);
        let mut due: Option<Instant> = None;
        let mut open = true;
        while open || !pending.is_empty() || !flying.is_empty() {
            let ripe = flying.is_empty() || pending.len() >= MOST || due.is_some_and(|due| due <= Instant::now());
            if !pending.is_empty() && ripe && flying.len() < IN_FLIGHT {
                flying.push(publish(self.publisher.clone(), std::mem::take(&mut pending)));
                due = None;
            }
            let room = MOST.saturating_sub(pending.len());
            tokio::select! {
                count = self.queue.recv_many(&mut pending, room), if open && room > 0 => {
                    open = count > 0;
                    due = due.or_else(|| Some(Instant::now() + WINDOW));
                }
                Some(()) = flying.next(), if !flying.is_empty() => {}
                () = until(due), if !pending.is_empty() && flying.len() < IN_FLIGHT => {}
                else => {}
            }
        }
    }
}

/// Waits for the instant; for ever without one.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn publish(publisher: Arc<dyn Publisher>, batch: Vec<Waiting>) -> impl Future<Output = ()> {
    let (events, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|waiting| (waiting.event, waiting.answer)).unzip();
    async move {
        let results = publisher.publish(events).await;
        for (answer, result) in answers.into_iter().zip(results) {
            // Nobody waits any more when the deadline passed or the client hung up.
            let _gone = answer.send(result);
        }
    }
}

#[cfg(test)]
mod tests;
