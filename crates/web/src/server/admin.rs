//! The admin listener: `/metrics`, and the health routes again for probes that may not reach the public one.

use std::net::TcpListener;

use actix_web::dev;
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{App, HttpResponse, HttpServer};
use postrider_runtime::Shutdown;
use postrider_runtime::telemetry::metrics;
use prometheus::Registry;

use crate::health::{self, Health};

/// Starts it on one worker thread.
pub(super) fn server(
    listener: TcpListener,
    registry: &Registry,
    health: &Health,
    shutdown: &Shutdown,
) -> std::io::Result<dev::Server> {
    let (registry, health, shutdown) = (Data::new(registry.clone()), health.clone(), shutdown.clone());
    let app = move || {
        App::new()
            .app_data(registry.clone())
            .configure(|config: &mut ServiceConfig| health::configure(config, &health, &shutdown))
            .route("/metrics", get().to(scrape))
    };
    Ok(HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run())
}

async fn scrape(registry: Data<Registry>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics::text(&registry))
}
