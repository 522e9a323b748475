//! Waiting for a condition with a deadline: `testing`'s way, for conditions that are true or not.

use std::time::Duration;

/// Waits up to a minute for a condition.
pub async fn eventually<F: AsyncFn() -> bool>(what: &str, condition: F) {
    within(Duration::from_secs(60), what, condition).await;
}

/// Waits for a condition and fails with its name when the time is over.
pub async fn within<F: AsyncFn() -> bool>(limit: Duration, what: &str, condition: F) {
    postrider_testing::eventually(what, limit, || async { condition().await.then_some(()) }).await;
}
