//! What the gateway answers itself, and how everything else finds its service. The route table is mounted on actix's
//! router, which alone decides which row a request belongs to; [`pass`] carries it to the row's service.

mod admit;
mod api_keys;
mod audit_log;
mod doc;
mod docs;
mod headers;
mod intake;
mod once;
mod own;
mod pass;
mod socketio;
mod tokens;

pub use doc::ApiDoc;
pub use once::{KEPT, Refused};

use std::collections::BTreeMap;

use actix_web::guard::{self, fn_guard};
use actix_web::http::header::ALLOW;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, Payload, ServiceConfig, resource, scope};
use actix_web::{HttpRequest, HttpResponse, Resource};
use postrider_web::{Problem, RequestContext};

use crate::error::Error;
use crate::observe;
use crate::routes::{Route, TABLE, Verb};
use crate::rules::path::is_plain;
use crate::state::State;

/// Mounts everything.
pub fn routes(config: &mut ServiceConfig) {
    let others = |allowed: Vec<Verb>| web::to(move |request, state| wrong_method(allowed.clone(), request, state));
    let only_get = || others(vec![Verb::Get]);
    let mut all = scope("")
        .service(resource("/openapi.json").route(on(Verb::Get).to(docs::openapi)).default_service(only_get()))
        .service(resource("/docs").route(on(Verb::Get).to(docs::page)).default_service(only_get()))
        .service(resource("/docs/{file}").route(on(Verb::Get).to(docs::file)).default_service(only_get()))
        .service(
            resource(api_keys::ALL)
                .route(on(Verb::Get).to(api_keys::list))
                .route(on(Verb::Post).to(api_keys::create))
                .default_service(others(vec![Verb::Get, Verb::Post])),
        )
        .service(
            resource(api_keys::ONE)
                .route(on(Verb::Delete).to(api_keys::delete))
                .default_service(others(vec![Verb::Delete])),
        )
        .service(
            resource(tokens::ALL).route(on(Verb::Post).to(tokens::create)).default_service(others(vec![Verb::Post])),
        )
        .service(resource(audit_log::ALL).route(on(Verb::Get).to(audit_log::list)).default_service(only_get()))
        .service(listener("/socket.io").default_service(others(vec![Verb::Get, Verb::Post])))
        .service(listener("/socket.io/").default_service(others(vec![Verb::Get, Verb::Post])));
    let handled = |row, mounted: actix_web::Route| {
        mounted.to(move |request, context, payload, state| carry(row, request, context, payload, state))
    };
    for resource in rows(handled, others) {
        all = all.service(resource);
    }
    config.service(all.service(resource("/{unknown:.*}").to(unknown)).wrap(from_fn(headers::around)));
}

/// What Engine.IO's transports ask. A listener answers any OPTIONS, so that one would say of any session that it exists.
fn listener(path: &str) -> Resource {
    resource(path).route(on(Verb::Get).to(socketio::carry)).route(on(Verb::Post).to(socketio::carry))
}

/// The rows of the table: one resource for each pattern, fixed segments before parameters, so that
/// `/api/notifications/stats` is never read as an id.
fn rows(
    handled: impl Fn(&'static Route, actix_web::Route) -> actix_web::Route,
    others: impl Fn(Vec<Verb>) -> actix_web::Route,
) -> Vec<Resource> {
    let mut patterns: BTreeMap<(usize, &str), Vec<&'static Route>> = BTreeMap::new();
    for row in TABLE {
        patterns.entry((row.pattern.matches('{').count(), row.pattern)).or_default().push(row);
    }
    let mounted = patterns.into_iter().map(|((_, pattern), rows)| {
        let allowed: Vec<Verb> = rows.iter().map(|row| row.verb).collect();
        // The raw path: actix has decoded some of the one it matches.
        let plain = fn_guard(|request| is_plain(request.head().uri.path()));
        let resource = rows
            .into_iter()
            .fold(resource(pattern).guard(plain), |resource, row| resource.route(handled(row, on(row.verb))));
        resource.default_service(others(allowed))
    });
    mounted.collect()
}

/// A route for a verb; HEAD is asked and answered as GET, less its body.
fn on(verb: Verb) -> actix_web::Route {
    match verb {
        Verb::Get => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        Verb::Post => web::post(),
        Verb::Put => web::put(),
        Verb::Patch => web::patch(),
        Verb::Delete => web::delete(),
    }
}

async fn carry(
    row: &'static Route,
    request: HttpRequest,
    context: RequestContext,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    pass::pass(row, &request, &context, payload, &state).await.map_err(|error| refused(&state, error))
}

async fn unknown(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    // Searching for routes costs as much as asking them.
    let error = admit::open(&request, &state).map_or_else(Error::from, |()| Error::NoRoute);
    Err(refused(&state, error))
}

async fn wrong_method(allowed: Vec<Verb>, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    admit::open(&request, &state).map_err(|exceeded| refused(&state, exceeded.into()))?;
    let names: Vec<_> = allowed.iter().map(|verb| verb.name()).collect();
    Ok(HttpResponse::MethodNotAllowed().insert_header((ALLOW, names.join(", "))).finish())
}

fn refused(state: &State, error: Error) -> Problem {
    observe::refused(&state.metrics, &error);
    error.into()
}

#[cfg(test)]
mod tests;
