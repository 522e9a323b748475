//! Calls a handler so that whatever it does, every delivery gets a verdict.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::handler::{Delivered, Handler, Outcome};

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The handler decided.
    Decided(Outcome),
    /// The handler panicked, or answered the wrong number of outcomes, with this delivery alone.
    Crashed,
}

/// Runs the batch; if the handler panics or miscounts, runs it again one by one to find the culprit.
///
/// Deliveries before the culprit are then handled twice, which every handler must bear (inbox).
pub(crate) async fn run(handler: &dyn Handler, batch: &[Delivered]) -> Vec<Verdict> {
    if let Some(verdicts) = attempt(handler, batch).await {
        return verdicts;
    }
    let mut verdicts = Vec::with_capacity(batch.len());
    for one in batch.chunks(1) {
        let verdict = if batch.len() == 1 { None } else { attempt(handler, one).await };
        let crashed = || {
            let event = one.first().map(|delivered| delivered.envelope.id.to_string());
            tracing::error!(queue = handler.queue().name, event.id = event, "the handler crashed on this delivery");
            vec![Verdict::Crashed]
        };
        verdicts.extend(verdict.unwrap_or_else(crashed));
    }
    verdicts
}

/// One call; `None` if it panicked or answered the wrong number of outcomes.
async fn attempt(handler: &dyn Handler, batch: &[Delivered]) -> Option<Vec<Verdict>> {
    let queue = handler.queue().name;
    // Unwind safety: a handler's state is behind transactions and locks, which a panic rolls back or poisons.
    match AssertUnwindSafe(handler.handle(batch)).catch_unwind().await {
        Ok(outcomes) if outcomes.len() == batch.len() => Some(outcomes.into_iter().map(Verdict::Decided).collect()),
        Ok(outcomes) => {
            tracing::error!(queue, deliveries = batch.len(), outcomes = outcomes.len(), "the handler miscounted");
            None
        }
        Err(_panic) => {
            tracing::error!(queue, deliveries = batch.len(), "the handler panicked");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use postrider_contracts::Queue;
    use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;

    use super::*;
    use crate::memory::tests::delivered;

    /// Panics whenever the batch holds attempt 13, miscounts when it holds 14.
    struct Picky;

    #[async_trait]
    impl Handler for Picky {
        fn queue(&self) -> &'static Queue {
            &SYNC_WORKER_CONNECTOR
        }

        async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome> {
            assert!(batch.iter().all(|d| d.attempt != 13));
            let short = usize::from(batch.iter().any(|d| d.attempt == 14));
            vec![Outcome::Done; batch.len() - short]
        }
    }

    async fn verdicts(attempts: &[u32]) -> Vec<bool> {
        let batch: Vec<_> = attempts.iter().map(|attempt| delivered(*attempt)).collect();
        let verdicts = run(Arc::new(Picky).as_ref(), &batch).await;
        verdicts.into_iter().map(|verdict| verdict == Verdict::Decided(Outcome::Done)).collect()
    }

    #[tokio::test]
    async fn only_the_culprit_of_a_batch_crashes() {
        assert_eq!(verdicts(&[1, 2, 3]).await, [true, true, true]);
        assert_eq!(verdicts(&[1, 13, 3]).await, [true, false, true]);
        assert_eq!(verdicts(&[14, 1]).await, [false, true]);
        assert_eq!(verdicts(&[13]).await, [false]);
    }
}
