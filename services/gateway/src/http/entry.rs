//! The way of every request.

use actix_web::http::Method;
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use web::{Problem, RequestContext};

use super::admit::{self, Admitted};
use super::stamp::{self, Stamp};
use super::{docs, socketio};
use crate::proxy::{Outgoing, Target, pass, read};
use crate::routes::{Access, Match, Verb, find};
use crate::state::State;

/// Answers a request and puts CORS and budget headers on whatever the answer is.
pub async fn entry(
    request: HttpRequest,
    context: RequestContext,
    mut payload: Payload,
    state: Data<State>,
) -> HttpResponse {
    if let Some(preflight) = stamp::preflight(&request, &state.cors) {
        return preflight;
    }
    let mut stamp = Stamp::of(&request);
    let path = request.path();
    let answer = if path == "/socket.io/" || path == "/socket.io" {
        socketio::carry(&request, &context, payload, &state).await
    } else {
        Box::pin(answer(&request, &context, &mut payload, &state, &mut stamp)).await
    };
    let mut response = answer.unwrap_or_else(|problem| problem.error_response());
    stamp.put(&state.cors, response.headers_mut());
    response
}

async fn answer(
    request: &HttpRequest,
    context: &RequestContext,
    payload: &mut Payload,
    state: &State,
    stamp: &mut Stamp,
) -> Result<HttpResponse, Problem> {
    // The raw path: actix decodes some of it.
    let path = request.uri().path();
    let verb = Verb::of(request.method().as_str());
    match (path, verb) {
        ("/openapi.json", Some(Verb::Get)) => return docs::openapi(request, state, stamp).await,
        ("/docs", Some(Verb::Get)) => return Ok(docs::page(request, state, stamp)?),
        ("/openapi.json" | "/docs", _) => return Ok(wrong_method(&[Verb::Get])),
        _ => {}
    }
    let route = match find(verb, path) {
        Match::Found(route) => route,
        Match::WrongMethod { allowed } => return Ok(wrong_method(&allowed)),
        Match::Unknown => {
            // Searching for routes costs as much as asking them.
            admit::open(request, state, stamp)?;
            return Err(Problem::not_found().with_detail("There is no such route."));
        }
    };
    let Admitted { authorization } = admit::admit(request, context, &route, state, stamp).await?;
    let body = read(payload).await?;
    let target = Target {
        name: route.service.name(),
        origin: state.proxy.origin(route.service),
        path,
        query: request.uri().query().unwrap_or_default(),
    };
    let answer = state.proxy.send(target, Outgoing { request, context, body, authorization }).await?;
    if answer.status().as_u16() == 401 && route.access == Access::Caller {
        // The caller is known here; a service that refuses our own token is our mistake, not the caller's.
        tracing::error!(service = route.service.name(), "the service refused the gateway's token: check INTERNAL_KEYS");
        return Err(Problem::internal());
    }
    Ok(pass(answer, request.method() == Method::HEAD))
}

fn wrong_method(allowed: &[Verb]) -> HttpResponse {
    let names: Vec<_> = allowed.iter().map(|verb| verb.name()).collect();
    let mut response = HttpResponse::MethodNotAllowed().finish();
    if let Ok(value) = header::HeaderValue::from_str(&names.join(", ")) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}
