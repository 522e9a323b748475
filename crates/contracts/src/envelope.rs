//! CloudEvents 1.0 around a protobuf payload (AMQP binary mode: attributes travel as `cloudEvents:*` headers).

use bytes::Bytes;
use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};

use crate::event::Event;
use crate::trace::TraceContext;

/// An event as it is stored in an outbox and carried by the broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// UUIDv7; the key of every inbox.
    pub id: EventId,
    /// Type and routing key, e.g. `email.received.v1`.
    pub event_type: String,
    /// The service that published it.
    pub source: String,
    /// When the fact was recorded, by the producer's clock.
    pub time: Timestamp,
    pub trace: Option<TraceContext>,
    /// Absent only where the producer cannot know (`mailbox.changed`).
    pub tenant: Option<TenantId>,
    pub user: Option<UserId>,
    pub connector: Option<ConnectorId>,
    /// The dense sequence it belongs to, e.g. `mailbox/<connector id>`, and its place in it, counted from 1.
    pub position: Option<Position>,
    /// The protobuf message.
    pub payload: Bytes,
}

/// A place in a dense stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub stream: String,
    pub seq: i64,
}

/// An event before its sequence number is known; `events::outbox::append` gives it one.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Everything but the position.
    pub envelope: Envelope,
    /// The stream it goes to.
    pub stream: String,
}

/// A payload that is not the message its type names, or a missing attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("the event is {found}, not {wanted}")]
    Type { wanted: &'static str, found: String },
    #[error("the payload of {event_type} does not decode: {cause}")]
    Payload { event_type: String, cause: prost::DecodeError },
    #[error("the event has no {0}")]
    Missing(&'static str),
}

impl Envelope {
    /// Wraps a message; tenant, user, connector and trace are set by the caller with struct update or the setters.
    pub fn of<E: Event>(id: EventId, time: Timestamp, event: &E) -> Self {
        Self {
            id,
            event_type: E::TYPE.to_owned(),
            source: E::SOURCE.to_owned(),
            time,
            trace: None,
            tenant: None,
            user: None,
            connector: None,
            position: None,
            payload: event.encode_to_vec().into(),
        }
    }

    /// Names whose event it is.
    #[must_use]
    pub fn owned_by(mut self, tenant: TenantId, user: UserId, connector: Option<ConnectorId>) -> Self {
        (self.tenant, self.user, self.connector) = (Some(tenant), Some(user), connector);
        self
    }

    /// Names the trace it belongs to.
    #[must_use]
    pub fn traced(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace;
        self
    }

    /// Puts it on a stream; the outbox gives it its number there.
    pub fn on_stream(self, stream: impl Into<String>) -> NewEvent {
        NewEvent { envelope: self, stream: stream.into() }
    }

    /// Decodes the payload as the given message.
    pub fn decode<E: Event>(&self) -> Result<E, EnvelopeError> {
        if self.event_type != E::TYPE {
            return Err(EnvelopeError::Type { wanted: E::TYPE, found: self.event_type.clone() });
        }
        E::decode(self.payload.clone())
            .map_err(|cause| EnvelopeError::Payload { event_type: self.event_type.clone(), cause })
    }

    /// The tenant, or the error that names what is missing.
    pub fn tenant(&self) -> Result<&TenantId, EnvelopeError> {
        self.tenant.as_ref().ok_or(EnvelopeError::Missing("tenant"))
    }

    /// The user, or the error that names what is missing.
    pub fn user(&self) -> Result<&UserId, EnvelopeError> {
        self.user.as_ref().ok_or(EnvelopeError::Missing("user"))
    }

    /// The connector, or the error that names what is missing.
    pub fn connector(&self) -> Result<ConnectorId, EnvelopeError> {
        self.connector.ok_or(EnvelopeError::Missing("connector"))
    }
}

/// Stream names: one place, because producer, relay, consumers and pull must agree.
pub mod streams {
    use postrider_domain::ConnectorId;

    /// Events of the connector service about one account.
    pub fn connector(id: ConnectorId) -> String {
        format!("connector/{id}")
    }

    /// Events of the sync-worker about one mailbox.
    pub fn mailbox(id: ConnectorId) -> String {
        format!("mailbox/{id}")
    }

    /// Events of the notification service about one account.
    pub fn notification(id: ConnectorId) -> String {
        format!("notification/{id}")
    }
}
