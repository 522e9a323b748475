//! Carries a request of a row to the row's service.

use actix_web::http::Method;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use postrider_web::RequestContext;

use super::admit;
use crate::error::Error;
use crate::proxy::{self, Outgoing, Target};
use crate::routes::{Access, Route};
use crate::state::State;

/// Lets the caller in, reads the body, asks the service, and hands its answer back.
///
/// # Errors
/// The request may not pass, or the service does not answer.
pub async fn pass(
    row: &Route,
    request: &HttpRequest,
    context: &RequestContext,
    mut payload: Payload,
    state: &State,
) -> Result<HttpResponse, Error> {
    let admitted = admit::admit(request, row, state).await?;
    let body = state.bodies.read(request, &mut payload, row.access).await?;
    let target = Target {
        name: row.service.name(),
        origin: state.proxy.origin(row.service),
        // The raw path: actix decodes some of it.
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
    };
    let outgoing = Outgoing {
        request,
        method: row.verb.method(),
        context,
        client: admit::client(request, state),
        body: body.bytes.clone(),
        proof: admitted.proof(row, context, state)?,
    };
    let answer = state.proxy.send(target, outgoing).await?;
    if answer.status().as_u16() == 401 && row.access == Access::Caller {
        return Err(Error::OwnToken(row.service.name()));
    }
    Ok(if request.method() == Method::HEAD { proxy::pass_head(&answer) } else { proxy::pass(answer) })
}
