//! `GET /gmail/stats`, `GET /gmail/health`, `POST /gmail/sync`, `POST /gmail/sync/deleted`.

pub mod account;
pub mod health;
pub mod stats;
pub mod sync;
pub mod sync_deleted;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/gmail/stats", web::get().to(stats::handle))
        .route("/gmail/health", web::get().to(health::handle))
        .route("/gmail/sync", web::post().to(sync::handle))
        .route("/gmail/sync/deleted", web::post().to(sync_deleted::handle));
}
