//! What every process says about itself: who it is and how long it has been up.

use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Registry};

use super::metrics;

/// Reads the time when it is asked, so that no task has to keep a gauge current.
struct Uptime {
    since: Instant,
    gauge: Gauge,
}

impl Collector for Uptime {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.set(self.since.elapsed().as_secs_f64());
        self.gauge.collect()
    }
}

/// Adds `postrider_process_uptime_seconds` and `postrider_build_info`.
pub(crate) fn register(registry: &Registry, service: &str) {
    let info = metrics::gauge_vec(registry, "postrider_build_info", "1, with who runs here.", &["service", "version"]);
    info.with_label_values(&[service, env!("CARGO_PKG_VERSION")]).set(1);
    let uptime = Gauge::new("postrider_process_uptime_seconds", "Seconds since the start.")
        .and_then(|gauge| registry.register(Box::new(Uptime { since: Instant::now(), gauge })));
    if let Err(error) = uptime {
        tracing::warn!(error = %error, "no uptime metric");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_and_service_are_exported() {
        let registry = Registry::new();
        register(&registry, "probe");
        let text = metrics::text(&registry);
        assert!(text.contains("postrider_process_uptime_seconds "), "{text}");
        assert!(text.contains("service=\"probe\""), "{text}");
    }
}
