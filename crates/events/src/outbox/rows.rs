//! Outbox rows and their way back into envelopes.

use chrono::NaiveDate;
use postrider_contracts::{Envelope, Position, TraceContext};
use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};

/// An event with its key in the outbox.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Partition it is in.
    pub day: NaiveDate,
    /// Failed attempts to publish it so far.
    pub attempts: i32,
    pub envelope: Envelope,
}

postrider_storage::row! {
    /// A row as Postgres returns it.
    #[derive(Debug)]
    pub(crate) struct OutboxRow {
        pub day: NaiveDate,
        pub id: EventId,
        pub attempts: i32,
        pub event_type: String,
        pub source: String,
        pub event_time: Timestamp,
        pub traceparent: Option<String>,
        pub tenant: Option<String>,
        pub user_id: Option<String>,
        pub connector_id: Option<ConnectorId>,
        pub stream: String,
        pub seq: i64,
        pub payload: Vec<u8>,
    }
}

/// The columns of [`OutboxRow`], for SELECT and RETURNING.
macro_rules! outbox_columns {
    () => {
        "day, id, attempts, event_type, source, event_time, traceparent, tenant, user_id, connector_id, stream, seq, payload"
    };
}
pub(crate) use outbox_columns;

impl From<OutboxRow> for StoredEvent {
    fn from(row: OutboxRow) -> Self {
        let envelope = Envelope {
            id: row.id,
            event_type: row.event_type,
            source: row.source,
            time: row.event_time,
            trace: row.traceparent.and_then(|text| text.parse::<TraceContext>().ok()),
            // What was parsed on the way in parses on the way out.
            tenant: row.tenant.and_then(|text| TenantId::parse(text).ok()),
            user: row.user_id.and_then(|text| UserId::parse(text).ok()),
            connector: row.connector_id,
            position: Some(Position { stream: row.stream, seq: row.seq }),
            payload: row.payload.into(),
        };
        Self { day: row.day, attempts: row.attempts, envelope }
    }
}
