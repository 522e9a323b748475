//! `/socket.io/`: chooses the replica and hands the request to the tunnel. No token is asked for here and no budget
//! taken: the client's token is in the Socket.IO handshake, which notification verifies and limits.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::time::Duration;
use web::{Problem, RequestContext};

use crate::proxy::read;
use crate::rules::sticky;
use crate::state::State;
use crate::tunnel::polling::{self, Poll};
use crate::tunnel::replicas::NoReplica;
use crate::tunnel::websocket::{self, Carrier};

/// Most tunnels of one gateway process: each holds two sockets and their buffers.
const MOST: i64 = 20_000;
/// When to try again.
const RETRY: Duration = Duration::from_secs(2);

/// Carries one request of a Socket.IO client.
///
/// # Errors
/// 503 when no listener answers.
pub async fn carry(
    request: &HttpRequest,
    context: &RequestContext,
    mut payload: Payload,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let (query, tag) = sticky::untag(request.uri().query().unwrap_or_default());
    let replicas = match state.replicas.for_session(tag.as_deref()) {
        Ok(replicas) => replicas,
        Err(NoReplica::Gone) => return Ok(unknown_session()),
        Err(NoReplica::None) => return Err(unavailable()),
    };
    // A session of ours is on one replica only; an untagged one too, but it can only be on the only one there is.
    if websocket::is_upgrade(request) {
        if state.metrics.tunnels.get() >= MOST {
            state.metrics.refused.with_label_values(&["tunnels"]).inc();
            return Err(unavailable());
        }
        let mut payload = Some(payload);
        for replica in replicas {
            let open = state.metrics.open_tunnel();
            let (tasks, stop) = (&state.tasks, state.shutdown.soft.clone());
            let carrier = Carrier { replica, query: &query, stop, open, tasks };
            match websocket::open(request, context, carrier, &mut payload).await {
                Ok(response) => return Ok(response),
                Err(error) => unreachable_replica(state, &error),
            }
        }
        return Err(unavailable());
    }
    let body = read(&mut payload).await?;
    let poll = Poll { request, context, body, query: &query, tag: state.replicas.has_choice() };
    let mut last = unavailable();
    for replica in replicas {
        match polling::ask(&state.proxy, replica, &poll).await {
            Ok(response) => return Ok(response),
            Err(problem) => last = problem,
        }
    }
    Err(last)
}

fn unreachable_replica(state: &State, error: &dyn std::fmt::Display) {
    state.metrics.unreachable.with_label_values(&["socketio", "upgrade"]).inc();
    tracing::warn!(error = %error, "no tunnel to the Socket.IO listener");
}

fn unavailable() -> Problem {
    Problem::unavailable("service_unavailable", RETRY, "The Socket.IO listener does not answer at the moment.")
}

/// What Engine.IO itself says, so that clients open a new session.
fn unknown_session() -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"code": 1, "message": "Session ID unknown"}))
}
