//! Bodies of Pub/Sub pushes: wrapped in Google's envelope, or bare with the metadata in headers.
//!
//! The body is not signed, so it is only a hint: an address to look at and a history id it may have reached.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use postrider_domain::{EmailAddress, HistoryId, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Longest source message id that is kept; Google's have about 20 digits.
const LONGEST_ID: usize = 128;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// A readable push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The mailbox's address in the form used for look-ups (lower case).
    pub address: EmailAddress,
    pub history_id: HistoryId,
    /// Pub/Sub's message id, by which repeats are known. Where it is missing, a hash of the body stands in for it.
    pub source_message_id: String,
    pub publish_time: Option<Timestamp>,
    /// `projects/p/subscriptions/s`.
    pub subscription: Option<String>,
    pub delivery_attempt: Option<u32>,
}

/// Why a push cannot be read. It is answered 202 all the same: a repeat would be no better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not a JSON object")]
    Json,
    #[error("the message has no data")]
    NoData,
    #[error("the data is not base64")]
    Base64,
    #[error("the data is not a JSON object")]
    Data,
    #[error("the data has no e-mail address")]
    Address,
    #[error("the data has no history id")]
    HistoryId,
}

impl Unreadable {
    /// A stable word for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::NoData => "no_data",
            Self::Base64 => "base64",
            Self::Data => "data",
            Self::Address => "address",
            Self::HistoryId => "history_id",
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    subscription: Option<serde_json::Value>,
    #[serde(default, rename = "deliveryAttempt")]
    delivery_attempt: Option<serde_json::Value>,
}

/// Google writes both spellings of some members at once, so that an alias would be a duplicate.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    data: Option<Cow<'a, str>>,
    #[serde(default, rename = "messageId")]
    message_id: Option<serde_json::Value>,
    #[serde(default, rename = "message_id")]
    message_id_old: Option<serde_json::Value>,
    #[serde(default, rename = "publishTime")]
    publish_time: Option<serde_json::Value>,
    #[serde(default, rename = "publish_time")]
    publish_time_old: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default, rename = "emailAddress")]
    address: Option<serde_json::Value>,
    #[serde(default, rename = "historyId")]
    history_id: Option<serde_json::Value>,
}

/// Reads a push. `header` gives the value of a header by its lower-case name, for unwrapped pushes.
pub fn parse<'h>(body: &[u8], header: impl Fn(&str) -> Option<&'h str>) -> Result<Push, Unreadable> {
    let envelope: Envelope<'_> = object(body).ok_or(Unreadable::Json)?;
    let Some(message) = envelope.message else {
        return bare(body, header);
    };
    let data = message.data.filter(|data| !data.is_empty()).ok_or(Unreadable::NoData)?;
    let (address, history_id) = data_members(&decode(&data)?)?;
    let id = [message.message_id, message.message_id_old].into_iter().flatten().find_map(text);
    let time = message.publish_time.or(message.publish_time_old).and_then(text);
    Ok(Push {
        address,
        history_id,
        source_message_id: source_id(id.as_deref(), body),
        publish_time: time.as_deref().and_then(instant),
        subscription: envelope.subscription.and_then(text),
        delivery_attempt: envelope.delivery_attempt.and_then(text).and_then(|number| number.parse().ok()),
    })
}

/// `noWrapper.writeMetadata`: the body is the data itself.
fn bare<'h>(body: &[u8], header: impl Fn(&str) -> Option<&'h str>) -> Result<Push, Unreadable> {
    let (address, history_id) = data_members(body)?;
    Ok(Push {
        address,
        history_id,
        source_message_id: source_id(header("x-goog-pubsub-message-id"), body),
        publish_time: header("x-goog-pubsub-publish-time").and_then(instant),
        subscription: header("x-goog-pubsub-subscription-name").map(str::to_owned),
        delivery_attempt: header("x-goog-pubsub-delivery-attempt").and_then(|number| number.parse().ok()),
    })
}

/// Reads a JSON object. serde would read a struct from an array as well.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

/// Standard or URL-safe, padded or not.
fn decode(data: &str) -> Result<Vec<u8>, Unreadable> {
    let alphabet = if data.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    GeneralPurpose::new(&alphabet, LENIENT).decode(data.trim()).map_err(|_malformed| Unreadable::Base64)
}

fn data_members(data: &[u8]) -> Result<(EmailAddress, HistoryId), Unreadable> {
    let data: Data = object(data).ok_or(Unreadable::Data)?;
    let address = data.address.and_then(text).ok_or(Unreadable::Address)?;
    let address = EmailAddress::parse(&address).map_err(|_malformed| Unreadable::Address)?;
    let address = EmailAddress::parse(&address.lookup_key()).map_err(|_malformed| Unreadable::Address)?;
    let history_id = data.history_id.and_then(text).and_then(|id| id.trim().parse().ok());
    Ok((address, history_id.ok_or(Unreadable::HistoryId)?))
}

/// A string, or a number as one.
fn text(value: serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc))
}

fn source_id(id: Option<&str>, body: &[u8]) -> String {
    let usable = |id: &&str| !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(|c| c.is_ascii_graphic());
    match id.map(str::trim).filter(usable) {
        Some(id) => id.to_owned(),
        None => {
            let hash = Sha256::digest(body);
            let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("body-{hex}")
        }
    }
}

#[cfg(test)]
#[path = "pubsub_tests.rs"]
mod tests;
