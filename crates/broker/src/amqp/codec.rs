//! Envelopes as AMQP messages: CloudEvents 1.0 in binary mode, attributes in `cloudEvents:*` headers.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use postrider_contracts::{Envelope, Position};

/// Number of the attempt this message is delivered for; absent means 1.
pub(super) const ATTEMPT: &str = "x-postrider-attempt";
/// On dead letters: why.
pub(super) const REASON: &str = "x-postrider-reason";
/// On dead letters: when, RFC 3339.
pub(super) const DIED_AT: &str = "x-postrider-died-at";

const CONTENT_TYPE: &str = "application/protobuf";
const PERSISTENT: u8 = 2;
/// Headers of the broker's own dead-lettering. Copies must not carry them: it drops a message that comes by the same
/// queue twice, which is what a second retry looks like.
const BROKER_HEADERS: [&str; 3] = ["x-death", "x-first-death-", "x-last-death-"];

/// A message that is not an event of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("undecodable: the {0} header is absent or malformed")]
pub(crate) struct Undecodable(&'static str);

/// The properties an envelope travels with.
pub(super) fn encode(envelope: &Envelope) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut put = |name: &str, value: String| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    put("cloudEvents:specversion", "1.0".into());
    put("cloudEvents:id", envelope.id.to_string());
    put("cloudEvents:type", envelope.event_type.clone());
    put("cloudEvents:source", envelope.source.clone());
    put("cloudEvents:time", envelope.time.to_rfc3339());
    let optional = [
        ("cloudEvents:traceparent", envelope.trace.map(|trace| trace.to_string())),
        ("cloudEvents:tenant", envelope.tenant.as_ref().map(ToString::to_string)),
        ("cloudEvents:user", envelope.user.as_ref().map(ToString::to_string)),
        ("cloudEvents:connector", envelope.connector.map(|connector| connector.to_string())),
        ("cloudEvents:stream", envelope.position.as_ref().map(|position| position.stream.clone())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(name, value);
        }
    }
    if let Some(position) = &envelope.position {
        headers.insert("cloudEvents:seq".into(), AMQPValue::LongLongInt(position.seq));
    }
    BasicProperties::default()
        .with_content_type(CONTENT_TYPE.into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(envelope.id.to_string().into())
        .with_timestamp(u64::try_from(envelope.time.timestamp()).unwrap_or(0))
        .with_headers(headers)
}

/// The envelope of a message.
pub(super) fn decode(properties: &BasicProperties, payload: impl Into<bytes::Bytes>) -> Result<Envelope, Undecodable> {
    let headers = Headers(properties);
    let position = match headers.text("cloudEvents:stream") {
        None => None,
        Some(stream) => {
            let seq = headers.number("cloudEvents:seq").ok_or(Undecodable("cloudEvents:seq"))?;
            Some(Position { stream, seq })
        }
    };
    Ok(Envelope {
        id: headers.parsed("cloudEvents:id")?.ok_or(Undecodable("cloudEvents:id"))?,
        event_type: headers.text("cloudEvents:type").ok_or(Undecodable("cloudEvents:type"))?,
        source: headers.text("cloudEvents:source").ok_or(Undecodable("cloudEvents:source"))?,
        time: headers.parsed("cloudEvents:time")?.ok_or(Undecodable("cloudEvents:time"))?,
        // A broken trace is no reason to lose an event.
        trace: headers.parsed("cloudEvents:traceparent").unwrap_or_default(),
        tenant: headers.parsed("cloudEvents:tenant")?,
        user: headers.parsed("cloudEvents:user")?,
        connector: headers.parsed("cloudEvents:connector")?,
        position,
        payload: payload.into(),
    })
}

/// The attempt a message is delivered for, counted from 1.
pub(super) fn attempt(properties: &BasicProperties) -> u32 {
    Headers(properties).number(ATTEMPT).and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1).max(1)
}

/// The properties of a copy: the original's, without the broker's and our own bookkeeping, plus what is given.
pub(super) fn copy(original: &BasicProperties, bookkeeping: Vec<(&'static str, AMQPValue)>) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in original.headers().iter().flatten() {
        let broker = BROKER_HEADERS.iter().any(|prefix| name.as_str().starts_with(prefix));
        if !broker && ![ATTEMPT, REASON, DIED_AT].contains(&name.as_str()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in bookkeeping {
        headers.insert(name.into(), value);
    }
    original.clone().with_delivery_mode(PERSISTENT).with_headers(headers)
}

/// The id a message is matched by when it is returned; the broker does not care whether it is there.
pub(super) fn message_id(properties: &BasicProperties) -> &str {
    properties.message_id().as_ref().map_or("", ShortString::as_str)
}

/// Reading access to a message's headers.
pub(super) struct Headers<'a>(pub &'a BasicProperties);

impl Headers<'_> {
    pub fn value(&self, name: &str) -> Option<&AMQPValue> {
        self.0.headers().as_ref()?.inner().get(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            AMQPValue::LongLongInt(number) => Some(*number),
            AMQPValue::LongInt(number) => Some((*number).into()),
            AMQPValue::LongUInt(number) => Some((*number).into()),
            AMQPValue::ShortInt(number) => Some((*number).into()),
            AMQPValue::ShortUInt(number) => Some((*number).into()),
            AMQPValue::ShortShortInt(number) => Some((*number).into()),
            AMQPValue::ShortShortUInt(number) => Some((*number).into()),
            _ => None,
        }
    }

    /// `Ok(None)` if the header is absent; an error if it is there and not what it should be.
    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Undecodable> {
        match self.value(name) {
            None => Ok(None),
            Some(_) => self.text(name).and_then(|text| text.parse().ok()).map(Some).ok_or(Undecodable(name)),
        }
    }
}

#[cfg(test)]
#[path = "codec/tests.rs"]
mod tests;
