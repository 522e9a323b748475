//! `/api/v1/connectors/{id}/…`: what is done about one account's mirror as a whole.

pub mod audit;
pub mod export;
pub mod ledger;
pub mod retry;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/connectors/{id}/export", web::get().to(export::handle))
        .route("/api/v1/connectors/{id}/ledger", web::get().to(ledger::handle))
        .route("/api/v1/connectors/{id}/parked/retry", web::post().to(retry::handle))
        .route("/api/v1/connectors/{id}/audit", web::post().to(audit::handle));
}
