//! What handlers gave up on: listed, and put back into the queue it came from.

use std::fmt::Write as _;
use std::io::Write as _;

use bytes::Bytes;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::AMQPValue;
use lapin::{Channel, Confirmation};
use postrider_contracts::{Overflow, Queue};
use postrider_domain::Secret;
use postrider_runtime::config::Amqp;
use postrider_runtime::{DeadLettersCommand, Env};
use serde::Serialize;

use super::codec::{self, ATTEMPT, DIED_AT, Headers, REASON};
use super::outgoing::Outgoing;
use super::queues::with_channel;
use super::{AmqpError, answered};

/// A message in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The event's id; replay keeps it, so inboxes still know it.
    pub id: String,
    pub event_type: String,
    pub tenant: Option<String>,
    /// Its stream and place in it, e.g. `mailbox/… 17`.
    pub position: Option<String>,
    /// The attempt it died in.
    pub attempt: u32,
    /// What the handler said, or why the broker moved it (`delivery_limit`: its handler crashed each time).
    pub reason: String,
    /// RFC 3339; absent where the broker moved it.
    pub died_at: Option<String>,
    pub bytes: usize,
}

/// The oldest dead letters of a queue. They stay where they are.
///
/// # Errors
/// The broker is not reachable, or there is no such queue.
pub async fn list(url: &Secret, queue: &str, limit: u32) -> Result<Vec<DeadLetter>, AmqpError> {
    let dead = format!("{queue}.dead");
    with_channel(url, async |channel| {
        let (mut letters, mut last) = (Vec::new(), None);
        while letters.len() < limit as usize
            && let Some(delivery) = get(channel, &dead).await?
        {
            last = Some(delivery.delivery_tag);
            letters.push(describe(&delivery));
        }
        if let Some(tag) = last {
            channel.basic_nack(tag, BasicNackOptions { multiple: true, requeue: true }).await?;
        }
        Ok(letters)
    })
    .await
}

/// Puts the oldest dead letters back into their queue, with attempts counted from 1 again, and says how many. Each is
/// deleted only after its copy is confirmed; an interruption may leave a copy twice, never none.
///
/// # Errors
/// The broker is not reachable, refuses a copy, or there is no such queue.
pub async fn replay(url: &Secret, queue: &str, limit: u32) -> Result<u32, AmqpError> {
    let dead = format!("{queue}.dead");
    with_channel(url, async |channel| {
        answered(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        let mut replayed = 0;
        while replayed < limit
            && let Some(delivery) = get(channel, &dead).await?
        {
            let properties = codec::copy(&delivery.properties, vec![(ATTEMPT, AMQPValue::LongLongInt(1))]);
            let copy = Outgoing::to_queue(queue, properties, Bytes::from(delivery.data));
            if !confirmed(channel, copy).await? {
                tracing::error!(queue, "the queue does not take its dead letters back");
                break;
            }
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await?;
            replayed += 1;
        }
        Ok(replayed)
    })
    .await
}

/// The `dead-letters` command of a service that consumes these queues; writes its answer to standard output.
///
/// # Errors
/// No `AMQP_URL`; otherwise as [`command`].
pub async fn run(env: &Env, own: &[Queue], asked: &DeadLettersCommand) -> anyhow::Result<()> {
    let text = command(&Amqp::load(env)?.url, own, asked).await?;
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// What [`run`] prints.
///
/// # Errors
/// As [`list`] and [`replay`]; [`AmqpError::Url`] if the command names a queue that is not among them.
pub async fn command(url: &Secret, own: &[Queue], command: &DeadLettersCommand) -> Result<String, AmqpError> {
    let (DeadLettersCommand::List { queue, limit } | DeadLettersCommand::Replay { queue, limit }) = command;
    let mut text = String::new();
    for name in chosen(own, queue.as_deref())?.into_iter().map(|queue| queue.name) {
        match command {
            DeadLettersCommand::List { .. } => {
                let letters = list(url, name, *limit).await?;
                let _infallible = writeln!(text, "{name}: {} dead", letters.len());
                for letter in letters {
                    let _infallible = writeln!(text, "  {}", letter.line());
                }
            }
            DeadLettersCommand::Replay { .. } => {
                let count = replay(url, name, *limit).await?;
                let _infallible = writeln!(text, "{name}: {count} put back");
            }
        }
    }
    Ok(text)
}

/// Of these queues the one that is asked for, or all that have dead letters.
///
/// # Errors
/// [`AmqpError::UnknownQueue`]: it is not among them.
pub fn chosen<'a>(own: &'a [Queue], asked: Option<&str>) -> Result<Vec<&'a Queue>, AmqpError> {
    let has_dead_letters = |queue: &&Queue| queue.overflow == Overflow::RejectPublish;
    let is_asked = |queue: &&Queue| asked.is_none_or(|asked| queue.name == asked);
    let chosen: Vec<_> = own.iter().filter(has_dead_letters).filter(is_asked).collect();
    match asked {
        Some(asked) if chosen.is_empty() => Err(AmqpError::UnknownQueue(asked.to_owned())),
        _ => Ok(chosen),
    }
}

impl DeadLetter {
    /// For people, in one line.
    pub fn line(&self) -> String {
        let Self { id, event_type, attempt, reason, .. } = self;
        let died_at = self.died_at.as_deref().unwrap_or("-");
        let position = self.position.as_deref().unwrap_or("-");
        format!("{died_at}  {id}  {event_type}  {position}  attempt {attempt}: {reason}")
    }
}

async fn get(channel: &Channel, queue: &str) -> Result<Option<Delivery>, AmqpError> {
    let got = answered(channel.basic_get(queue.into(), BasicGetOptions::default())).await?;
    Ok(got.map(|got| got.delivery))
}

async fn confirmed(channel: &Channel, copy: Outgoing) -> Result<bool, AmqpError> {
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let publish =
        channel.basic_publish(copy.exchange.into(), copy.routing_key, mandatory, &copy.payload, copy.properties);
    let confirm = answered(publish).await?;
    // One in flight: here a returned message is carried by its own confirm.
    Ok(answered(confirm).await? == Confirmation::Ack(None))
}

fn describe(delivery: &Delivery) -> DeadLetter {
    let headers = Headers(&delivery.properties);
    let stream = headers.text("cloudEvents:stream");
    let seq = headers.number("cloudEvents:seq").unwrap_or_default();
    DeadLetter {
        id: headers.text("cloudEvents:id").unwrap_or_else(|| codec::message_id(&delivery.properties).to_owned()),
        event_type: headers.text("cloudEvents:type").unwrap_or_else(|| delivery.routing_key.to_string()),
        tenant: headers.text("cloudEvents:tenant"),
        position: stream.map(|stream| format!("{stream} {seq}")),
        attempt: codec::attempt(&delivery.properties),
        reason: headers
            .text(REASON)
            .or_else(|| headers.text("x-first-death-reason"))
            .unwrap_or_else(|| "unknown".into()),
        died_at: headers.text(DIED_AT),
        bytes: delivery.data.len(),
    }
}
