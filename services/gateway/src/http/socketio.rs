//! `/socket.io/`: chooses the replica and hands the request to the tunnel. No token is asked for here: the client's is in
//! the Socket.IO handshake, which notification verifies. So that strangers cannot hold sockets without end, new sessions
//! and upgrades take from a budget of their address, and an address has so many tunnels.

use actix_web::HttpResponse;
use actix_web::web::Payload;
use reqwest::Method;
use serde_json::json;

use super::admit;
use super::entry::Asked;
use super::stamp::Stamp;
use crate::error::Error;
use crate::observe;
use crate::routes::Access;
use crate::rules::client_address::household;
use crate::rules::sticky;
use crate::state::State;
use crate::tunnel::Replica;
use crate::tunnel::polling::{self, Poll};
use crate::tunnel::replicas::NoReplica;
use crate::tunnel::websocket::{self, Carrier};

/// Carries one request of a Socket.IO client.
///
/// # Errors
/// The address asks too often or holds too many tunnels; no listener answers.
pub async fn carry(
    asked: &Asked<'_>,
    payload: Payload,
    state: &State,
    stamp: &mut Stamp,
) -> Result<HttpResponse, Error> {
    let request = asked.request;
    let (query, tag) = sticky::untag(request.uri().query().unwrap_or_default());
    let upgrade = websocket::is_upgrade(request);
    if upgrade || sticky::opens(&query) {
        admit::session(asked.client, state, stamp)?;
    }
    let replicas = match state.replicas.for_session(tag.as_deref()) {
        Ok(replicas) => replicas,
        Err(NoReplica::Gone) => return Ok(unknown_session()),
        Err(NoReplica::None) => return Err(Error::NoListener),
    };
    // A session of ours is on one replica only; an untagged one too, but it can only be on the only one there is.
    if upgrade {
        tunnel(asked, payload, state, (replicas, &query)).await
    } else {
        poll(asked, payload, state, (replicas, &query)).await
    }
}

async fn tunnel(
    asked: &Asked<'_>,
    payload: Payload,
    state: &State,
    (replicas, query): (Vec<&Replica>, &str),
) -> Result<HttpResponse, Error> {
    let mut payload = Some(payload);
    for replica in replicas {
        let open = state.metrics.open_tunnel(state.places.take(household(asked.client))?);
        let (tasks, stop) = (&state.tasks, state.shutdown.soft.clone());
        let carrier = Carrier { replica, query, stop, open, tasks };
        match websocket::open(asked.request, asked.context, carrier, &mut payload).await {
            Ok(response) => return Ok(response),
            Err(error) => observe::unreachable(&state.metrics, "socketio", "upgrade", &error),
        }
    }
    Err(Error::NoListener)
}

async fn poll(
    asked: &Asked<'_>,
    mut payload: Payload,
    state: &State,
    (replicas, query): (Vec<&Replica>, &str),
) -> Result<HttpResponse, Error> {
    let Asked { request, context, client } = *asked;
    let body = state.bodies.read(request, &mut payload, Access::Open).await?;
    // As it is: what a HEAD of a poll means is for the listener to say, and a GET would take packets away.
    let method = Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or(Method::GET);
    let tag = state.replicas.has_choice();
    let poll = Poll { request, method, context, client, body: body.bytes.clone(), query, tag };
    let mut last = Error::NoListener;
    for replica in replicas {
        match polling::ask(&state.proxy, replica, &poll).await {
            Ok(response) => return Ok(response),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What Engine.IO itself says, so that clients open a new session.
fn unknown_session() -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"code": 1, "message": "Session ID unknown"}))
}
