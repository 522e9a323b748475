//! Whether a push proves itself, before its body is read: anybody can send a header, and a body is up to a mebibyte that
//! may take half a minute.
//!
//! The intake says so, which alone knows Google's keys and whose pushes count: it is asked `HEAD` of the push's own path
//! with the push's own headers. What it found good is not asked again for a minute. A push that does not hold costs its
//! address, and one that holds never does: Google's come from addresses it shares with everybody's pushes.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use bytes::Bytes;
use postrider_domain::Secret;
use postrider_web::{RequestContext, bearer};
use reqwest::Method;

use super::admit::{self, Admitted};
use crate::error::Error;
use crate::proxy::{Outgoing, Target};
use crate::routes::Route;
use crate::state::State;

/// Header that only notices of watch channels have.
pub const CHANNEL_ID: &str = "x-goog-channel-id";
const CHANNEL_TOKEN: &str = "x-goog-channel-token";

/// What stands in `Authorization`, if the push proves itself.
///
/// # Errors
/// It does not, or the intake cannot say now.
pub async fn prove(
    request: &HttpRequest,
    route: &Route,
    context: &RequestContext,
    state: &State,
) -> Result<Option<Secret>, Error> {
    let authorization = || admit::text_of(request, AUTHORIZATION.as_str()).map(Secret::new);
    let Some(proof) = shown(request) else { return Err(unproven(request, state)) };
    if state.proofs.knows(&proof) {
        return Ok(authorization());
    }
    match ask(request, route, context, authorization(), state).await? {
        200..=299 => {
            state.proofs.note(&proof);
            Ok(authorization())
        }
        401 | 403 => Err(unproven(request, state)),
        503 => Err(Error::Unprovable),
        _ => Err(Error::Unreachable(route.service.name())),
    }
}

/// What the push proves itself by: a token, or a channel and the channel's token. Neither can be read as the other.
fn shown(request: &HttpRequest) -> Option<String> {
    match admit::text_of(request, CHANNEL_ID) {
        Some(channel) => Some(format!("{channel}\n{}", admit::text_of(request, CHANNEL_TOKEN).unwrap_or_default())),
        None => bearer(request.headers()).map(str::to_owned),
    }
}

fn unproven(request: &HttpRequest, state: &State) -> Error {
    admit::open(request, state).map_or_else(Error::from, |()| Error::Unproven)
}

/// The status the intake answers to the push's headers.
async fn ask(
    request: &HttpRequest,
    route: &Route,
    context: &RequestContext,
    authorization: Option<Secret>,
    state: &State,
) -> Result<u16, Error> {
    let target = Target {
        name: route.service.name(),
        origin: state.proxy.origin(route.service),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
    };
    let outgoing = Outgoing {
        request,
        method: Method::HEAD,
        context,
        client: admit::client(request, state),
        body: Bytes::new(),
        write_id: None,
        proof: Admitted::Nobody(authorization).proof(route, context, state)?,
    };
    Ok(state.proxy.send(target, outgoing).await?.status().as_u16())
}
