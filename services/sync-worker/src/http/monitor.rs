//! `/api/system/email-monitor/…`: whether the caller's accounts are looked at by themselves.

pub mod poll_now;
pub mod status;
pub mod switch;

use actix_web::web;

/// Mounts the routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/system/email-monitor/status", web::get().to(status::handle))
        .route("/api/system/email-monitor/start", web::post().to(switch::start))
        .route("/api/system/email-monitor/stop", web::post().to(switch::stop))
        .route("/api/system/email-monitor/poll-now", web::post().to(poll_now::handle));
}
