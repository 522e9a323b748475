//! Waiting for a condition, with a deadline: tests never sleep for a guessed time.

use std::future::Future;
use std::time::{Duration, Instant};

/// Polls every 20 ms until the condition answers something; panics with `what` after the deadline.
///
/// # Panics
/// When the deadline has passed: that is the failure of the test.
pub async fn eventually<T, F, Fut>(what: &str, deadline: Duration, mut condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        if Instant::now() >= end {
            panic!("waited {deadline:?} in vain for: {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Polls until a condition holds, 20 s long.
///
/// # Panics
/// As [`eventually`].
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < end, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
