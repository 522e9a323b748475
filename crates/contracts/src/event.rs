//! What every event message is: a protobuf message with a type name that is also its routing key.

use crate::{connector, ingest, mailbox, notification};

/// A message of the bus. Additive changes keep the type; a changed meaning is a new type with the next version.
pub trait Event: prost::Message + Default + Clone + Send + 'static {
    /// CloudEvents `type` and AMQP routing key, e.g. `email.received.v1`.
    const TYPE: &'static str;
    /// CloudEvents `source`: the service that alone publishes it.
    const SOURCE: &'static str;
}

/// Declares the type names of all events. The one macro of this crate.
macro_rules! events {
    ($($source:literal: { $($message:ty => $name:literal),* $(,)? })*) => {
        $($(impl Event for $message {
            const TYPE: &'static str = $name;
            const SOURCE: &'static str = $source;
        })*)*

        /// Every event type with the service that publishes it.
        pub(crate) const ALL: &[(&str, &str)] = &[$($(($name, $source)),*),*];
    };
}

events! {
    "ingest-webhook": {
        ingest::MailboxChanged => "mailbox.changed.v1",
    }
    "connector": {
        connector::ConnectorConnected => "connector.connected.v1",
        connector::ConnectorUpdated => "connector.updated.v1",
        connector::ConnectorReauthRequired => "connector.reauth_required.v1",
        connector::ConnectorDisconnected => "connector.disconnected.v1",
        connector::WatchStarted => "watch.started.v1",
        connector::WatchRenewed => "watch.renewed.v1",
        connector::WatchLapsed => "watch.lapsed.v1",
        connector::WatchStopped => "watch.stopped.v1",
    }
    "sync-worker": {
        mailbox::EmailReceived => "email.received.v1",
        mailbox::EmailSent => "email.sent.v1",
        mailbox::EmailLabelsChanged => "email.labels_changed.v1",
        mailbox::EmailDeleted => "email.deleted.v1",
        mailbox::EmailRestored => "email.restored.v1",
        mailbox::EmailBatchStored => "email.batch_stored.v1",
        mailbox::SyncStarted => "sync.started.v1",
        mailbox::SyncProgressed => "sync.progressed.v1",
        mailbox::SyncCompleted => "sync.completed.v1",
        mailbox::SyncFailed => "sync.failed.v1",
        mailbox::AttachmentStored => "attachment.stored.v1",
        mailbox::QuotaWarning => "quota.warning.v1",
        mailbox::MailboxCoverage => "mailbox.coverage.v1",
    }
    "notification": {
        notification::TriggerFired => "trigger.fired.v1",
        notification::NotificationCreated => "notification.created.v1",
        notification::NotificationUpdated => "notification.updated.v1",
    }
}
