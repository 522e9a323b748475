//! Websocket upgrades: the replica answers 101, from then on the two connections are one.
//!
//! actix hands the bytes after the request head out as the request's payload, and sends the body of a 101 answer as raw
//! bytes: together they are the client's connection. The replica's side is a plain HTTP/1.1 connection of its own.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use postrider_web::RequestContext;
use tokio::io::split;
use tokio_util::sync::CancellationToken;

use super::pump;
use super::replicas::Replica;
use super::socket;
use crate::drain::Stay;
use crate::metrics::OpenTunnel;
use crate::rules::headers;

/// How long a replica may take to answer the upgrade.
const ANSWER: Duration = Duration::from_secs(10);
/// hyper's buffer for the head of the answer.
const HEAD: usize = 64 * 1024;
/// Longest refusal that is passed on.
const REFUSAL: usize = 64 * 1024;

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    #[error("the Socket.IO listener is not reachable: {0}")]
    Connect(#[source] std::io::Error),
    #[error("the Socket.IO listener did not answer the upgrade: {0}")]
    Answer(#[source] hyper::Error),
    #[error("the Socket.IO listener did not answer the upgrade in time")]
    Late,
    #[error("the request cannot be passed on: {0}")]
    Request(#[source] http::Error),
}

/// What a tunnel needs besides the request.
pub struct Carrier<'a> {
    pub replica: &'a Replica,
    /// The query as the replica must see it.
    pub query: &'a str,
    /// Ends the tunnel when the gateway stops and it is its turn.
    pub stay: Stay,
    pub open: OpenTunnel,
    pub tasks: &'a postrider_runtime::Tasks,
}

/// True when the client asks for a websocket.
pub fn is_upgrade(request: &HttpRequest) -> bool {
    let upgrade = request.headers().get("upgrade").and_then(|value| value.to_str().ok()).unwrap_or_default();
    request.method() == actix_web::http::Method::GET && upgrade.eq_ignore_ascii_case("websocket")
}

/// Opens the replica's side and returns what it says: 101 and the tunnel, or its refusal.
///
/// # Errors
/// The replica cannot be asked. Nothing was taken from the client's payload then: another replica may be tried.
pub async fn open(
    request: &HttpRequest,
    context: &RequestContext,
    carrier: Carrier<'_>,
    payload: &mut Option<Payload>,
) -> Result<HttpResponse, TunnelError> {
    let stream = socket::connect(carrier.replica).await.map_err(TunnelError::Connect)?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await.map_err(TunnelError::Answer)?;
    // Drives the connection until it is upgraded or refused.
    let _driven = carrier.tasks.spawn("tunnel.handshake", async move {
        let _broken_is_seen_by_the_sender = connection.with_upgrades().await;
    });
    let head = head(request, context, &carrier).map_err(TunnelError::Request)?;
    let answer = tokio::time::timeout(ANSWER, sender.send_request(head)).await;
    let mut answer = answer.map_err(|_elapsed| TunnelError::Late)?.map_err(TunnelError::Answer)?;
    if answer.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        return refusal(answer).await;
    }
    let upgraded = hyper::upgrade::on(&mut answer).await.map_err(TunnelError::Answer)?;
    let (from, to) = split(TokioIo::new(upgraded));
    let done = CancellationToken::new();
    if let Some(payload) = payload.take() {
        // On this worker's own thread: the payload cannot leave it. Ends with the answer's body.
        drop(actix_web::rt::spawn(pump::up(payload, to, done.clone())));
    }
    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    response.upgrade("websocket");
    for (name, value) in answer.headers() {
        if name.as_str().starts_with("sec-websocket-")
            && let Ok(value) = value.to_str()
        {
            response.insert_header((name.as_str(), value));
        }
    }
    Ok(response.streaming(pump::down(from, carrier.stay, done, carrier.open)))
}

fn head(
    request: &HttpRequest,
    context: &RequestContext,
    carrier: &Carrier<'_>,
) -> Result<http::Request<Empty<Bytes>>, http::Error> {
    let Carrier { replica, query, .. } = carrier;
    let mut head = http::Request::get(format!("/socket.io/?{query}"))
        .header("host", format!("{}:{}", replica.host, replica.port))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("x-request-id", &context.request_id)
        .header("traceparent", context.trace.to_string());
    for (name, value) in request.headers() {
        if headers::passes_in(name.as_str(), "") {
            head = head.header(name.as_str(), value.as_bytes());
        }
    }
    head.body(Empty::new())
}

/// The replica does not want the socket: its own words, bounded.
async fn refusal(answer: http::Response<hyper::body::Incoming>) -> Result<HttpResponse, TunnelError> {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body =
        Limited::new(answer.into_body(), REFUSAL).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    if let Some(kind) = kind {
        response.content_type(kind);
    }
    Ok(response.body(body))
}
