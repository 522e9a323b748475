//! What carries events: RabbitMQ or this process.

use std::sync::Arc;
use std::time::Duration;

use crate::amqp::live::Live;
use crate::handler::Handler;
use crate::publisher::Publisher;

/// A carrier of events with the topology of `postrider_contracts::Topology::CURRENT`.
pub trait Transport: Send + Sync + 'static {
    /// Publishes to the events exchange. All publishers of one transport share its connection.
    fn publisher(&self) -> Arc<dyn Publisher>;
    /// Runs the handler on its queue until the soft stop; what it began is finished, the rest is delivered again later.
    fn consume(&self, handler: Arc<dyn Handler>, config: ConsumerConfig);
    /// Hints between replicas. A carrier within one process has nobody to hint to.
    fn live(&self) -> Live {
        Live::alone()
    }
}

/// How much a consumer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// Deliveries the broker may have under way to this consumer.
    pub prefetch: u16,
    /// Most deliveries in one call of the handler.
    pub batch: usize,
    /// How long a batch may be gathered under load. A lone delivery on an idle queue does not wait, unless `patient`.
    pub window: Duration,
    /// Nobody waits for the effect: every batch is gathered for the whole window.
    pub patient: bool,
}

impl ConsumerConfig {
    /// For effects that nobody waits for: one transaction for what comes within 50 ms, off the way of those who do.
    pub fn patient() -> Self {
        Self { window: Duration::from_millis(50), patient: true, ..Self::default() }
    }
}

impl Default for ConsumerConfig {
    /// 256 under way, 64 in a batch, 5 ms.
    fn default() -> Self {
        Self { prefetch: 256, batch: 64, window: Duration::from_millis(5), patient: false }
    }
}
