//! Metrics of one service's registry.
//!
//! Names are `postrider_<noun>_<unit>_total` for counters, `postrider_<noun>_seconds` (or `_bytes`) for histograms and
//! plain nouns for gauges; labels have few values (never an account id). A name that breaks this is a mistake of the
//! programmer and panics at the start of the service, where any test of it sees it.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Buckets for work between a millisecond and a minute, in seconds.
pub const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// A counter; its name ends in `_total`.
pub fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    registered(registry, name, IntCounter::with_opts(Opts::new(checked(name, &["_total"]), help)))
}

/// A counter with labels; its name ends in `_total`.
pub fn counter_vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, name, IntCounterVec::new(Opts::new(checked(name, &["_total"]), help), labels))
}

/// A gauge.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    registered(registry, name, IntGauge::with_opts(Opts::new(checked(name, &[""]), help)))
}

/// A gauge with labels.
pub fn gauge_vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    registered(registry, name, IntGaugeVec::new(Opts::new(checked(name, &[""]), help), labels))
}

/// A histogram in seconds or bytes; its name ends in the unit. For seconds take [`SECONDS`] as buckets.
pub fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let opts = HistogramOpts::new(checked(name, &["_seconds", "_bytes"]), help).buckets(buckets.to_vec());
    registered(registry, name, Histogram::with_opts(opts))
}

/// A histogram with labels; its name ends in the unit. For seconds take [`SECONDS`] as buckets.
pub fn histogram_vec(registry: &Registry, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    let opts = HistogramOpts::new(checked(name, &["_seconds", "_bytes"]), help).buckets(buckets.to_vec());
    registered(registry, name, HistogramVec::new(opts, labels))
}

/// The registry's metrics in Prometheus' text format.
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    match prometheus::TextEncoder::new().encode_utf8(&registry.gather(), &mut text) {
        Ok(()) => text,
        Err(error) => format!("# {error}\n"),
    }
}

#[expect(clippy::panic, reason = "names are constants in the code: a wrong one must not get past the first start")]
fn checked<'a>(name: &'a str, endings: &[&str]) -> &'a str {
    if name.starts_with("postrider_") && endings.iter().any(|ending| name.ends_with(ending)) {
        name
    } else {
        panic!("metric {name} must start with postrider_ and end with one of {endings:?}")
    }
}

/// Registers a metric. One that is registered already (a part started twice in one process) works but is not exported.
#[expect(clippy::panic, reason = "names are constants in the code: a wrong one must not get past the first start")]
fn registered<C: Collector + Clone + 'static>(registry: &Registry, name: &str, made: prometheus::Result<C>) -> C {
    match made {
        Ok(metric) => {
            if let Err(error) = registry.register(Box::new(metric.clone())) {
                tracing::warn!(metric = name, error = %error, "metric {name} is registered twice");
            }
            metric
        }
        Err(error) => panic!("metric {name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_exported_in_text() {
        let registry = Registry::new();
        counter_vec(&registry, "postrider_things_total", "Things.", &["kind"]).with_label_values(&["a"]).inc();
        gauge(&registry, "postrider_queue_depth", "Depth.").set(3);
        histogram(&registry, "postrider_work_seconds", "Work.", SECONDS).observe(0.2);
        let text = text(&registry);
        assert!(text.contains("postrider_things_total{kind=\"a\"} 1"), "{text}");
        assert!(text.contains("postrider_queue_depth 3") && text.contains("postrider_work_seconds_count 1"), "{text}");
    }

    #[test]
    fn the_same_metric_twice_is_no_crash() {
        let registry = Registry::new();
        counter(&registry, "postrider_things_total", "Things.").inc();
        counter(&registry, "postrider_things_total", "Things.").inc();
        assert!(text(&registry).contains("postrider_things_total 1"));
    }

    #[test]
    #[should_panic(expected = "must start with postrider_")]
    fn a_misnamed_metric_panics_at_the_start() {
        counter(&Registry::new(), "things", "Things.");
    }
}
