//! `/api/v1/emails`, `/api/v1/threads`, `/api/v1/labels`.

pub mod attachment;
pub mod get;
pub mod labels;
pub mod list;
pub mod processed;
pub mod raw;
pub mod references;
mod search;
pub mod thread;
pub mod view;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/emails", web::get().to(list::handle))
        // Before the routes of one mail: `processed` is no id.
        .route("/api/v1/emails/processed", web::post().to(processed::bulk))
        .route("/api/v1/emails/{id}", web::get().to(get::handle))
        .route("/api/v1/emails/{id}/raw", web::get().to(raw::handle))
        .route("/api/v1/emails/{id}/attachments/{attachment_id}", web::get().to(attachment::handle))
        .route("/api/v1/emails/{id}/processed", web::post().to(processed::handle))
        .route("/api/v1/emails/{id}/references/{kind}/{ref}", web::put().to(references::put))
        .route("/api/v1/emails/{id}/references/{kind}/{ref}", web::delete().to(references::remove))
        .route("/api/v1/threads/{thread_id}", web::get().to(thread::handle))
        .route("/api/v1/labels", web::get().to(labels::handle));
}
