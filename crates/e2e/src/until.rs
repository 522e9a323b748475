//! Waiting for a condition with a deadline.

use std::time::Duration;

use tokio::time::Instant;

/// Waits up to a minute for a condition.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, condition: F) {
    within(Duration::from_secs(60), what, condition).await;
}

/// Waits for a condition and fails with its name when the time is over.
pub async fn within<F: AsyncFnMut() -> bool>(limit: Duration, what: &str, mut condition: F) {
    let deadline = Instant::now() + limit;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
