//! Bringing a transaction through that must not be lost, because Google gives what it stores only once.

use std::future::Future;
use std::time::Instant;

use crate::error::Error;
use crate::rules::tries::{Failure, Tries};
use crate::state::State;

/// Runs the whole transaction again after it met another one, or while the database is away. An error of a commit means
/// "unknown", so `once` must be harmless when it has been done already.
pub async fn persist<T, F, Fut>(state: &State, what: &'static str, mut once: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let began = Instant::now();
    let mut tries = Tries::default();
    loop {
        let error = match once().await {
            Err(Error::Store(error)) => error,
            result => return result,
        };
        let pause =
            failure(&error).and_then(|failure| tries.next(failure, began.elapsed(), state.seams.entropy.unit()));
        let Some(pause) = pause else { return Err(error.into()) };
        tracing::debug!(what, %error, ?pause, "a transaction failed and is tried again");
        tokio::time::sleep(pause).await;
    }
}

fn failure(error: &postrider_storage::Error) -> Option<Failure> {
    match error {
        postrider_storage::Error::Conflict { .. } | postrider_storage::Error::NotFound => Some(Failure::Race),
        postrider_storage::Error::Transient(_) => Some(Failure::Away),
        _ => None,
    }
}
