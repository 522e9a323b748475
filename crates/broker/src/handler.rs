//! What a consumer of a queue is: a batch in, a decision for each delivery out.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{Envelope, Queue};

/// A message as a handler sees it.
#[derive(Debug, Clone)]
pub struct Delivered {
    pub envelope: Envelope,
    /// 1 on the first delivery; grows with each retry.
    pub attempt: u32,
    /// The broker delivered it before, to somebody who did not answer.
    pub redelivered: bool,
}

/// What a handler decided about a delivery. There is no default and no log-and-forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The effect is durable: acknowledge.
    Done,
    /// Not now: a copy waits in the first retry tier at least this long.
    Retry { after: Duration },
    /// Never: a copy with the reason goes to the dead letters.
    DeadLetter { reason: String },
}

/// A consumer. Every delivery of the batch gets its outcome, in order.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The queue it consumes.
    fn queue(&self) -> &'static Queue;
    /// Takes up to 64 deliveries.
    async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome>;
}
