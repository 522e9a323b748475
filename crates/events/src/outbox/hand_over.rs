//! The bounded way from committed transactions to the relay of the same process, and the pool's way to the broker.

use std::sync::Arc;

use postrider_broker::Publisher;
use tokio::sync::mpsc;

use super::rows::StoredEvent;

/// Batches that may wait for the relay. What does not fit is found by the poll five seconds later.
const CAPACITY: usize = 1_024;

/// The sending side, kept by the pool.
#[derive(Clone)]
pub struct HandOver {
    events: mpsc::Sender<Vec<StoredEvent>>,
    publisher: Arc<dyn Publisher>,
}

impl HandOver {
    pub(crate) fn new(publisher: Arc<dyn Publisher>) -> (Self, mpsc::Receiver<Vec<StoredEvent>>) {
        let (events, receiver) = mpsc::channel(CAPACITY);
        (Self { events, publisher }, receiver)
    }

    /// Where dead letters of pulled events go.
    pub(crate) fn publisher(&self) -> &Arc<dyn Publisher> {
        &self.publisher
    }

    /// Offers committed events; never waits, never fails: the rows are durable either way.
    pub(crate) fn offer(&self, events: Vec<StoredEvent>) {
        if !events.is_empty() {
            let _full_or_stopped = self.events.try_send(events);
        }
    }
}
