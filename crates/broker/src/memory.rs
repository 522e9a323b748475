//! The broker in this process and its memory: same contract, same topology, no network. For unit tests; what must outlive
//! the process is in [`crate::local`].
//!
//! Retries do not wait by themselves: [`MemoryBroker::release_retries`] is the passing of time.

mod store;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use postrider_contracts::{Envelope, Queue};
use postrider_runtime::Context;
use tokio::sync::Notify;

use self::store::Store;
use crate::batch::{self, Verdict};
use crate::decision::{self, CopyTo, Settlement};
use crate::handler::{Delivered, Handler};
use crate::publisher::{BrokerState, PublishError, Publisher};
use crate::transport::{ConsumerConfig, Transport};

/// A broker without RabbitMQ. Clones share it.
#[derive(Clone)]
pub struct MemoryBroker {
    store: Arc<Mutex<Store>>,
    wake: Arc<Notify>,
    cx: Context,
}

/// A dead letter of a [`MemoryBroker`].
#[derive(Debug, Clone)]
pub struct Dead {
    pub envelope: Envelope,
    pub attempt: u32,
    pub reason: String,
}

impl MemoryBroker {
    /// An empty broker; its consumers run as tasks of the context.
    pub fn start(cx: &Context) -> Self {
        Self { store: Arc::default(), wake: Arc::default(), cx: cx.clone() }
    }

    /// What publishers see from now on. [`BrokerState::Ready`] at first.
    pub fn set_state(&self, state: BrokerState) {
        self.lock().state = state;
    }

    /// Lets all waiting retries be delivered now.
    pub fn release_retries(&self) {
        self.lock().release_retries();
        self.wake.notify_waiters();
    }

    /// Messages waiting in a queue, its retries not counted.
    pub fn depth(&self, queue: &Queue) -> usize {
        self.lock().depth(queue)
    }

    /// Forgets all waiting messages of a queue.
    pub fn purge(&self, queue: &Queue) {
        self.lock().purge(queue);
    }

    /// The dead letters of a queue, oldest first.
    pub fn dead(&self, queue: &Queue) -> Vec<Dead> {
        self.lock().dead(queue)
    }

    /// Puts all dead letters of a queue back, attempts counted from 1 again.
    pub fn replay(&self, queue: &'static Queue) -> usize {
        let count = self.lock().replay(queue);
        self.wake.notify_waiters();
        count
    }

    /// Events that no binding wanted.
    pub fn unrouted(&self) -> Vec<Envelope> {
        self.lock().unrouted.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    async fn run(&self, handler: &dyn Handler, config: ConsumerConfig) {
        loop {
            let arrived = self.wake.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let batch = self.lock().take(handler.queue(), config.batch);
            if batch.is_empty() {
                tokio::select! {
                    () = arrived => {}
                    () = self.cx.shutdown.soft.cancelled() => return,
                }
            } else {
                self.settle(handler, batch).await;
            }
            if self.cx.shutdown.is_stopping() {
                return;
            }
        }
    }

    async fn settle(&self, handler: &dyn Handler, batch: Vec<Delivered>) {
        let queue = handler.queue();
        let verdicts = batch::run(handler, &batch).await;
        self.apply(queue, batch, verdicts);
        self.wake.notify_waiters();
        // A handler that never waits must not keep others from running.
        tokio::task::yield_now().await;
    }

    fn apply(&self, queue: &'static Queue, batch: Vec<Delivered>, verdicts: Vec<Verdict>) {
        let mut store = self.lock();
        for (delivered, verdict) in batch.into_iter().zip(verdicts) {
            match decision::settle(queue, delivered.attempt, verdict) {
                Settlement::Ack => {}
                Settlement::Requeue => store.requeue(queue, delivered),
                Settlement::Copy(CopyTo { reason: Some(reason), attempt, .. }) => {
                    store.dead_letter(queue, Dead { envelope: delivered.envelope, attempt, reason });
                }
                Settlement::Copy(CopyTo { reason: None, attempt, .. }) => {
                    store.wait(queue, delivered.envelope, attempt)
                }
            }
        }
    }
}

#[async_trait]
impl Publisher for MemoryBroker {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        let results = {
            let mut store = self.lock();
            match store.state {
                BrokerState::Ready => batch.into_iter().map(|event| store.route(event)).collect(),
                BrokerState::Blocked => vec![Err(PublishError::Blocked); batch.len()],
                BrokerState::Down => vec![Err(PublishError::Unavailable); batch.len()],
            }
        };
        self.wake.notify_waiters();
        results
    }

    async fn dead_letter(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), PublishError> {
        let mut store = self.lock();
        match store.state {
            BrokerState::Ready => {
                store.dead_letter(queue, Dead { envelope: event, attempt: 1, reason });
                Ok(())
            }
            BrokerState::Blocked => Err(PublishError::Blocked),
            BrokerState::Down => Err(PublishError::Unavailable),
        }
    }

    fn state(&self) -> BrokerState {
        self.lock().state
    }
}

impl Transport for MemoryBroker {
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
