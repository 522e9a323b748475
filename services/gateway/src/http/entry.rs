//! The way of every request.

use std::net::IpAddr;

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use postrider_web::{Problem, RequestContext};
use reqwest::Method;

use super::admit;
use super::stamp::{self, Stamp};
use super::{docs, socketio};
use crate::error::Error;
use crate::observe;
use crate::proxy::{Outgoing, Target, pass, pass_head};
use crate::routes::{Access, Match, Verb, find};
use crate::state::State;

/// A request and what is known of it before its route is.
pub struct Asked<'a> {
    pub request: &'a HttpRequest,
    pub context: &'a RequestContext,
    pub client: IpAddr,
}

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
    let asked = Asked { request: &request, context: &context, client: admit::client(&request, &state) };
    let answer = if path == "/socket.io/" || path == "/socket.io" {
        socketio::carry(&asked, payload, &state, &mut stamp).await
    } else {
        Box::pin(answer(&asked, &mut payload, &state, &mut stamp)).await
    };
    let mut response = answer.unwrap_or_else(|error| {
        observe::refused(&state.metrics, &error);
        Problem::from(error).error_response()
    });
    stamp.put(&state.cors, response.headers_mut());
    response
}

async fn answer(
    asked: &Asked<'_>,
    payload: &mut Payload,
    state: &State,
    stamp: &mut Stamp,
) -> Result<HttpResponse, Error> {
    let Asked { request, context, client } = *asked;
    // The raw path: actix decodes some of it.
    let path = request.uri().path();
    let verb = Verb::of(request.method().as_str());
    match (path, verb) {
        ("/openapi.json", Some(Verb::Get)) => return Ok(docs::openapi(client, state, stamp).await?),
        ("/docs", Some(Verb::Get)) => return Ok(docs::page(client, state, stamp)?),
        ("/openapi.json" | "/docs", _) => return Ok(wrong_method(&[Verb::Get])),
        _ => {}
    }
    let route = match find(verb, path) {
        Match::Found(route) => route,
        Match::WrongMethod { allowed } => return Ok(wrong_method(&allowed)),
        Match::Unknown => {
            // Searching for routes costs as much as asking them.
            admit::open(client, state, stamp)?;
            return Err(Error::NoRoute);
        }
    };
    let admitted = admit::admit(request, client, &route, state, stamp).await?;
    let body = state.bodies.read(request, payload, route.access).await?;
    let target = Target {
        name: route.service.name(),
        origin: state.proxy.origin(route.service),
        path,
        query: request.uri().query().unwrap_or_default(),
    };
    let proof = admitted.proof(&route, context, state)?;
    let method = match route.verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    };
    let outgoing = Outgoing { request, method, context, client, body: body.bytes.clone(), proof };
    let answer = state.proxy.send(target, outgoing).await?;
    if answer.status().as_u16() == 401 && route.access == Access::Caller {
        return Err(Error::OwnToken(route.service.name()));
    }
    Ok(if request.method() == actix_web::http::Method::HEAD { pass_head(&answer) } else { pass(answer) })
}

fn wrong_method(allowed: &[Verb]) -> HttpResponse {
    let names: Vec<_> = allowed.iter().map(|verb| verb.name()).collect();
    let mut response = HttpResponse::MethodNotAllowed().finish();
    if let Ok(value) = header::HeaderValue::from_str(&names.join(", ")) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}
