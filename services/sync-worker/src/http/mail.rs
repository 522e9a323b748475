//! `GET /api/v1/emails`, `/emails/{id}`, `/emails/{id}/raw`.

pub mod get;
pub mod list;
pub mod raw;
pub mod view;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/emails", web::get().to(list::handle))
        .route("/api/v1/emails/{id}", web::get().to(get::handle))
        .route("/api/v1/emails/{id}/raw", web::get().to(raw::handle));
}
