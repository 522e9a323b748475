//! Dense streams: producers answer "what came after n", consumers notice gaps and pull them (law 7).
//!
//! Order is a number on the event, not a property of the pipe. A consumer that misses an event, because a queue was
//! purged or a retry overtook it, gets it from the producer's outbox.

mod applier;
mod consumer;
mod gaps;
mod heads;
mod positions;
mod refusals;
mod source;

pub use applier::{Applied, Applier, ApplyError};
pub use consumer::StreamConsumer;
pub use source::{EventSource, PullError, StreamHead, changed_since, read_events};
