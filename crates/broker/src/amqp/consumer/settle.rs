//! Settles a batch: the handler's verdicts become copies, rejects and one acknowledgement.

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicRejectOptions};
use lapin::types::AMQPValue;
use lapin::{BasicProperties, Channel};
use postrider_runtime::Backoff;
use postrider_runtime::telemetry::span;
use tracing::Instrument;

use super::{Consumer, End};
use crate::amqp::AmqpError;
use crate::amqp::codec::{self, ATTEMPT, DIED_AT, REASON};
use crate::amqp::outgoing::Outgoing;
use crate::batch::{self, Verdict};
use crate::decision::{self, CopyTo, Settlement};
use crate::handler::Delivered;
use crate::publisher::PublishError;

/// Between two tries to publish copies while the broker does not take them.
const COPIES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// What is needed of a delivery after its payload went to the handler.
struct Open {
    tag: u64,
    properties: BasicProperties,
    settlement: Settlement,
}

impl Consumer {
    /// Handles a batch and settles each delivery. An end means that the channel should not be used further.
    pub(super) async fn settle(&self, channel: &Channel, batch: Vec<Delivery>) -> Result<Option<End>, AmqpError> {
        let (open, payloads) = self.handle(batch).await;
        let copies = open.iter().zip(&payloads).filter_map(|(one, payload)| {
            let Settlement::Copy(copy) = &one.settlement else { return None };
            Some(Outgoing::to_queue(&copy.queue, self.copy_properties(&one.properties, copy), payload.clone()))
        });
        if let Some(end) = self.publish_copies(channel, copies.collect()).await {
            return Ok(Some(end));
        }
        // Rejects first: the one acknowledgement at the end covers all that is then still open up to its tag.
        let mut last = None;
        for one in &open {
            if one.settlement == Settlement::Requeue {
                channel.basic_reject(one.tag, BasicRejectOptions { requeue: true }).await?;
            } else {
                last = Some(one.tag);
            }
        }
        if let Some(tag) = last {
            channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
        }
        Ok(None)
    }

    /// Decodes, runs the handler on what could be decoded, decides. Keeps payloads for the copies.
    async fn handle(&self, batch: Vec<Delivery>) -> (Vec<Open>, Vec<bytes::Bytes>) {
        let queue = self.handler.queue();
        let (mut open, mut payloads) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let (mut delivered, mut places) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for delivery in batch {
            let (tag, properties, redelivered) = (delivery.delivery_tag, delivery.properties, delivery.redelivered);
            let payload = bytes::Bytes::from(delivery.data);
            let attempt = codec::attempt(&properties);
            let settlement = match codec::decode(&properties, payload.clone()) {
                Ok(envelope) => {
                    places.push(open.len());
                    delivered.push(Delivered { envelope, attempt, redelivered });
                    Settlement::Ack
                }
                Err(undecodable) => {
                    tracing::error!(queue = queue.name, error = %undecodable, "dead-lettering a message");
                    decision::dead_letter(queue, attempt, undecodable.to_string())
                }
            };
            open.push(Open { tag, properties, settlement });
            payloads.push(payload);
        }
        let verdicts = self.verdicts(&delivered).await;
        for ((verdict, place), one) in verdicts.into_iter().zip(places).zip(&delivered) {
            self.metrics.consumed(queue.name, &verdict);
            if let Some(open) = open.get_mut(place) {
                open.settlement = decision::settle(queue, one.attempt, verdict);
            }
        }
        (open, payloads)
    }

    /// The handler, timed, in a span that shows the trace if the batch has only one.
    async fn verdicts(&self, delivered: &[Delivered]) -> Vec<Verdict> {
        let queue = self.handler.queue().name;
        if delivered.is_empty() {
            return Vec::new();
        }
        let _timer = self.metrics.handle_seconds.with_label_values(&[queue]).start_timer();
        let span = span::of_batch(queue, delivered.iter().map(|one| one.envelope.trace));
        batch::run(self.handler.as_ref(), delivered).instrument(span).await
    }

    fn copy_properties(&self, original: &BasicProperties, copy: &CopyTo) -> BasicProperties {
        let mut bookkeeping = vec![(ATTEMPT, AMQPValue::LongLongInt(copy.attempt.into()))];
        if let Some(reason) = &copy.reason {
            bookkeeping.push((REASON, AMQPValue::LongString(reason.as_str().into())));
            bookkeeping.push((DIED_AT, AMQPValue::LongString(self.seams.clock.now().to_rfc3339().into())));
        }
        codec::copy(original, bookkeeping)
    }

    /// Publishes the copies until all are confirmed. The originals stay unacknowledged meanwhile: if the channel or
    /// the service goes, they are delivered again and some copies exist twice, which the inbox bears.
    async fn publish_copies(&self, channel: &Channel, mut copies: Vec<Outgoing>) -> Option<End> {
        let queue = self.handler.queue().name;
        let mut attempt = 0;
        while !copies.is_empty() {
            let results = self.publisher.send(copies.clone()).await;
            if results.contains(&Err(PublishError::Returned)) {
                return Some(End::Lost("a retry or dead-letter queue is missing".to_owned()));
            }
            let failed = results.iter().find_map(|result| result.err());
            copies =
                copies.into_iter().zip(&results).filter(|(_, result)| result.is_err()).map(|(copy, _)| copy).collect();
            let Some(error) = failed else { break };
            tracing::warn!(queue, copies = copies.len(), error = %error, "copies are not confirmed, trying again");
            if !channel.status().connected() {
                return Some(End::Lost("the channel is closed".to_owned()));
            }
            tokio::select! {
                () = tokio::time::sleep(COPIES.delay(attempt, self.seams.entropy.unit())) => {}
                () = self.soft.cancelled() => return Some(End::Stopped),
            }
            attempt = attempt.saturating_add(1);
        }
        None
    }
}
