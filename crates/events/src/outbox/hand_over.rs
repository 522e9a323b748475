//! The bounded way from committed transactions to the relay of the same process.

use tokio::sync::mpsc;

use super::rows::StoredEvent;

/// Batches that may wait for the relay. What does not fit is found by the poll five seconds later.
const CAPACITY: usize = 1_024;

/// The sending side, kept by the pool.
#[derive(Debug, Clone)]
pub struct HandOver(mpsc::Sender<Vec<StoredEvent>>);

impl HandOver {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Vec<StoredEvent>>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), receiver)
    }

    /// Offers committed events; never waits, never fails: the rows are durable either way.
    pub(crate) fn offer(&self, events: Vec<StoredEvent>) {
        if !events.is_empty() {
            let _full_or_stopped = self.0.try_send(events);
        }
    }
}
