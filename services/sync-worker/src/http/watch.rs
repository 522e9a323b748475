//! `/api/v1/gmail/watch/…`, as far as it is about what was mirrored: the record of changes, the queue of pushes.

pub mod history;
mod history_view;
pub mod poll;
pub mod process;
pub mod queue;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/gmail/watch/history", web::get().to(history::handle))
        .route("/api/v1/gmail/watch/poll", web::post().to(poll::handle))
        .route("/api/v1/gmail/watch/queue", web::get().to(queue::handle))
        .route("/api/v1/gmail/watch/queue/process", web::post().to(process::handle));
}
