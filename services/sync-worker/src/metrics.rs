//! Counters of sync-worker, built once. Labels are bounded: never a mailbox.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::store::ledger::Tally;

/// Handles on the metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// History entries by where they ended: `applied`, `tombstoned`, `parked`.
    pub entries: IntCounterVec,
    /// Mails whose content was stored.
    pub stored: IntCounter,
    /// Times a mailbox's history broke off.
    pub gaps: IntCounter,
    /// Leases that ended with an error, by code.
    pub failures: IntCounterVec,
    /// Mailboxes in work here.
    pub in_work: IntGauge,
    /// `taken`: pushes queued; `marked`: mailboxes they made due (several for one push, or none).
    pub pushes: IntCounterVec,
}

impl Metrics {
    /// Registers everything; a name that is taken already keeps its first owner.
    pub fn new(registry: &Registry) -> Self {
        let vec = |name: &str, help: &str, label: &str| {
            let made = IntCounterVec::new(Opts::new(name, help), &[label]);
            register(registry, made)
        };
        Self {
            entries: vec("postrider_history_entries_total", "History entries by their end.", "end"),
            stored: register(registry, IntCounter::new("postrider_mails_stored_total", "Mails stored with content.")),
            gaps: register(registry, IntCounter::new("postrider_history_gaps_total", "Histories that broke off.")),
            failures: vec("postrider_mailbox_failures_total", "Leases that ended with an error.", "code"),
            in_work: register(registry, IntGauge::new("postrider_mailboxes_in_work", "Mailboxes in work here.")),
            pushes: vec(
                "postrider_pushes_taken_total",
                "Pushes taken from the broker, and mailboxes they marked.",
                "outcome",
            ),
        }
    }

    /// Counts a committed transaction.
    pub fn applied(&self, tally: Tally, stored: usize) {
        for (end, count) in [("applied", tally.applied), ("tombstoned", tally.tombstoned), ("parked", tally.parked)] {
            self.entries.with_label_values(&[end]).inc_by(u64::try_from(count).unwrap_or(0));
        }
        self.stored.inc_by(u64::try_from(stored).unwrap_or(u64::MAX));
    }
}

#[expect(clippy::expect_used, reason = "names and labels are literals of this file; a test builds them all")]
fn register<M: prometheus::core::Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<M>) -> M {
    let metric = metric.expect("metric names of this file are valid");
    if let Err(error) = registry.register(Box::new(metric.clone())) {
        tracing::warn!(%error, "metric registered twice");
    }
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_valid_name_and_its_own() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry);
        metrics.entries.with_label_values(&["applied"]).inc();
        metrics.failures.with_label_values(&["x"]).inc();
        metrics.pushes.with_label_values(&["marked"]).inc();
        assert_eq!(registry.gather().len(), 6);
    }
}
