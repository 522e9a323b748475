//! A polling session's move to websocket: only once frames are known to pass, in both directions.
//!
//! engineioxide takes a session over as soon as the websocket is accepted: from then on its polls are answered empty,
//! and if the client's first frames do not come the session is closed. Behind a box that lets the 101 through and
//! swallows what follows, a client with the default transports would lose its session again and again. So the websocket
//! is accepted here, asked for a sign of life, and handed on when the answer and the client's first frame have come;
//! meanwhile, and if they never come, the session goes on polling.
//!
//! What is handed on is a request over the same bytes: hyper alone can make the upgrade that engineioxide waits for, so
//! a hyper connection of its own reads a request's head of ours before them, and its answer, which the client has
//! already, is dropped.

mod frames;
mod spliced;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use postrider_runtime::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;

use super::Carrier;
use super::transports::Transport;
use frames::{PING, Proof};
use spliced::Spliced;

/// Most bytes a client may send before it has answered: its first frame and little else.
const MOST: usize = 1_024;

/// Why a session stays with polling.
#[derive(Debug, thiserror::Error)]
enum NoUpgrade {
    #[error("nothing came in time")]
    Silent,
    #[error("the connection ended")]
    Ended,
    #[error("what came is no beginning of an upgrade")]
    Odd,
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

/// Accepts websockets of sessions that poll.
#[derive(Clone)]
pub struct Upgrades {
    pub tasks: Tasks,
    pub leaving: CancellationToken,
    /// How long frames may take to pass.
    pub within: Duration,
}

impl Upgrades {
    /// Accepts the websocket and hands it on when frames pass. A request that is no websocket's is left to the layers
    /// below, which refuse it.
    pub async fn accept(&self, transport: Arc<Transport>, mut request: Request, next: Next) -> Response {
        let Some(answer) = accepted(request.method(), request.headers()) else { return next.run(request).await };
        let upgrade = hyper::upgrade::on(&mut request);
        let Self { leaving, within, .. } = self.clone();
        drop(self.tasks.spawn("socket.upgrade", async move {
            let proved = async {
                let proved = tokio::time::timeout(within, prove(upgrade)).await;
                proved.unwrap_or(Err(NoUpgrade::Silent))
            };
            let moved = tokio::select! {
                () = leaving.cancelled() => return,
                proved = proved => match proved {
                    Ok((connection, begun)) => hand_on(connection, begun, transport, request, next).await,
                    Err(why) => Err(why),
                },
            };
            if let Err(why) = moved {
                tracing::debug!(%why, "a session stays with polling: {why}");
            }
        }));
        answer
    }
}

/// The answer that opens a websocket, if this is a request for one.
fn accepted(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| *method == Method::GET)?;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?;
    answer.headers_mut().extend([
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ]);
    Some(answer)
}

/// Waits until a ping was answered and the client's first frame is there. Returns what came, without the answer.
async fn prove(upgrade: OnUpgrade) -> Result<(TokioIo<Upgraded>, Bytes), NoUpgrade> {
    let mut connection = TokioIo::new(upgrade.await?);
    connection.write_all(&PING).await?;
    connection.flush().await?;
    let mut came = Vec::new();
    loop {
        match Proof::of(&came) {
            Proof::Given(begun) => return Ok((connection, begun.into())),
            Proof::Missing if came.len() < MOST => {}
            Proof::Missing | Proof::Never => return Err(NoUpgrade::Odd),
        }
        if connection.read_buf(&mut came).await? == 0 {
            return Err(NoUpgrade::Ended);
        }
    }
}

/// Gives engineioxide the request again, over the same connection.
async fn hand_on(
    connection: TokioIo<Upgraded>,
    begun: Bytes,
    transport: Arc<Transport>,
    request: Request,
    next: Next,
) -> Result<(), NoUpgrade> {
    if let Some(ConnectInfo(Carrier(carrier))) = request.extensions().get::<ConnectInfo<Carrier>>() {
        transport.upgraded(carrier);
    }
    let waiting = Mutex::new(Some((request, next)));
    let service = service_fn(move |mut inner: Request<hyper::body::Incoming>| {
        let upgrade = inner.extensions_mut().remove::<OnUpgrade>();
        let waiting = waiting.lock().take();
        async move {
            let (Some(upgrade), Some((mut request, next))) = (upgrade, waiting) else {
                return Ok::<_, Infallible>(Response::new(Body::empty()));
            };
            request.extensions_mut().insert(upgrade);
            Ok(next.run(request).await)
        }
    });
    let spliced = TokioIo::new(Spliced::new(connection, begun));
    Ok(hyper::server::conn::http1::Builder::new().serve_connection(spliced, service).with_upgrades().await?)
}
