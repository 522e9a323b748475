//! The rows, grouped as the API's reference is.

use super::Access::{Caller, CallerOrTicket, Intake, Open};
use super::Service::{Connector, Ingest, Notification, SyncWorker};
use super::Verb::{Delete, Get, Patch, Post, Put};
use super::{Access, Route, Service, Verb};

const fn row(verb: Verb, pattern: &'static str, service: Service, access: Access) -> Route {
    Route { verb, pattern, service, access }
}

/// Every route of the public API that a service answers. A test holds it against the services' own documents, both ways:
/// a row nobody answers would let strangers' bodies through to a 404.
pub const TABLE: &[Route] = &[
    // --- connecting
    row(Get, "/gmail/auth/url", Connector, Caller),
    row(Get, "/gmail/auth/callback", Connector, Open),
    // The confirm page's answer, when the callback came without its start cookie.
    row(Post, "/gmail/auth/callback", Connector, Open),
    row(Post, "/api/auth/google/gmail", Connector, Caller),
    row(Get, "/api/connectors", Connector, Caller),
    row(Post, "/api/connectors", Connector, Caller),
    row(Get, "/api/connectors/{id}", Connector, Caller),
    row(Patch, "/api/connectors/{id}", Connector, Caller),
    row(Delete, "/api/connectors/{id}", Connector, Caller),
    row(Get, "/api/v1/connect-links", Connector, Caller),
    row(Post, "/api/v1/connect-links", Connector, Caller),
    row(Delete, "/api/v1/connect-links/{id}", Connector, Caller),
    // What a mailed link opens, and its button.
    row(Get, "/connect/{token}", Connector, Open),
    row(Post, "/connect/{token}", Connector, Open),
    row(Get, "/api/system/info", Connector, Open),
    // --- watch and queue
    row(Post, "/api/v1/gmail/watch/start", Connector, Caller),
    row(Post, "/api/v1/gmail/watch/stop", Connector, Caller),
    row(Get, "/api/v1/gmail/watch/history", SyncWorker, Caller),
    row(Post, "/api/v1/gmail/watch/poll", SyncWorker, Caller),
    row(Get, "/api/v1/gmail/watch/queue", SyncWorker, Caller),
    row(Post, "/api/v1/gmail/watch/queue/process", SyncWorker, Caller),
    row(Post, "/api/v1/gmail/watch/channels", Ingest, Caller),
    row(Get, "/api/v1/gmail/watch/channels", Ingest, Caller),
    row(Delete, "/api/v1/gmail/watch/channels/{id}", Ingest, Caller),
    // --- intake
    row(Post, "/api/email/webhook/google/pubsub", Ingest, Intake),
    row(Post, "/api/email/webhook/google", Ingest, Intake),
    row(Post, "/api/v1/gmail/watch/webhook", Ingest, Intake),
    // --- sync and mail
    row(Post, "/gmail/sync/deleted", SyncWorker, Caller),
    row(Post, "/gmail/sync", SyncWorker, Caller),
    row(Get, "/gmail/stats", SyncWorker, Caller),
    row(Get, "/gmail/health", SyncWorker, Open),
    row(Get, "/api/system/email-monitor/status", SyncWorker, Caller),
    row(Post, "/api/system/email-monitor/start", SyncWorker, Caller),
    row(Post, "/api/system/email-monitor/stop", SyncWorker, Caller),
    row(Post, "/api/system/email-monitor/poll-now", SyncWorker, Caller),
    row(Get, "/api/v1/sync-runs", SyncWorker, Caller),
    row(Get, "/api/v1/sync-runs/{id}", SyncWorker, Caller),
    row(Get, "/api/v1/emails", SyncWorker, Caller),
    row(Get, "/api/v1/emails/{id}", SyncWorker, Caller),
    row(Get, "/api/v1/emails/{id}/raw", SyncWorker, Caller),
    row(Get, "/api/v1/emails/{id}/attachments/{attachment_id}", SyncWorker, Caller),
    row(Post, "/api/v1/emails/processed", SyncWorker, Caller),
    row(Post, "/api/v1/emails/{id}/processed", SyncWorker, Caller),
    row(Put, "/api/v1/emails/{id}/references/{kind}/{ref}", SyncWorker, Caller),
    row(Delete, "/api/v1/emails/{id}/references/{kind}/{ref}", SyncWorker, Caller),
    row(Get, "/api/v1/threads/{thread_id}", SyncWorker, Caller),
    row(Get, "/api/v1/labels", SyncWorker, Caller),
    row(Get, "/api/v1/connectors/{id}/export", SyncWorker, Caller),
    row(Get, "/api/v1/connectors/{id}/ledger", SyncWorker, Caller),
    row(Post, "/api/v1/connectors/{id}/parked/retry", SyncWorker, Caller),
    row(Post, "/api/v1/connectors/{id}/audit", SyncWorker, Caller),
    // --- notifications
    row(Get, "/api/notifications", Notification, Caller),
    row(Post, "/api/notifications", Notification, Caller),
    row(Post, "/api/notifications/bulk-read", Notification, Caller),
    row(Get, "/api/notifications/stats", Notification, Caller),
    row(Get, "/api/notifications/preferences", Notification, Caller),
    row(Put, "/api/notifications/preferences", Notification, Caller),
    row(Post, "/api/notifications/preferences/silence", Notification, Caller),
    row(Post, "/api/notifications/preferences/unsilence", Notification, Caller),
    row(Post, "/api/notifications/preferences/simulate", Notification, Caller),
    row(Delete, "/api/notifications/cleanup-old", Notification, Caller),
    row(Get, "/api/notifications/{id}", Notification, Caller),
    row(Post, "/api/notifications/{id}/read", Notification, Caller),
    row(Post, "/api/notifications/{id}/unread", Notification, Caller),
    row(Post, "/api/notifications/{id}/archive", Notification, Caller),
    row(Get, "/api/notifications/{id}/explain", Notification, Caller),
    row(Get, "/api/triggers", Notification, Caller),
    row(Post, "/api/triggers", Notification, Caller),
    row(Get, "/api/triggers/{id}", Notification, Caller),
    row(Patch, "/api/triggers/{id}", Notification, Caller),
    row(Delete, "/api/triggers/{id}", Notification, Caller),
    row(Get, "/api/triggers/{id}/fires", Notification, Caller),
    row(Get, "/api/v1/events", Notification, Caller),
    row(Get, "/api/v1/events/stream", Notification, CallerOrTicket),
    row(Post, "/api/v1/events/ticket", Notification, Caller),
    row(Get, "/api/v1/webhook-endpoints", Notification, Caller),
    row(Post, "/api/v1/webhook-endpoints", Notification, Caller),
    row(Get, "/api/v1/webhook-endpoints/{id}", Notification, Caller),
    row(Patch, "/api/v1/webhook-endpoints/{id}", Notification, Caller),
    row(Delete, "/api/v1/webhook-endpoints/{id}", Notification, Caller),
    row(Post, "/api/v1/webhook-endpoints/{id}/test", Notification, Caller),
    row(Post, "/api/v1/webhook-endpoints/{id}/rotate-secret", Notification, Caller),
    row(Get, "/api/v1/webhook-endpoints/{id}/deliveries", Notification, Caller),
    row(Post, "/api/v1/webhook-endpoints/{id}/deliveries/{delivery_id}/replay", Notification, Caller),
    row(Post, "/api/v1/webhook-endpoints/{id}/replay", Notification, Caller),
];
