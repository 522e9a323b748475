//! Carries a request of a row to the row's service.

use actix_web::http::Method;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use postrider_http::client::SMALL;
use postrider_web::{ProblemDocument, RequestContext, codes};
use reqwest::Response;

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
    let admitted = admit::admit(request, row, context, state).await?;
    let held = state.bodies.read(request, &mut payload, row.access, admitted.holder(request, state)).await?;
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
        body: held.body.bytes.clone(),
        proof: admitted.proof(row, context, state)?,
    };
    let answer = state.proxy.send(target, outgoing).await?;
    if answer.status().as_u16() == 401 && row.access == Access::Caller {
        return Err(own_token_refused(row.service.name(), answer).await);
    }
    Ok(if request.method() == Method::HEAD {
        proxy::pass_head(&answer)
    } else {
        proxy::pass(answer, Some(&state.drain))
    })
}

/// Why a service does not take the token made for it a moment ago.
async fn own_token_refused(service: &'static str, answer: Response) -> Error {
    let body = postrider_http::body(answer, SMALL).await.unwrap_or_default();
    match serde_json::from_slice::<ProblemDocument>(&body) {
        Ok(problem) if problem.code == codes::CLOCK_DRIFT => Error::ClockDrift(service, problem.detail),
        _ => Error::OwnToken(service),
    }
}
