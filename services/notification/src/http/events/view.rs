//! An entry of the feed as the API shows it.

use postrider_domain::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::feed::Entry;

/// Something that happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventView {
    /// Dense for each account, from 1. A run of numbers that can never be told is one entry of type `events.lost`, at its
    /// last number, with `from_seq` and `to_seq` (only where all types are asked for).
    pub seq: i64,
    #[schema(value_type = String)]
    pub id: Uuid,
    /// `email.received`, …; `erased` where its account was.
    pub r#type: String,
    #[schema(value_type = String)]
    pub time: Timestamp,
    #[schema(value_type = String)]
    pub account_id: Uuid,
    pub data: Value,
}

impl From<Entry> for EventView {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            id: entry.event_id,
            r#type: entry.kind,
            time: entry.time,
            account_id: entry.account_id.0,
            data: entry.data,
        }
    }
}
