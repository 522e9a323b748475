//! Which handler takes which queue.

mod connector;
mod mailbox;
mod outcome;

use std::sync::Arc;

use postrider_broker::{ConsumerConfig, Transport};
use postrider_contracts::OriginKey;
use postrider_domain::Clock;
use postrider_events::streams::{EventSource, StreamConsumer};
use postrider_storage::Db;

use crate::actions::Actions;
use connector::ConnectorEvents;
use mailbox::MailboxEvents;

/// Both consumers, made but not started.
pub struct Consumers {
    pub connector: Arc<StreamConsumer>,
    pub mailbox: Arc<StreamConsumer>,
}

impl Consumers {
    /// `connector` and `sync_worker` are the producers, asked for what the broker lost; `origin_keys` tell which mails
    /// are our own.
    pub fn new(
        db: &Db,
        actions: &Actions,
        origin_keys: Vec<OriginKey>,
        clock: &Arc<dyn Clock>,
        connector: Arc<dyn EventSource>,
        sync_worker: Arc<dyn EventSource>,
    ) -> Self {
        let consumer = |applier, source| Arc::new(StreamConsumer::new(db.clone(), applier, source, clock.clone()));
        Self {
            connector: consumer(Arc::new(ConnectorEvents { actions: actions.clone() }), connector),
            mailbox: consumer(Arc::new(MailboxEvents { actions: actions.clone(), origin_keys }), sync_worker),
        }
    }

    /// Consumes until the soft stop.
    pub fn start(&self, transport: &dyn Transport) {
        transport.consume(self.connector.clone(), ConsumerConfig::default());
        transport.consume(self.mailbox.clone(), ConsumerConfig::default());
    }
}
