//! Which handler takes which queue.

pub mod connector;
pub mod mailbox_changed;

use std::sync::Arc;

use postrider_broker::{ConsumerConfig, Transport};
use postrider_events::streams::{EventSource, StreamConsumer};

use crate::state::State;

/// Starts every consumer. Returns the one whose streams are to be compared with their producer's.
pub fn start(transport: &dyn Transport, state: &State, connector: Arc<dyn EventSource>) -> Arc<StreamConsumer> {
    let applier = Arc::new(connector::ConnectorEvents::new(state.clone()));
    let streams = Arc::new(StreamConsumer::new(state.db.clone(), applier, connector, state.seams.clock.clone()));
    transport.consume(streams.clone(), ConsumerConfig::default());
    transport.consume(Arc::new(mailbox_changed::MailboxChangedHandler::new(state.clone())), ConsumerConfig::default());
    streams
}
