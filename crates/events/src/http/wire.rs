//! An event as JSON: the attributes of its envelope, the payload in base64.

use crate::streams::StreamHead;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_contracts::{Envelope, Position, TraceContext};
use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Answer of `GET /internal/events`.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventPage {
    pub data: Vec<WireEvent>,
}

/// Answer of `GET /internal/streams`.
#[derive(Debug, Serialize, Deserialize)]
pub struct StreamPage {
    pub data: Vec<StreamHead>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WireEvent {
    pub id: EventId,
    #[serde(rename = "type")]
    pub event_type: String,
    pub source: String,
    pub time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<ConnectorId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// The protobuf payload in base64.
    pub data: String,
}

impl From<Envelope> for WireEvent {
    fn from(event: Envelope) -> Self {
        let (stream, seq) = event.position.map(|position| (position.stream, position.seq)).unzip();
        Self {
            id: event.id,
            event_type: event.event_type,
            source: event.source,
            time: event.time,
            traceparent: event.trace.map(|trace| trace.to_string()),
            tenant: event.tenant,
            user: event.user,
            connector: event.connector,
            stream,
            seq,
            data: STANDARD.encode(&event.payload),
        }
    }
}

impl TryFrom<WireEvent> for Envelope {
    type Error = base64::DecodeError;

    fn try_from(event: WireEvent) -> Result<Self, Self::Error> {
        Ok(Self {
            id: event.id,
            event_type: event.event_type,
            source: event.source,
            time: event.time,
            // A trace that cannot be read loses the trace, not the event.
            trace: event.traceparent.and_then(|text| text.parse::<TraceContext>().ok()),
            tenant: event.tenant,
            user: event.user,
            connector: event.connector,
            position: event.stream.zip(event.seq).map(|(stream, seq)| Position { stream, seq }),
            payload: STANDARD.decode(event.data)?.into(),
        })
    }
}
