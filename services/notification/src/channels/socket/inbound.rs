//! The queue between a client and its session.
//!
//! socketioxide runs each handler as a task of its own, so two events of one client could overtake each other. Its
//! extractors, however, run in the order of arrival: they put the event into the session's queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, Event, TryData};
use socketioxide::handler::{FromMessageParts, Value};
use socketioxide::socket::Socket;
use tokio::sync::mpsc;

use super::protocol::problem::SocketProblem;
use super::protocol::request::{Request, parse};

/// An event of a client with the way to acknowledge it.
pub struct Incoming {
    pub request: Result<Request, SocketProblem>,
    pub ack: Option<AckSender>,
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
