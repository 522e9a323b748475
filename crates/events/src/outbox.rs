//! The outbox: events are rows written in the transaction of the state they report, sent by a relay (laws 1 and 7).
//!
//! [`append`] gives each event its place in its stream. The relay gets committed rows in memory; a poll once a second
//! finds only what a crash or a breaker left behind. No `NOTIFY`: it serialises commits.

mod append;
mod backlog;
mod breaker;
mod hand_over;
mod marks;
mod relay;
pub(crate) mod rows;

pub use append::append;
pub use hand_over::HandOver;
pub use relay::Relay;
pub use rows::StoredEvent;
