//! `/api/v1/connectors/{id}/…`: what is done about one account's mirror as a whole.

pub mod export;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/api/v1/connectors/{id}/export", web::get().to(export::handle));
}
