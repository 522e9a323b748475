//! How an event ends that is not applied.

use postrider_contracts::EnvelopeError;
use postrider_events::streams::{Applied, ApplyError};
use postrider_storage::Error;

/// Why an event is not applied.
pub(super) enum Refusal {
    /// It can never be; with the reason.
    Never(String),
    /// Not now.
    Failed(Error),
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        Self::Never(error.to_string())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An event without the member that its type promises.
pub(super) fn missing(what: &str) -> Refusal {
    Refusal::Never(format!("the event has no {what}"))
}

/// What the stream's consumer is told.
pub(super) fn outcome(applied: Result<(), Refusal>) -> Result<Applied, ApplyError> {
    match applied {
        Ok(()) => Ok(Applied::Done),
        Err(Refusal::Never(reason)) => Ok(Applied::DeadLetter(reason)),
        Err(Refusal::Failed(error)) => Err(error.into()),
    }
}
