//! The service's OpenAPI document.

use utoipa::OpenApi;

use super::{connectors, gmail, mail, monitor, sync_runs, watch};

/// Every route.
#[derive(OpenApi)]
#[openapi(
    info(title = "Postrider sync-worker", description = "Mirrored mail, sync runs, statistics."),
    paths(
        mail::list::handle,
        mail::get::handle,
        mail::raw::handle,
        mail::attachment::handle,
        mail::processed::handle,
        mail::processed::bulk,
        mail::references::put,
        mail::references::remove,
        mail::thread::handle,
        mail::labels::handle,
        connectors::export::handle,
        connectors::ledger::handle,
        connectors::retry::handle,
        connectors::audit::handle,
        sync_runs::list::handle,
        sync_runs::get::handle,
        gmail::stats::handle,
        gmail::health::handle,
        gmail::sync::handle,
        gmail::sync_deleted::handle,
        watch::history::handle,
        watch::poll::handle,
        watch::queue::handle,
        watch::process::handle,
        monitor::status::handle,
        monitor::switch::start,
        monitor::switch::stop,
        monitor::poll_now::handle,
    )
)]
pub struct ApiDoc;
