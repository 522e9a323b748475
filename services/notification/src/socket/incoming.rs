//! What clients send. Everything is parsed here; past here there is no raw JSON from outside.
//!
//! socketioxide runs each handler as a task of its own, so two events of one client could overtake each other. Its
//! extractors, however, run in the order of arrival: they put the event into the session's queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_domain::{ConnectorId, NotificationId};
use serde::Deserialize;
use serde_json::Value as Json;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, Event, TryData};
use socketioxide::handler::{FromMessageParts, Value};
use socketioxide::socket::Socket;
use tokio::sync::mpsc;

use super::event_id::EventId;
use super::problem::SocketProblem;

/// Longest text a client may have echoed by `pong`, in bytes.
const MAX_ECHO: usize = 64;

/// An event of a client with the way to acknowledge it.
pub struct Incoming {
    pub request: Result<Request, SocketProblem>,
    pub ack: Option<AckSender>,
}

/// A well-formed request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Authenticate(Credentials),
    Subscribe { room: String, resume: Option<Resume> },
    Unsubscribe { room: String },
    Read(NotificationId),
    Archive(NotificationId),
    Ping { timestamp: Json },
}

/// Where a client wants to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    At(EventId),
    /// An id that is not one of ours: nothing can be resumed from it.
    Unknown,
}

impl Resume {
    fn parse(text: &str) -> Self {
        text.parse().map_or(Self::Unknown, Self::At)
    }
}

/// Token and what a client says about itself; the token alone counts, the rest must agree with it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    pub token: String,
    #[serde(default)]
    pub user_id: Option<String>,
    #[serde(default)]
    pub tenant_id: Option<String>,
    #[serde(default)]
    pub account_id: Option<String>,
}

/// Tokens are never shown.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// The account as an id, if one was given.
    pub fn account(&self) -> Result<Option<ConnectorId>, SocketProblem> {
        match self.account_id.as_deref() {
            None | Some("") => Ok(None),
            Some(id) => id.parse().map(Some).map_err(|_| SocketProblem::IDENTITY_MISMATCH),
        }
    }
}

/// `auth` of the handshake: `{token, lastEventId?}` and the members of `authenticate`. Clients may send more.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    pub credentials: Option<Credentials>,
    pub resume: Option<Resume>,
}

impl Handshake {
    /// Reads it. Anything but an object with a token counts as "no token yet": `authenticate` may still bring one.
    pub fn parse(auth: &Json) -> Result<Self, SocketProblem> {
        let resume = resume(auth)?;
        // A client that waits for batches to acknowledge would not notice that it gets none: it is told.
        if auth.get("replay").is_some_and(|replay| !replay.is_null()) {
            return Err(SocketProblem::REPLAY_UNSUPPORTED);
        }
        let credentials = match auth.get("token") {
            None | Some(Json::Null) => None,
            Some(_) => Some(serde_json::from_value(auth.clone()).map_err(|_| SocketProblem::INVALID_PAYLOAD)?),
        };
        Ok(Self { credentials, resume })
    }
}

fn resume(data: &Json) -> Result<Option<Resume>, SocketProblem> {
    match data.get("lastEventId") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(id)) => Ok(Some(Resume::parse(id))),
        Some(_) => Err(SocketProblem::INVALID_PAYLOAD),
    }
}

fn text(data: &Json, name: &str) -> Result<String, SocketProblem> {
    data.get(name).and_then(Json::as_str).map(str::to_owned).ok_or(SocketProblem::INVALID_PAYLOAD)
}

fn notification(data: &Json) -> Result<NotificationId, SocketProblem> {
    text(data, "notificationId")?.parse().map_err(|_| SocketProblem::NOT_FOUND)
}

/// Reads an event by its name.
pub fn parse(event: &str, data: &Json) -> Result<Request, SocketProblem> {
    match event {
        "authenticate" => {
            serde_json::from_value(data.clone()).map(Request::Authenticate).map_err(|_| SocketProblem::INVALID_PAYLOAD)
        }
        "subscribe" => Ok(Request::Subscribe { room: text(data, "room")?, resume: resume(data)? }),
        "unsubscribe" => Ok(Request::Unsubscribe { room: text(data, "room")? }),
        "notification:read" => notification(data).map(Request::Read),
        "notification:archive" => notification(data).map(Request::Archive),
        "ping" => match data.get("timestamp") {
            Some(timestamp @ Json::Number(_)) => Ok(Request::Ping { timestamp: timestamp.clone() }),
            Some(Json::String(text)) if text.len() <= MAX_ECHO => Ok(Request::Ping { timestamp: text.clone().into() }),
            None | Some(Json::Null) => Ok(Request::Ping { timestamp: Json::Null }),
            Some(_) => Err(SocketProblem::INVALID_PAYLOAD),
        },
        _ => Err(SocketProblem::UNKNOWN_EVENT),
    }
}

