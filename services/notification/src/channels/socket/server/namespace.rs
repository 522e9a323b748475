//! The namespace `/`: what happens when a socket connects, speaks and goes.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use parking_lot::Mutex;
use serde_json::Value;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{SocketIo, TransportType};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Carrier;
use crate::channels::socket::inbound::{Inbound, Incoming, Queued};
use crate::channels::socket::protocol::handshake::Handshake;
use crate::channels::socket::protocol::problem::SocketProblem;
use crate::channels::socket::session::Session;
use crate::channels::socket::shared::Shared;

/// Events of one client waiting to be looked at.
const MAX_INBOUND: usize = 256;

/// What the first step leaves for the second.
#[derive(Clone)]
struct Prepared {
    /// The socket has ended.
    gone: CancellationToken,
    inbound: Arc<Mutex<Option<mpsc::Receiver<Incoming>>>>,
}

/// Sets the namespace up.
pub fn install(io: &SocketIo, shared: &Arc<Shared>) {
    let shared = shared.clone();
    let connected = async move |socket: SocketRef, auth: TryData<Value>| connected(socket, auth, &shared);
    // Infallible for the adapter of a single process: there is nothing to initialise.
    io.ns("/", connected.with(prepare));
}

/// Runs before the client hears that it is connected: what it sends next must find its handlers.
async fn prepare(socket: SocketRef) -> Result<(), std::convert::Infallible> {
    let (sender, inbound) = mpsc::channel(MAX_INBOUND);
    let gone = CancellationToken::new();
    socket.extensions.insert(Inbound::new(sender));
    socket.on_fallback(async |_queued: Queued| {});
    let ended = gone.clone();
    socket.on_disconnect(async move || ended.cancel());
    socket.extensions.insert(Prepared { gone, inbound: Arc::new(Mutex::new(Some(inbound))) });
    Ok(())
}

/// Starts the session's task.
fn connected(socket: SocketRef, TryData(auth): TryData<Value>, shared: &Arc<Shared>) {
    let Some(prepared) = socket.extensions.get::<Prepared>() else { return };
    let Some(inbound) = prepared.inbound.lock().take() else { return };
    let transport = shared.sockets.transports.of(&socket.id.to_string());
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
    let session = Session::new(shared.clone(), socket, transport, prepared.gone);
    drop(shared.tasks.spawn("socket.session", session.run(handshake, inbound)));
}
