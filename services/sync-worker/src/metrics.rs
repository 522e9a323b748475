//! Counters of sync-worker, built once. Labels are bounded: never a mailbox.

use postrider_runtime::telemetry::metrics::{counter, counter_vec, gauge};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

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
    pub fn new(registry: &Registry) -> Self {
        let labelled = |name, help, label| counter_vec(registry, name, help, &[label]);
        Self {
            entries: labelled("postrider_history_entries_total", "History entries by their end.", "end"),
            stored: counter(registry, "postrider_mails_stored_total", "Mails stored with content."),
            gaps: counter(registry, "postrider_history_gaps_total", "Histories that broke off."),
            failures: labelled("postrider_mailbox_failures_total", "Leases that ended with an error.", "code"),
            in_work: gauge(registry, "postrider_mailboxes_in_work", "Mailboxes in work here."),
            pushes: labelled(
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
