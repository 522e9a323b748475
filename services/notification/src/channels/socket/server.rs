//! The Socket.IO listener: axum over our own connections, because socketioxide speaks tower and hyper only.

mod connection;
mod cors;
mod drain;
mod namespace;
pub(super) mod transports;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::IncomingStream;
use http::Method;
use http::header::UPGRADE;
use socketioxide::SocketIo;
use tokio::net::TcpListener;

use super::shared::Shared;
use crate::metrics::Metrics;
use connection::{Connection, ConnectionState};
use transports::Transports;
use upgrade::Upgrades;

/// Longest message a client may send, in bytes: ours are tiny.
const MAX_MESSAGE: usize = 64 * 1024;
/// Pause after a failed accept (out of files, most likely), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The listener with its namespace, bound and ready to run.
pub struct SocketServer {
    listener: TcpListener,
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl SocketServer {
    /// Binds; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(addr: SocketAddr, shared: Arc<Shared>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        Ok(Self { listener, addr, shared })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until the soft stop, then tells the sockets to come back elsewhere and lets them go.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self, shutdown: postrider_runtime::Shutdown) -> std::io::Result<()> {
        let Self { listener, shared, .. } = self;
        let settings = &shared.settings;
        let (layer, io) = SocketIo::builder()
            .req_path("/socket.io/")
            .ping_interval(settings.ping_interval)
            .ping_timeout(settings.ping_timeout)
            .ack_timeout(settings.acknowledge_within)
            .connect_timeout(settings.authenticate_within)
            .upgrade_timeout(settings.upgrade_within)
            .max_buffer_size(settings.buffer)
            .max_payload(u64::try_from(MAX_MESSAGE).unwrap_or(u64::MAX))
            .ws_max_message_size(MAX_MESSAGE)
            .ws_max_frame_size(MAX_MESSAGE)
            .build_layer();
        namespace::install(&io, &shared);
        let upgrades = Upgrades {
            tasks: shared.tasks.clone(),
            leaving: shared.sockets.leaving.clone(),
            within: settings.upgrade_within,
        };
        let router = Router::new()
            .layer(layer)
            .layer(from_fn_with_state((shared.sockets.transports.clone(), upgrades), note_transport))
            .layer(cors::layer(&settings.origins));
        let listener = Tuned {
            listener,
            send_buffer: settings.send_buffer,
            user_timeout: settings.slow_after * 2,
            metrics: shared.metrics.clone(),
        };
        let service = router.into_make_service_with_connect_info::<Carrier>();
        let stopped = drain::after_stop(shutdown.clone(), io, shared);
        tokio::select! {
            served = axum::serve(listener, service).with_graceful_shutdown(stopped) => served,
            () = shutdown.hard.cancelled() => Ok(()),
        }
    }
}

/// Which connection a request came over.
#[derive(Debug, Clone)]
pub struct Carrier(pub Arc<ConnectionState>);

impl Connected<IncomingStream<'_, Tuned>> for Carrier {
    fn connect_info(stream: IncomingStream<'_, Tuned>) -> Self {
        Self(stream.io().state())
    }
}

/// Notes what carries a session: the connection of an upgrade, or the polls that were answered.
async fn note_transport(
    State((transports, upgrades)): State<(Transports, Upgrades)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(sid) = session_id(request.uri().query()) else { return next.run(request).await };
    let transport = transports.of(&sid);
    if request.headers().contains_key(UPGRADE) {
        return upgrades.accept(transport, request, next).await;
    }
    let poll = request.method() == Method::GET;
    let response = next.run(request).await;
    if poll {
        transport.polled();
    }
    response
}

/// `sid` of an Engine.IO request; ids are short, anything longer is not one.
fn session_id(query: Option<&str>) -> Option<String> {
    query?
        .split('&')
        .filter_map(|pair| pair.strip_prefix("sid="))
        .find(|sid| !sid.is_empty() && sid.len() <= 64)
        .map(str::to_owned)
}

/// A TCP listener whose connections hold little and fail by the kernel's own timeout when a client takes nothing. Sessions
/// cut a connection earlier once their own buffers are full; this ends the others, and those that have no session.
pub struct Tuned {
    listener: TcpListener,
    send_buffer: usize,
    user_timeout: Duration,
    metrics: Arc<Metrics>,
}

impl axum::serve::Listener for Tuned {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, addr)) => {
                    let socket = socket2::SockRef::from(&stream);
                    let tuned = socket
                        .set_tcp_user_timeout(Some(self.user_timeout))
                        .and_then(|()| socket.set_send_buffer_size(self.send_buffer))
                        .and_then(|()| socket.set_tcp_nodelay(true));
                    if let Err(error) = tuned {
                        tracing::warn!(%error, "socket options were refused");
                    }
                    return (Connection::new(stream, self.metrics.clone()), addr);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_session_id() {
        assert_eq!(session_id(Some("EIO=4&transport=polling&sid=abc&t=1")).as_deref(), Some("abc"));
        for none in [None, Some(""), Some("EIO=4"), Some("sid="), Some("xsid=abc")] {
            assert_eq!(session_id(none), None);
        }
        assert_eq!(session_id(Some(&format!("sid={}", "a".repeat(65)))), None);
    }
}
