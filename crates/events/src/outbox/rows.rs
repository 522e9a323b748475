//! Outbox rows and their way back into envelopes.

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bytea, Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_contracts::{Envelope, Position, TraceContext};
use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};
use uuid::Uuid;

/// An event with its key in the outbox.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Partition it is in.
    pub day: NaiveDate,
    /// Failed attempts to publish it so far.
    pub attempts: i32,
    pub envelope: Envelope,
}

/// A row as Postgres returns it.
#[derive(Debug, QueryableByName)]
pub(crate) struct OutboxRow {
    #[diesel(sql_type = Date)]
    pub day: NaiveDate,
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    #[diesel(sql_type = Text)]
    pub event_type: String,
    #[diesel(sql_type = Text)]
    pub source: String,
    #[diesel(sql_type = Timestamptz)]
    pub event_time: Timestamp,
    #[diesel(sql_type = Nullable<Text>)]
    pub traceparent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub tenant: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub user_id: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub connector_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    pub stream: String,
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    #[diesel(sql_type = Bytea)]
    pub payload: Vec<u8>,
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
            id: EventId(row.id),
            event_type: row.event_type,
            source: row.source,
            time: row.event_time,
            trace: row.traceparent.and_then(|text| text.parse::<TraceContext>().ok()),
            // What was parsed on the way in parses on the way out.
            tenant: row.tenant.and_then(|text| TenantId::parse(text).ok()),
            user: row.user_id.and_then(|text| UserId::parse(text).ok()),
            connector: row.connector_id.map(ConnectorId),
            position: Some(Position { stream: row.stream, seq: row.seq }),
            payload: row.payload.into(),
        };
        Self { day: row.day, attempts: row.attempts, envelope }
    }
}
