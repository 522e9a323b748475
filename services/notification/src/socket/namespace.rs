//! The namespace `/`: what happens when a socket connects, speaks and goes.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use serde_json::Value;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{SocketIo, TransportType};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::incoming::{Handshake, Inbound, Incoming, Queued};
use super::listener::Carrier;
use super::problem::SocketProblem;
use super::session::{Hosts, Session};

/// Events of one client waiting to be looked at.
const MAX_INBOUND: usize = 256;

/// Told when a socket has ended.
#[derive(Debug, Clone, Default)]
pub struct Closing {
    pub gone: CancellationToken,
}

/// What the first step leaves for the second.
#[derive(Clone)]
struct Prepared {
    closing: Closing,
    inbound: Arc<std::sync::Mutex<Option<mpsc::Receiver<Incoming>>>>,
}

/// Sets the namespace up.
pub fn install(io: &SocketIo, hosts: &Arc<Hosts>) {
    let hosts = hosts.clone();
    let connected = async move |socket: SocketRef, auth: TryData<Value>| connected(socket, auth, &hosts);
    // Infallible for the adapter of a single process: there is nothing to initialise.
    io.ns("/", connected.with(prepare));
}

/// Runs before the client hears that it is connected: what it sends next must find its handlers.
async fn prepare(socket: SocketRef) -> Result<(), std::convert::Infallible> {
    let (sender, inbound) = mpsc::channel(MAX_INBOUND);
    let closing = Closing::default();
    socket.extensions.insert(Inbound::new(sender));
    socket.on_fallback(async |_queued: Queued| {});
    let ending = closing.clone();
    socket.on_disconnect(async move || ending.gone.cancel());
    socket.extensions.insert(Prepared { closing, inbound: Arc::new(std::sync::Mutex::new(Some(inbound))) });
    Ok(())
}

/// Starts the session's task.
fn connected(socket: SocketRef, TryData(auth): TryData<Value>, hosts: &Arc<Hosts>) {
    let Some(prepared) = socket.extensions.get::<Prepared>() else { return };
    let inbound = prepared.inbound.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let Some(inbound) = inbound else { return };
    let transport = hosts.transports.of(&socket.id.to_string());
    // A socket that began as a websocket is carried by the connection of its first request.
    let carrier = socket.req_parts().extensions.get::<ConnectInfo<Carrier>>();
    if socket.transport_type() == TransportType::Websocket
        && transport.websocket().is_none()
        && let Some(ConnectInfo(Carrier(connection))) = carrier
    {
        transport.upgraded(connection);
    }
    let handshake = match auth {
        Ok(auth) => Handshake::parse(&auth),
        Err(_malformed) => Err(SocketProblem::INVALID_PAYLOAD),
    };
    let session = Session::new(hosts.clone(), socket, transport, prepared.closing);
    drop(hosts.tasks.spawn("socket", session.run(handshake, inbound)));
}
