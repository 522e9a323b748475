//! `GET /api/v1/sync-runs`, `/sync-runs/{id}`.

pub mod get;
pub mod list;
pub mod view;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/sync-runs", web::get().to(list::handle))
        .route("/api/v1/sync-runs/{id}", web::get().to(get::handle));
}
