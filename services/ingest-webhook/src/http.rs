//! Routes of the intake. The gateway passes the same paths on; an operator may also expose this service alone.

mod body;
mod channel;
mod channels;
mod push;

pub use body::LONGEST;

use actix_web::web::{self, ServiceConfig, delete, get, head, post, resource};
use utoipa::OpenApi;

/// Where Pub/Sub pushes to; with the public origin it is the default audience of its tokens.
pub const PUSH_PATH: &str = "/api/email/webhook/google/pubsub";
/// Older names, which take channel notices too.
pub const ALIASES: [&str; 2] = ["/api/email/webhook/google", "/api/v1/gmail/watch/webhook"];

/// This service's part of the public document.
#[derive(OpenApi)]
#[openapi(
    paths(
        push::pubsub,
        channel::google,
        channel::watch,
        channels::create::handle,
        channels::list::handle,
        channels::delete::handle,
    ),
    components(schemas(postrider_web::ProblemDocument))
)]
pub struct ApiDoc;

/// Mounts the routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource(PUSH_PATH).route(post().to(push::pubsub)).route(head().to(push::prove)));
    let [google, watch] = ALIASES;
    config.service(resource(google).route(post().to(channel::google)).route(head().to(channel::prove)));
    config.service(resource(watch).route(post().to(channel::watch)).route(head().to(channel::prove)));
}

/// Mounts the routes of callers; without keys of theirs (`known`) nobody can be told from another.
pub fn channel_routes(config: &mut ServiceConfig, known: bool) {
    const ALL: &str = "/api/v1/gmail/watch/channels";
    const ONE: &str = "/api/v1/gmail/watch/channels/{channel_id}";
    if !known {
        config.service(resource([ALL, ONE]).route(web::route().to(channels::not_configured)));
        return;
    }
    config
        .service(resource(ALL).route(get().to(channels::list::handle)).route(post().to(channels::create::handle)))
        .service(resource(ONE).route(delete().to(channels::delete::handle)));
}
