//! The service's own metrics, made once and passed in.

use postrider_runtime::telemetry::metrics::{counter, counter_vec, gauge};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

/// Handles of all metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub connected: IntCounterVec,
    pub connect_links: IntCounterVec,
    pub refreshes: IntCounterVec,
    pub refresh_waits: IntCounter,
    pub leases: IntCounterVec,
    pub reauth_required: IntCounterVec,
    pub watch_calls: IntCounterVec,
    pub watches_lapsed: IntCounter,
    pub watches_silent: IntCounter,
    pub watch_expiry: IntGauge,
    pub grants_ended: IntCounterVec,
    pub accounts_heard: IntCounter,
}

impl Metrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        Self {
            connected: counter_vec(
                registry,
                "postrider_connector_connected_total",
                "Accounts connected, by new or again.",
                &["kind"],
            ),
            connect_links: counter_vec(
                registry,
                "postrider_connector_connect_links_total",
                "Connect links, by what happened to them: made, opened, used, refused, revoked.",
                &["event"],
            ),
            refreshes: counter_vec(
                registry,
                "postrider_connector_token_refreshes_total",
                "Access tokens asked of Google, by result.",
                &["result"],
            ),
            refresh_waits: counter(
                registry,
                "postrider_connector_refresh_waits_total",
                "Leases that waited for another replica's refresh of the same token.",
            ),
            leases: counter_vec(
                registry,
                "postrider_connector_token_leases_total",
                "Access tokens leased to sync-worker, by result.",
                &["result"],
            ),
            reauth_required: counter_vec(
                registry,
                "postrider_connector_reauth_required_total",
                "Connectors that need a new consent, by reason.",
                &["reason"],
            ),
            watch_calls: counter_vec(
                registry,
                "postrider_connector_watch_calls_total",
                "Calls that start or renew Google's watch, by result.",
                &["result"],
            ),
            watches_lapsed: counter(
                registry,
                "postrider_connector_watches_lapsed_total",
                "Watches that ran out unrenewed. Anything above 0 means mail comes by polling only.",
            ),
            watches_silent: counter(
                registry,
                "postrider_connector_watches_silent_total",
                "Watches that run and whose own push did not come. Anything above 0 means pushes are lost on their way.",
            ),
            watch_expiry: gauge(
                registry,
                "postrider_connector_watch_expiry_timestamp_seconds",
                "When the first of the wanted watches runs out; 0 where none runs.",
            ),
            grants_ended: counter_vec(
                registry,
                "postrider_connector_grants_ended_total",
                "Grants given back to Google, by result.",
                &["result"],
            ),
            accounts_heard: counter(
                registry,
                "postrider_connector_accounts_heard_total",
                "Accounts whose last push was noted.",
            ),
        }
    }
}
