//! Declares the topology of `contracts` on a broker.
//!
//! Every argument is one that RabbitMQ 3.10 and 4.x both know for quorum queues: `x-message-ttl` and at-least-once
//! dead-lettering are there since 3.10; the latter needs `overflow=reject-publish`, or it silently is at-most-once.

use futures_util::future::try_join_all;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use postrider_contracts::topology::{LIVE_EXCHANGE, RETRY_EXCHANGE, UNROUTED_QUEUE};
use postrider_contracts::{EVENTS_EXCHANGE, Overflow, Queue, RETRY_TIERS, RetryTier, Topology, UNROUTED_EXCHANGE};

use super::{AmqpError, answered};

/// Deliveries of a message to consumers that crashed or vanished, before it becomes a dead letter. 20 is what 4.x takes
/// when nothing is said; 3.10 would take it for ever.
const DELIVERY_LIMIT: i64 = 20;
/// For queues that are only looked at: listing dead letters counts as a delivery, and 4.x deletes at the limit.
const NO_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// Declares everything; what is there already stays as it is.
pub(super) async fn declare(channel: &Channel, topology: &Topology) -> Result<(), AmqpError> {
    let alternate = table([("alternate-exchange", text(UNROUTED_EXCHANGE))]);
    exchange(channel, UNROUTED_EXCHANGE, ExchangeKind::Fanout, FieldTable::default()).await?;
    exchange(channel, EVENTS_EXCHANGE, ExchangeKind::Topic, alternate).await?;
    exchange(channel, RETRY_EXCHANGE, ExchangeKind::Direct, FieldTable::default()).await?;
    exchange(channel, LIVE_EXCHANGE, ExchangeKind::Topic, FieldTable::default()).await?;
    queue(channel, UNROUTED_QUEUE, resting()).await?;
    bind(channel, UNROUTED_QUEUE, UNROUTED_EXCHANGE, "").await?;
    // Together, not one after another: a quorum queue takes the broker some 20 ms, and the first start makes 26.
    try_join_all(topology.queues.iter().map(|one| declare_queue(channel, one))).await?;
    Ok(())
}

/// Declares one queue with its bindings, its waiting rooms and its dead letters.
pub(super) async fn declare_queue(channel: &Channel, one: &Queue) -> Result<(), AmqpError> {
    if one.overflow == Overflow::RejectPublish {
        let dead = one.dead_name();
        queue(channel, &dead, resting()).await?;
        bind(channel, &dead, RETRY_EXCHANGE, &dead).await?;
    }
    queue(channel, one.name, main(one)).await?;
    for key in one.bindings {
        bind(channel, one.name, EVENTS_EXCHANGE, key).await?;
    }
    if one.overflow == Overflow::RejectPublish {
        bind(channel, one.name, RETRY_EXCHANGE, one.name).await?;
        for tier in RETRY_TIERS {
            let name = one.retry_name(tier);
            queue(channel, &name, waiting(one, tier)).await?;
            bind(channel, &name, RETRY_EXCHANGE, &name).await?;
        }
    }
    Ok(())
}

/// Arguments of a queue with a consumer.
fn main(one: &Queue) -> FieldTable {
    let length = ("x-max-length", AMQPValue::LongLongInt(one.max_length.into()));
    let limit = ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT));
    match one.overflow {
        Overflow::DropOldest => table([quorum(), length, limit, ("x-overflow", text("drop-head"))]),
        Overflow::RejectPublish => {
            let [exchange, key, strategy, overflow] = dead_lettering(&one.dead_name());
            table([quorum(), length, limit, exchange, key, strategy, overflow])
        }
    }
}

/// Arguments of a waiting room: its time to live sends messages back to the main queue.
fn waiting(one: &Queue, tier: RetryTier) -> FieldTable {
    let length = ("x-max-length", AMQPValue::LongLongInt(one.max_length.into()));
    let ttl = ("x-message-ttl", AMQPValue::LongLongInt(tier.ttl_ms.into()));
    let limit = ("x-delivery-limit", AMQPValue::LongLongInt(NO_DELIVERY_LIMIT));
    let [exchange, key, strategy, overflow] = dead_lettering(one.name);
    table([quorum(), length, ttl, limit, exchange, key, strategy, overflow])
}

/// Arguments of a queue nobody consumes: dead letters, unrouted.
fn resting() -> FieldTable {
    let limit = ("x-delivery-limit", AMQPValue::LongLongInt(NO_DELIVERY_LIMIT));
    table([quorum(), limit])
}

fn quorum() -> (&'static str, AMQPValue) {
    ("x-queue-type", text("quorum"))
}

fn dead_lettering(to: &str) -> [(&'static str, AMQPValue); 4] {
    [
        ("x-dead-letter-exchange", text(RETRY_EXCHANGE)),
        ("x-dead-letter-routing-key", text(to)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn table<const N: usize>(entries: [(&'static str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert(key.into(), value);
    }
    table
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind, args: FieldTable) -> Result<(), AmqpError> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    answered(channel.exchange_declare(name.into(), kind, options, args)).await
}

async fn queue(channel: &Channel, name: &str, args: FieldTable) -> Result<(), AmqpError> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    answered(channel.queue_declare(name.into(), options, args)).await.map(|_queue| ())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), AmqpError> {
    let options = QueueBindOptions::default();
    answered(channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default())).await
}
