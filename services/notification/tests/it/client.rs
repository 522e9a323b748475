//! A small Socket.IO client (Engine.IO 4, Socket.IO 5, websocket only) that shows every packet it gets.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::SOON;

pub type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Quiet time after which nothing more is expected.
const QUIET: Duration = Duration::from_millis(400);

pub struct Socket {
    sink: SplitSink<Ws, Message>,
    stream: SplitStream<Ws>,
    /// Events read while waiting for something else.
    kept: VecDeque<(String, Value)>,
    acks: i64,
    /// What the server waits to be acknowledged.
    asked: VecDeque<i64>,
    pub closed: bool,
}

enum Packet {
    Event(String, Value),
    Ack(i64, Value),
    Other,
    Closed,
}

impl Socket {
    /// Opens the connection and joins the namespace `/`.
    pub async fn connect(addr: &str, auth: &Value) -> Self {
        let mut socket = Self::open(addr).await;
        socket.raw(&format!("40{auth}")).await;
        socket.joined().await;
        socket
    }

    /// Waits until the server has let it into the namespace: before that nothing else may be sent.
    async fn joined(&mut self) {
        loop {
            match tokio::time::timeout(SOON, self.stream.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) if text.as_str().starts_with("40") => return,
                // The first ping may come before that answer.
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.raw("3").await,
                Some(Ok(_)) => {}
                ended => panic!("no answer to the connection: {ended:?}"),
            }
        }
    }

    /// The same with another namespace.
    pub async fn connect_to(addr: &str, namespace: &str, auth: &Value) -> Self {
        let mut socket = Self::open(addr).await;
        socket.raw(&format!("40{namespace},{auth}")).await;
        socket
    }

    async fn open(addr: &str) -> Self {
        let url = format!("ws://{addr}/socket.io/?EIO=4&transport=websocket");
        let (ws, _) = connect_async(url).await.unwrap();
        let (sink, stream) = ws.split();
        Self { sink, stream, kept: VecDeque::new(), acks: 0, asked: VecDeque::new(), closed: false }
    }

    /// The next frame as it came; None once the connection is closed.
    pub async fn text(&mut self) -> Option<String> {
        match tokio::time::timeout(SOON, self.stream.next()).await.expect("a frame or the end") {
            Some(Ok(Message::Text(text))) => Some(text.as_str().to_owned()),
            Some(Ok(other)) if !other.is_close() => panic!("an odd frame: {other:?}"),
            _closed => None,
        }
    }

    pub async fn raw(&mut self, text: &str) {
        self.sink.send(Message::text(text)).await.unwrap();
    }

    /// Emits on a connection that may be gone.
    pub async fn try_emit(&mut self, event: &str, data: &Value) -> Result<(), String> {
        let text = format!("42{}", json!([event, data]));
        self.sink.send(Message::text(text)).await.map_err(|error| error.to_string())
    }

    pub async fn emit(&mut self, event: &str, data: &Value) {
        self.raw(&format!("42{}", json!([event, data]))).await;
    }

    /// Emits and waits for the acknowledgement.
    pub async fn ask(&mut self, event: &str, data: &Value) -> Value {
        self.acks += 1;
        let id = self.acks;
        self.raw(&format!("42{id}{}", json!([event, data]))).await;
        loop {
            match self.packet(SOON).await {
                Packet::Ack(of, answer) if of == id => return answer[0].clone(),
                Packet::Event(name, data) => self.kept.push_back((name, data)),
                Packet::Closed => panic!("closed while waiting for the acknowledgement of {event}"),
                Packet::Ack(..) | Packet::Other => {}
            }
        }
    }

    /// Acknowledges what the server waits for.
    pub async fn acknowledge(&mut self) {
        let id = self.asked.pop_front().expect("nothing is to be acknowledged");
        self.raw(&format!("43{id}[]")).await;
    }

    pub async fn subscribe(&mut self, room: &str) {
        assert_eq!(self.ask("subscribe", &json!({ "room": room })).await["ok"], true);
    }

    async fn packet(&mut self, within: Duration) -> Packet {
        let Ok(message) = tokio::time::timeout(within, self.stream.next()).await else { return Packet::Other };
        let Some(Ok(Message::Text(text))) = message else {
            self.closed = true;
            return Packet::Closed;
        };
        let text = text.as_str();
        if text == "2" {
            let _closing = self.sink.send(Message::text("3")).await;
        }
        if text == "41" || text == "1" {
            self.closed = true;
            return Packet::Closed;
        }
        if let Some(rest) = text.strip_prefix("42") {
            let (id, rest) = rest.split_at(rest.find('[').unwrap());
            self.asked.extend(id.parse::<i64>());
            let event: Vec<Value> = serde_json::from_str(rest).unwrap();
            return Packet::Event(event[0].as_str().unwrap().to_owned(), event.get(1).cloned().unwrap_or_default());
        }
        if let Some(rest) = text.strip_prefix("43") {
            let (id, answer) = rest.split_once('[').unwrap();
            return Packet::Ack(id.parse().unwrap(), serde_json::from_str(&format!("[{answer}")).unwrap());
        }
        Packet::Other
    }

    /// The next event of any name, or nothing for a while.
    pub async fn next(&mut self, within: Duration) -> Option<(String, Value)> {
        if let Some(event) = self.kept.pop_front() {
            return Some(event);
        }
        let end = tokio::time::Instant::now() + within;
        while tokio::time::Instant::now() < end && !self.closed {
            let left = end - tokio::time::Instant::now();
            if let Packet::Event(name, data) = self.packet(left).await {
                return Some((name, data));
            }
        }
        None
    }

    /// The next event of that name; others before it are dropped.
    pub async fn expect(&mut self, name: &str) -> Value {
        let end = tokio::time::Instant::now() + SOON;
        while tokio::time::Instant::now() < end {
            match self.next(SOON).await {
                Some((got, data)) if got == name => return data,
                Some(_) => {}
                None => break,
            }
        }
        panic!("waited in vain for {name}; closed: {}", self.closed);
    }

    /// The next events of that name.
    pub async fn expect_many(&mut self, name: &str, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.expect(name).await);
        }
        events
    }

    /// Everything that still comes until it is quiet.
    pub async fn rest(&mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next(QUIET).await {
            events.push(event);
        }
        events
    }

    /// Nothing comes but unread counts.
    pub async fn expect_silence(&mut self) {
        let rest = self.rest().await;
        let told: Vec<_> = rest.iter().filter(|(name, _)| name != "notification:unread_count").collect();
        assert!(told.is_empty(), "{told:?}");
    }

    /// Waits until the server has closed the socket.
    pub async fn expect_closed(&mut self) {
        let end = tokio::time::Instant::now() + SOON;
        while !self.closed {
            self.packet(SOON).await;
            assert!(self.closed || tokio::time::Instant::now() < end, "still open");
        }
    }

    /// Says good-bye properly.
    pub async fn disconnect(mut self) {
        self.raw("41").await;
        let _closing = self.sink.close().await;
    }
}
