//! What a consumer of a queue is: a batch in, a decision for each delivery out.

use std::time::Duration;

use async_trait::async_trait;
use postrider_contracts::{Envelope, Queue};

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

impl Outcome {
    /// Something every message needs is away (the database): come back soon at first, then more rarely, so that an outage
    /// of twenty minutes makes no dead letters.
    pub fn after_outage(attempt: u32) -> Self {
        let seconds = match attempt {
            0..=6 => 10,
            7..=9 => 60,
            _ => 600,
        };
        Self::Retry { after: Duration::from_secs(seconds) }
    }
}

/// A consumer. Every delivery of the batch gets its outcome, in order.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The queue it consumes.
    fn queue(&self) -> &'static Queue;
    /// Takes up to 64 deliveries.
    async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::MAX_ATTEMPTS;

    #[test]
    fn an_outage_of_twenty_minutes_makes_no_dead_letters() {
        let waits = (1..MAX_ATTEMPTS).map(|attempt| match Outcome::after_outage(attempt) {
            Outcome::Retry { after } => after,
            other => panic!("{other:?}"),
        });
        assert!(waits.sum::<Duration>() >= Duration::from_secs(20 * 60));
    }
}
