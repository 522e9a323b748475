//! `/socket.io/`: chooses the replica and hands the request to the tunnel. No token is asked for here: the client's is in
//! the Socket.IO handshake, which notification verifies. So that strangers cannot ask or hold sockets without end, what
//! opens a session, or names one that is not known to exist, takes from a budget of its address, what belongs to a known
//! one from that session's, and an address has so many tunnels.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use postrider_web::{Problem, RequestContext};
use reqwest::Method;
use serde_json::json;

use super::{admit, refused};
use crate::error::Error;
use crate::limits::Payer;
use crate::observe;
use crate::proxy::Sender;
use crate::rules::client_address::household;
use crate::rules::sticky;
use crate::state::State;
use crate::tunnel::Replica;
use crate::tunnel::polling::{self, Poll};
use crate::tunnel::replicas::NoReplica;
use crate::tunnel::websocket::{self, Carrier};

/// A request of a Socket.IO client, and where it may go.
struct Session<'a> {
    request: &'a HttpRequest,
    context: &'a RequestContext,
    /// As the replica must see it.
    query: &'a str,
    /// A session is on one replica; a new one tries them in turn.
    replicas: Vec<Replica>,
}

/// Carries one request of a Socket.IO client.
pub async fn carry(
    request: HttpRequest,
    context: RequestContext,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    carry_by(&request, &context, payload, &state).await.map_err(|error| refused(&state, error))
}

async fn carry_by(
    request: &HttpRequest,
    context: &RequestContext,
    payload: Payload,
    state: &State,
) -> Result<HttpResponse, Error> {
    let given = request.uri().query().unwrap_or_default();
    match sticky::session(given).filter(|sid| state.sessions.knows(sid)) {
        Some(sid) => admit::poll(sid, request, state)?,
        None => admit::session(request, state)?,
    }
    let (query, tag) = sticky::untag(given);
    let upgrade = websocket::is_upgrade(request);
    let replicas = match state.replicas.for_session(tag.as_deref()).await {
        Ok(replicas) => replicas,
        Err(NoReplica::Gone) => return Ok(unknown_session()),
        Err(NoReplica::None) => return Err(Error::NoListener),
    };
    let session = Session { request, context, query: &query, replicas };
    if upgrade { tunnel(session, payload, state).await } else { poll(session, payload, state).await }
}

async fn tunnel(session: Session<'_>, payload: Payload, state: &State) -> Result<HttpResponse, Error> {
    let Session { request, context, query, replicas } = session;
    let address = household(admit::client(request, state));
    let mut payload = Some(payload);
    for replica in replicas {
        let open = state.metrics.open_tunnel(state.places.take(address)?);
        let (tasks, stay) = (&state.tasks, state.drain.stay());
        let carrier = Carrier { replica: &replica, query, stay, open, tasks };
        match websocket::open(request, context, carrier, &mut payload).await {
            Ok(response) => return Ok(response),
            Err(error) => observe::unreachable(&state.metrics, "socketio", "upgrade", &error),
        }
    }
    Err(Error::NoListener)
}

async fn poll(session: Session<'_>, mut payload: Payload, state: &State) -> Result<HttpResponse, Error> {
    let Session { request, context, query, replicas } = session;
    let holder = Payer::Session(household(admit::client(request, state)));
    let held = state.bodies.read(request, &mut payload, Sender::Stranger, holder).await?;
    // As it is: what a HEAD of a poll means is for the listener to say, and a GET would take packets away.
    let method = Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or(Method::GET);
    let (client, tag) = (admit::client(request, state), state.replicas.has_choice());
    let poll = Poll { request, method, context, client, body: held.bytes.clone(), query, tag };
    let mut last = Error::NoListener;
    for replica in replicas {
        match polling::ask(&state.proxy, &replica, &poll).await {
            Ok((response, opened)) => {
                let named = || sticky::session(request.uri().query()?).map(str::to_owned);
                match opened.or_else(named) {
                    Some(sid) if response.status().is_success() => state.sessions.note(sid),
                    // It ended: who goes on asking pays as for one that never was.
                    Some(sid) if response.status() == StatusCode::BAD_REQUEST => state.sessions.forget(&sid),
                    _ => {}
                }
                return Ok(response);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What Engine.IO itself says, so that clients open a new session.
fn unknown_session() -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"code": 1, "message": "Session ID unknown"}))
}
