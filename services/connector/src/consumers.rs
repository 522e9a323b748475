//! Which handler takes which queue.

pub mod mailbox_changed;

use std::sync::Arc;

use broker::{ConsumerConfig, Transport};

use crate::state::State;

/// Starts every consumer.
pub fn start(transport: &dyn Transport, state: &State) {
    let handler = mailbox_changed::MailboxChangedHandler::new(state.clone());
    transport.consume(Arc::new(handler), ConsumerConfig::patient());
}
