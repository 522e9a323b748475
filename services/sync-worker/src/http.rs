//! The route table. `/internal/*` is mounted by [`crate::App`]; everything here is for callers the gateway let through.

pub mod accounts;
pub mod api;
pub mod connectors;
pub mod doc;
mod download;
pub mod gmail;
pub mod mail;
pub mod monitor;
pub mod sources;
pub mod sync_runs;
mod waiting;
pub mod watch;

use actix_web::web::ServiceConfig;

/// Mounts the public routes.
pub fn routes(config: &mut ServiceConfig) {
    config
        .configure(mail::routes)
        .configure(sync_runs::routes)
        .configure(gmail::routes)
        .configure(connectors::routes)
        .configure(watch::routes)
        .configure(monitor::routes);
}
