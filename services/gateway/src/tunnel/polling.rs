//! Engine.IO polling: plain requests, kept on the replica that made the session (see `rules::sticky`).

use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use url::Url;
use web::{Problem, RequestContext};

use super::replicas::Replica;
use crate::proxy::{Outgoing, Proxy, Target, pass, pass_changed};
use crate::rules::sticky;

/// One polling request.
pub struct Poll<'a> {
    pub request: &'a HttpRequest,
    pub context: &'a RequestContext,
    pub body: Bytes,
    /// The query as the replica must see it.
    pub query: &'a str,
    /// Put the replica's tag into the session id of the answer.
    pub tag: bool,
}

/// Asks one replica.
///
/// # Errors
/// 503 when it does not answer.
pub async fn ask(proxy: &Proxy, replica: &Replica, poll: &Poll<'_>) -> Result<HttpResponse, Problem> {
    let host = if replica.host.contains(':') { format!("[{}]", replica.host) } else { replica.host.clone() };
    let origin = Url::parse(&format!("http://{host}:{}/", replica.port)).map_err(Problem::unexpected)?;
    let target = Target { name: "socketio", origin: &origin, path: "/socket.io/", query: poll.query };
    let outgoing =
        Outgoing { request: poll.request, context: poll.context, body: poll.body.clone(), authorization: None };
    let answer = proxy.send(target, outgoing).await?;
    if poll.tag && sticky::opens(poll.query) && answer.status().is_success() {
        let change = |text: String| sticky::tag_open_packet(&text, &replica.tag).unwrap_or(text);
        return Ok(pass_changed(answer, &change).await);
    }
    Ok(pass(answer, false))
}
