//! Routes of the intake. The gateway passes the same paths on; an operator may also expose this service alone.

mod body;
mod channel;
mod push;

pub use body::LONGEST;

use actix_web::web::{ServiceConfig, head, post, resource};
use utoipa::OpenApi;

/// Where Pub/Sub pushes to; with the public origin it is the default audience of its tokens.
pub const PUSH_PATH: &str = "/api/email/webhook/google/pubsub";
/// Older names, which take channel notices too.
pub const ALIASES: [&str; 2] = ["/api/email/webhook/google", "/api/v1/gmail/watch/webhook"];

/// This service's part of the public document.
#[derive(OpenApi)]
#[openapi(paths(push::pubsub, channel::google, channel::watch), components(schemas(postrider_web::ProblemDocument)))]
pub struct ApiDoc;

/// Mounts the routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource(PUSH_PATH).route(post().to(push::pubsub)).route(head().to(push::prove)));
    let [google, watch] = ALIASES;
    config.service(resource(google).route(post().to(channel::google)).route(head().to(channel::prove)));
    config.service(resource(watch).route(post().to(channel::watch)).route(head().to(channel::prove)));
}
