//! Engine.IO polling: plain requests, kept on the replica that made the session (see `rules::sticky`).

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use postrider_web::RequestContext;
use reqwest::Method;
use url::Url;

use super::replicas::Replica;
use crate::error::Error;
use crate::proxy::{Outgoing, Proof, Proxy, Target, pass, pass_changed};
use crate::rules::sticky;

/// One polling request.
pub struct Poll<'a> {
    pub request: &'a HttpRequest,
    pub method: Method,
    pub context: &'a RequestContext,
    pub client: IpAddr,
    pub body: Bytes,
    /// The query as the replica must see it.
    pub query: &'a str,
    /// Put the replica's tag into the session id of the answer.
    pub tag: bool,
}

/// Asks one replica. Beside its answer stands the id of the session it opened, if it did.
///
/// # Errors
/// It does not answer.
pub async fn ask(proxy: &Proxy, replica: &Replica, poll: &Poll<'_>) -> Result<(HttpResponse, Option<String>), Error> {
    let host = if replica.host.contains(':') { format!("[{}]", replica.host) } else { replica.host.clone() };
    let origin = Url::parse(&format!("http://{host}:{}/", replica.port)).map_err(|_no_host| Error::NoListener)?;
    let target = Target { name: "socketio", origin: &origin, path: "/socket.io/", query: poll.query };
    let Poll { request, method, context, client, body, .. } = poll;
    let (method, body, proof) = (method.clone(), body.clone(), Proof::default());
    let outgoing = Outgoing { request, method, context, client: *client, body, write_id: None, proof };
    let answer = proxy.send(target, outgoing).await?;
    if sticky::opens(poll.query) && answer.status().is_success() {
        let mut opened = None;
        let tag = poll.tag.then_some(replica.tag.as_str());
        let change = |text: String| match sticky::opening(&text, tag) {
            Some(opening) => {
                opened = Some(opening.sid);
                opening.body
            }
            None => text,
        };
        return Ok((pass_changed(answer, change).await, opened));
    }
    Ok((pass(answer, None), None))
}
