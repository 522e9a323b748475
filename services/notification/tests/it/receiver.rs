//! Somebody's program that is told by webhooks, and answers what a test wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::any;
use serde_json::Value;

/// What it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    /// With this `Retry-After`.
    Later(u16, &'static str),
    Redirect(String),
    /// Never a byte.
    Hang,
    /// 200, and a body without an end.
    Endless,
}

/// What it was sent.
#[derive(Debug, Clone)]
pub struct Seen {
    pub headers: HeaderMap,
    /// As text, where it is any.
    pub body: String,
    pub bytes: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Debug, Clone, Default)]
struct Desk {
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
}

pub struct Receiver {
    pub url: String,
    desk: Desk,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// It accepts what no reply was given for.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let desk = Desk::default();
        let app = axum::Router::new().fallback(any(take)).with_state(desk.clone());
        #[expect(clippy::disallowed_methods, reason = "ended with the receiver")]
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, desk, serving }
    }

    /// Its next replies.
    pub fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.desk.script.lock().unwrap().extend(replies);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.desk.seen.lock().unwrap().clone()
    }

    /// Waits until it was sent that much.
    pub async fn sent(&self, count: usize) -> Vec<Seen> {
        postrider_testing::eventually(&format!("{count} webhooks"), crate::harness::SOON, || async {
            let seen = self.seen();
            (seen.len() >= count).then_some(seen)
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    let (bytes, body) = (body.clone(), String::from_utf8_lossy(&body).into_owned());
    desk.seen.lock().unwrap().push(Seen { headers, body, bytes });
    let reply = desk.script.lock().unwrap().pop_front().unwrap_or(Reply::Status(204));
    let answer = |status: u16| Response::builder().status(StatusCode::from_u16(status).unwrap());
    match reply {
        Reply::Status(status) => answer(status).body(Body::empty()).unwrap(),
        Reply::Later(status, after) => answer(status).header("retry-after", after).body(Body::empty()).unwrap(),
        Reply::Redirect(to) => answer(302).header("location", to).body(Body::empty()).unwrap(),
        Reply::Hang => std::future::pending().await,
        Reply::Endless => {
            let chunks =
                futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 65_536])));
            answer(200).body(Body::from_stream(chunks)).unwrap()
        }
    }
}
