//! The route table. `/internal/*` is mounted by [`crate::App`]; everything here is for callers the gateway let through.

pub mod accounts;
pub mod api;
pub mod doc;
pub mod gmail;
pub mod mail;
pub mod sync_runs;

use actix_web::web::ServiceConfig;
use postrider_web::Problem;

/// Mounts the public routes.
pub fn routes(config: &mut ServiceConfig) {
    config.configure(mail::routes).configure(sync_runs::routes).configure(gmail::routes);
}

/// 422 for a parameter.
fn invalid(field: &'static str, why: &str) -> Problem {
    Problem::unprocessable(postrider_web::codes::INVALID_REQUEST, "A parameter is out of range.").field(field, why)
}