/// The session's queue, kept with the socket.
#[derive(Clone)]
pub struct Inbound {
    queue: mpsc::Sender<Incoming>,
    flooded: Arc<AtomicBool>,
}

impl Inbound {
    pub fn new(queue: mpsc::Sender<Incoming>) -> Self {
        Self { queue, flooded: Arc::default() }
    }

    /// Whether the client sent more than its queue holds; such a socket is cut.
    pub fn is_flooded(&self) -> bool {
        self.flooded.load(Ordering::SeqCst)
    }
}

/// Puts each event into the session's queue as it arrives.
pub struct Queued;

impl<A: Adapter> FromMessageParts<A> for Queued
where
    AckSender: FromMessageParts<A>,
{
    type Error = Infallible;

    fn from_message_parts(socket: &Arc<Socket<A>>, value: &mut Value, ack: &Option<i64>) -> Result<Self, Infallible> {
        let Some(inbound) = socket.extensions.get::<Inbound>() else { return Ok(Self) };
        let request = match Event::from_message_parts(socket, value, ack) {
            Err(_malformed) => Err(SocketProblem::INVALID_PAYLOAD),
            Ok(Event(name)) => match TryData::<Json>::from_message_parts(socket, value, ack) {
                Ok(TryData(Ok(data))) => parse(&name, &data),
                Ok(TryData(Err(_malformed))) => Err(SocketProblem::INVALID_PAYLOAD),
            },
        };
        let ack = match ack {
            Some(_) => AckSender::from_message_parts(socket, value, ack).ok(),
            None => None,
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = inbound.queue.try_send(Incoming { request, ack }) {
            inbound.flooded.store(true, Ordering::SeqCst);
        }
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hostile_data_is_refused_by_name() {
        for event in ["authenticate", "subscribe", "unsubscribe", "notification:read", "notification:archive"] {
            for data in [json!(null), json!([]), json!(7), json!("x"), json!({}), json!({"room": 7, "token": []})] {
                assert!(parse(event, &data).is_err(), "{event} {data}");
            }
        }
        assert_eq!(parse("drop", &json!({})), Err(SocketProblem::UNKNOWN_EVENT));
        assert_eq!(parse("notification:read", &json!({"notificationId": "x"})), Err(SocketProblem::NOT_FOUND));
        assert!(parse("ping", &json!({"timestamp": {"a": 1}})).is_err());
        assert!(parse("ping", &json!({"timestamp": "x".repeat(65)})).is_err());
        assert!(parse("subscribe", &json!({"room": "r", "lastEventId": 7})).is_err());
    }

    #[test]
    fn an_unknown_event_id_is_kept_as_such() {
        let Ok(Request::Subscribe { resume, .. }) = parse("subscribe", &json!({"room": "r", "lastEventId": "42"}))
        else {
            panic!("a subscription");
        };
        assert_eq!(resume, Some(Resume::Unknown));
    }

    #[test]
    fn a_handshake_may_come_without_a_token_but_not_with_a_broken_one() {
        assert!(Handshake::parse(&json!({})).unwrap().credentials.is_none());
        assert!(Handshake::parse(&json!(null)).unwrap().credentials.is_none());
        assert!(Handshake::parse(&json!({"token": 7})).is_err());
        let more = json!({"token": "t", "userId": "u", "replay": null, "theirs": 1});
        assert_eq!(Handshake::parse(&more).unwrap().credentials.unwrap().user_id.as_deref(), Some("u"));
        for replay in [json!("batch"), json!(""), json!(true)] {
            let asked = Handshake::parse(&json!({"token": "t", "replay": replay}));
            assert_eq!(asked.unwrap_err(), SocketProblem::REPLAY_UNSUPPORTED);
        }
    }
}
