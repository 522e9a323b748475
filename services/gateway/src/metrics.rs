//! What the gateway counts.

use postrider_runtime::telemetry::metrics as make;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use crate::tunnel::Place;

/// The handles, made once.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Requests refused before a service saw them, by reason.
    pub refused: IntCounterVec,
    /// Requests a service could not be asked, by service and reason.
    pub unreachable: IntCounterVec,
    pub tunnels: IntGauge,
    tunnel_bytes_down: IntCounter,
    /// Payers whose budget is remembered.
    pub budgets: IntGauge,
}

impl Metrics {
    pub fn new(registry: &Registry) -> Self {
        Self {
            refused: make::counter_vec(
                registry,
                "postrider_gateway_refused_total",
                "Requests refused before a service saw them, by reason.",
                &["reason"],
            ),
            unreachable: make::counter_vec(
                registry,
                "postrider_gateway_unreachable_total",
                "Requests that could not be passed on, by service and reason.",
                &["service", "reason"],
            ),
            tunnels: make::gauge(registry, "postrider_gateway_tunnels", "Open Socket.IO tunnels."),
            tunnel_bytes_down: make::counter(
                registry,
                "postrider_gateway_tunnel_bytes_total",
                "Bytes carried from the Socket.IO listeners to clients.",
            ),
            budgets: make::gauge(
                registry,
                "postrider_gateway_rate_limit_budgets",
                "Users and addresses whose request budget is remembered.",
            ),
        }
    }

    /// Counts a tunnel, and keeps its place, for as long as the guard lives.
    pub fn open_tunnel(&self, place: Place) -> OpenTunnel {
        self.tunnels.inc();
        OpenTunnel { tunnels: self.tunnels.clone(), bytes: self.tunnel_bytes_down.clone(), _place: place }
    }
}

/// An open tunnel in the metrics.
#[derive(Debug)]
pub struct OpenTunnel {
    tunnels: IntGauge,
    bytes: IntCounter,
    _place: Place,
}

impl OpenTunnel {
    /// Counts bytes that went to the client.
    pub fn carried_down(&self, count: usize) {
        self.bytes.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.tunnels.dec();
    }
}
