//! What the gateway answers itself, and how everything else finds its service.
//!
//! Every request that is no health probe goes through [`entry`]: preflight, route, caller, budget, service. The patterns
//! of the table are mounted one by one so that metrics and logs speak of routes and not of paths; which row a request
//! belongs to is decided by `routes::find` alone.

mod admit;
mod docs;
mod entry;
mod socketio;
mod stamp;

use std::collections::BTreeSet;

use actix_web::web::{ServiceConfig, resource, to};

use crate::routes::TABLE;

/// Mounts everything.
pub fn routes(config: &mut ServiceConfig) {
    for path in ["/openapi.json", "/docs"] {
        config.service(resource(path).route(to(entry::entry)));
    }
    for path in ["/socket.io", "/socket.io/"] {
        config.service(resource(path).route(to(entry::entry)));
    }
    // Fixed segments before patterns; the set also joins the rows of one pattern.
    let patterns: BTreeSet<(usize, &str)> =
        TABLE.iter().map(|route| (route.pattern.matches('{').count(), route.pattern)).collect();
    for (_, pattern) in patterns {
        config.service(resource(pattern).route(to(entry::entry)));
    }
    config.service(resource("/{unknown:.*}").route(to(entry::entry)));
}
