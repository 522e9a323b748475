//! The queues of a [`super::MemoryBroker`].

use std::collections::{HashMap, VecDeque};

use postrider_contracts::{Envelope, Overflow, Queue};

use super::Dead;
use crate::handler::Delivered;
use crate::publisher::{BrokerState, PublishError};
use crate::routing;

/// Deliveries to a handler that crashes, as on RabbitMQ.
const DELIVERY_LIMIT: u32 = 20;

/// All messages.
pub(super) struct Store {
    pub state: BrokerState,
    pub unrouted: Vec<Envelope>,
    queues: HashMap<&'static str, Lines>,
}

/// The messages of one queue.
#[derive(Default)]
struct Lines {
    ready: VecDeque<(Delivered, u32)>,
    waiting: Vec<Delivered>,
    dead: Vec<Dead>,
    /// Deliveries so far of what is being handled.
    crashes: HashMap<postrider_domain::EventId, u32>,
}

impl Default for Store {
    fn default() -> Self {
        Self { state: BrokerState::Ready, unrouted: Vec::new(), queues: HashMap::new() }
    }
}

impl Store {
    /// Into every queue with a binding that matches.
    pub fn route(&mut self, event: Envelope) -> Result<(), PublishError> {
        let targets: Vec<_> = routing::queues_of(&event.event_type).collect();
        for queue in &targets {
            let ready = &mut self.queues.entry(queue.name).or_default().ready;
            if ready.len() >= queue.max_length as usize {
                match queue.overflow {
                    Overflow::RejectPublish => return Err(PublishError::Nacked),
                    Overflow::DropOldest => drop(ready.pop_front()),
                }
            }
            ready.push_back((Delivered { envelope: event.clone(), attempt: 1, redelivered: false }, 0));
        }
        if targets.is_empty() {
            self.unrouted.push(event);
        }
        Ok(())
    }

    /// Up to `most` messages, now under way.
    pub fn take(&mut self, queue: &Queue, most: usize) -> Vec<Delivered> {
        let Some(lines) = self.queues.get_mut(queue.name) else { return Vec::new() };
        let count = lines.ready.len().min(most);
        let taken: Vec<_> = lines.ready.drain(..count).collect();
        lines.crashes.extend(taken.iter().map(|(one, crashes)| (one.envelope.id, *crashes)));
        taken.into_iter().map(|(one, _crashes)| one).collect()
    }

    /// Back to the front after a crash, until the delivery limit.
    pub fn requeue(&mut self, queue: &'static Queue, delivered: Delivered) {
        let lines = self.queues.entry(queue.name).or_default();
        let crashes = lines.crashes.remove(&delivered.envelope.id).unwrap_or(0) + 1;
        if crashes > DELIVERY_LIMIT {
            let Delivered { envelope, attempt, .. } = delivered;
            lines.dead.push(Dead { envelope, attempt, reason: "delivery_limit".to_owned() });
        } else {
            lines.ready.push_front((Delivered { redelivered: true, ..delivered }, crashes));
        }
    }

    pub fn wait(&mut self, queue: &'static Queue, envelope: Envelope, attempt: u32) {
        let waiting = Delivered { envelope, attempt, redelivered: false };
        self.queues.entry(queue.name).or_default().waiting.push(waiting);
    }

    pub fn dead_letter(&mut self, queue: &'static Queue, dead: Dead) {
        self.queues.entry(queue.name).or_default().dead.push(dead);
    }

    pub fn release_retries(&mut self) {
        for lines in self.queues.values_mut() {
            lines.ready.extend(lines.waiting.drain(..).map(|one| (one, 0)));
        }
    }

    pub fn replay(&mut self, queue: &'static Queue) -> usize {
        let lines = self.queues.entry(queue.name).or_default();
        let before = lines.ready.len();
        let fresh = |dead: Dead| (Delivered { envelope: dead.envelope, attempt: 1, redelivered: false }, 0);
        lines.ready.extend(lines.dead.drain(..).map(fresh));
        lines.ready.len() - before
    }

    pub fn depth(&self, queue: &Queue) -> usize {
        self.queues.get(queue.name).map_or(0, |lines| lines.ready.len())
    }

    pub fn purge(&mut self, queue: &Queue) {
        if let Some(lines) = self.queues.get_mut(queue.name) {
            lines.ready.clear();
        }
    }

    pub fn dead(&self, queue: &Queue) -> Vec<Dead> {
        self.queues.get(queue.name).map_or_else(Vec::new, |lines| lines.dead.clone())
    }
}
