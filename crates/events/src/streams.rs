//! Dense streams: producers answer "what came after n", consumers notice gaps and pull them (law 7).
//!
//! Order is a number on the event, not a property of the pipe. A consumer that misses an event, because a queue was
//! purged or a retry overtook it, gets it from the producer's outbox.

mod consumer;
mod gaps;
mod heads;
mod positions;
mod source;

pub use consumer::{Applied, Applier, ApplyError, StreamConsumer};
pub use source::{EventSource, PullError, StreamHead, changed_since, read_events};
