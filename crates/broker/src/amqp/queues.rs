//! Looks into queues and empties them: for operators, health and tests. Each call makes its own short connection.

use lapin::Channel;
use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use postrider_contracts::Topology;
use postrider_domain::Secret;
use prometheus::IntGaugeVec;

use super::link::{Session, open};
use super::{AmqpError, answered, topology};

/// Declares the whole topology.
///
/// # Errors
/// The broker is not reachable, or holds a queue of that name with other arguments.
pub async fn declare(url: &Secret) -> Result<(), AmqpError> {
    with_channel(url, async |channel| topology::declare(channel, &Topology::CURRENT).await).await
}

/// Messages that wait in a queue (without those under way to a consumer). `None`: there is no such queue.
///
/// # Errors
/// The broker is not reachable.
pub async fn depth(url: &Secret, queue: &str) -> Result<Option<u32>, AmqpError> {
    with_channel(url, async |channel| Ok(count(channel, queue).await)).await
}

/// A queue as the broker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub queue: String,
    /// Messages that wait, and who consumes; none: there is no such queue.
    pub state: Option<(u32, u32)>,
}

/// Looks at every queue of the topology and changes nothing.
///
/// # Errors
/// The broker is not reachable, or does not let us in.
pub async fn look(url: &Secret) -> Result<Vec<Seen>, AmqpError> {
    let connection = open(url, "postrider (operator)").await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let (mut seen, mut channel) = (Vec::new(), answered(connection.create_channel()).await?);
    for queue in Topology::CURRENT.queue_names() {
        let answer = answered(channel.queue_declare(queue.as_str().into(), passive, FieldTable::default())).await;
        let state = match answer {
            Ok(found) => Some((found.message_count(), found.consumer_count())),
            Err(_absent) => {
                // The refusal closed the channel.
                channel = answered(connection.create_channel()).await?;
                None
            }
        };
        seen.push(Seen { queue, state });
    }
    let _closed_anyway = answered(connection.close(200, "done".into())).await;
    Ok(seen)
}

/// Deletes the waiting messages of a queue and says how many there were.
///
/// # Errors
/// The broker is not reachable, or there is no such queue.
pub async fn purge(url: &Secret, queue: &str) -> Result<u32, AmqpError> {
    with_channel(url, async |channel| answered(channel.queue_purge(queue.into(), QueuePurgeOptions::default())).await)
        .await
}

/// Reads how full the queues are that should be empty. What cannot be read keeps its last figure.
pub(super) async fn observe(session: &Session, gauge: &IntGaugeVec) {
    let Ok(channel) = session.channel().await else { return };
    for name in Topology::CURRENT
        .queue_names()
        .into_iter()
        .filter(|name| !name.contains(".retry.") && (name.ends_with(".dead") || name.ends_with(".unrouted")))
    {
        let Some(depth) = count(&channel, &name).await else { return };
        gauge.with_label_values(&[&name]).set(depth.into());
    }
}

async fn count(channel: &Channel, queue: &str) -> Option<u32> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let answer = answered(channel.queue_declare(queue.into(), passive, FieldTable::default())).await;
    answer.ok().map(|queue| queue.message_count())
}

/// Runs something on a channel of its own connection and closes that in order.
pub(super) async fn with_channel<T>(
    url: &Secret,
    work: impl AsyncFnOnce(&Channel) -> Result<T, AmqpError>,
) -> Result<T, AmqpError> {
    let connection = open(url, "postrider (operator)").await?;
    let channel = answered(connection.create_channel()).await?;
    let result = work(&channel).await;
    let _closed_anyway = answered(connection.close(200, "done".into())).await;
    result
}
