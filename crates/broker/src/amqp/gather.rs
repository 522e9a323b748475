//! Gathers deliveries into batches.

use futures_util::{FutureExt, StreamExt};
use lapin::Consumer;
use lapin::message::Delivery;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::transport::ConsumerConfig;

/// What came.
pub(super) enum Gathered {
    Batch(Vec<Delivery>),
    /// The service stops: take nothing more.
    Stopped,
    /// The consumer is gone: cancelled by the broker (its queue was deleted), channel or connection lost.
    Lost(String),
}

/// Waits for a delivery and takes what is there beside it. Under load (`busy`: the last batch had company) it waits up
/// to the window for more, and always where nobody waits for the effect; else a lone delivery is handled at once.
pub(super) async fn gather(
    from: &mut Consumer,
    config: ConsumerConfig,
    busy: bool,
    soft: &CancellationToken,
) -> Gathered {
    let first = tokio::select! {
        biased;
        () = soft.cancelled() => return Gathered::Stopped,
        first = from.next() => first,
    };
    let mut batch = Vec::new();
    let deadline = Instant::now() + config.window;
    let mut next = Some(first);
    while let Some(delivery) = next {
        match delivery {
            Some(Ok(delivery)) => batch.push(delivery),
            Some(Err(error)) => return Gathered::Lost(error.to_string()),
            None => return Gathered::Lost("cancelled by the broker".to_owned()),
        }
        next = if batch.len() >= config.batch {
            None
        } else if busy || config.patient {
            timeout_at(deadline, from.next()).await.ok()
        } else {
            from.next().now_or_never()
        };
    }
    Gathered::Batch(batch)
}
