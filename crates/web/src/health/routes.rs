//! `/health/live` and `/health/ready`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{HttpResponse, http::header};
use postrider_runtime::Shutdown;
use serde_json::json;

use super::Health;
use crate::codes;
use crate::problem::Problem;

/// What the two routes need; app data of the server.
#[derive(Clone)]
pub(crate) struct State {
    pub health: Health,
    pub shutdown: Shutdown,
}

/// Mounts the routes.
pub(crate) fn configure(config: &mut ServiceConfig, health: &Health, shutdown: &Shutdown) {
    config
        .app_data(Data::new(State { health: health.clone(), shutdown: shutdown.clone() }))
        .route("/health/live", get().to(live))
        .route("/health/ready", get().to(ready));
}

/// 200 as long as the process is not stopping hard: a restart would not help it.
async fn live(state: Data<State>) -> Result<HttpResponse, Problem> {
    if state.shutdown.hard.is_cancelled() {
        return Err(not_ready("The process is stopping."));
    }
    Ok(fresh(json!({ "status": "live" })))
}

/// 200 when every needed check is well, else 503; 503 too once the soft stop began, so that no new work is sent.
async fn ready(state: Data<State>) -> Result<HttpResponse, Problem> {
    if state.shutdown.is_stopping() {
        return Err(not_ready("The process is stopping."));
    }
    let report = state.health.report().await;
    let checks = serde_json::to_value(&report.checks).unwrap_or_default();
    if report.ready {
        Ok(fresh(json!({ "status": "ready", "checks": checks })))
    } else {
        Err(not_ready("Something needed is not there.").with("checks", checks))
    }
}

fn not_ready(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, codes::NOT_READY, detail).retry_after(super::KEEP)
}

fn fresh(body: serde_json::Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
