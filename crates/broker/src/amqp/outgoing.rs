//! A message on its way out, whatever it is: an event, a retry copy, a dead letter, a replay.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::ShortString;
use postrider_contracts::topology::RETRY_EXCHANGE;
use postrider_contracts::{EVENTS_EXCHANGE, Envelope};

use super::codec;

/// A message with its address.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub exchange: &'static str,
    pub routing_key: ShortString,
    pub properties: BasicProperties,
    pub payload: Bytes,
    /// Messages of one key keep their order; none: any order will do.
    pub order: Option<u64>,
}

impl Outgoing {
    /// An event, to whoever is bound to its type. `None` if the type is too long to be a routing key.
    pub fn event(envelope: &Envelope) -> Option<Self> {
        Some(Self {
            exchange: EVENTS_EXCHANGE,
            routing_key: ShortString::try_new(envelope.event_type.clone()).ok()?,
            properties: codec::encode(envelope),
            payload: envelope.payload.clone(),
            order: envelope.position.as_ref().map(|position| {
                let mut hasher = DefaultHasher::new();
                position.stream.hash(&mut hasher);
                hasher.finish()
            }),
        })
    }

    /// A message to one queue of ours: main, waiting room or dead letters.
    pub fn to_queue(queue: &str, properties: BasicProperties, payload: Bytes) -> Self {
        Self { exchange: RETRY_EXCHANGE, routing_key: queue.into(), properties, payload, order: None }
    }
}
