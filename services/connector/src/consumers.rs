//! Which handler takes which queue. What connector consumes it only notes, so nobody waits for a consumer of it.

pub mod mailbox_changed;

use std::sync::Arc;

use postrider_broker::{ConsumerConfig, Transport};

use crate::state::State;

/// Starts every consumer. They gather patiently: one statement for a burst of pushes is worth more than a fresh
/// "last heard of".
pub fn start(transport: &dyn Transport, state: &State) {
    let handler = mailbox_changed::MailboxChangedHandler::new(state.clone());
    transport.consume(Arc::new(handler), ConsumerConfig::patient());
}
