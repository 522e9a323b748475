//! Counters of sync-worker, built once. Labels are bounded: never a mailbox, unless the operator asked for it.

use chrono::TimeDelta;
use postrider_runtime::telemetry::metrics::{counter, counter_vec, gauge, gauge_vec, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::rules::decide::Tally;

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
    /// Pushes that are not in a mirror yet.
    pub pushes_waiting: IntGauge,
    /// From Google's publishing of a push to the mirror that holds what it told of.
    pub push_lag: Histogram,
    /// How long the mailbox that is longest due waits for somebody to work on it.
    pub oldest_due: IntGauge,
    /// Comparisons of a mirror's count with Gmail's, by what they showed: `same`, `off`, `audit`.
    pub count_checks: IntCounterVec,
    /// How far this machine's clock is from Postgres's.
    pub clock_off: IntGauge,
    /// The cursor of each mailbox (`METRICS_PER_CONNECTOR`).
    pub cursors: Option<IntGaugeVec>,
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
            pushes_waiting: gauge(registry, "postrider_pushes_waiting", "Pushes that are not in a mirror yet."),
            push_lag: histogram(
                registry,
                "postrider_push_lag_seconds",
                "From Google's publishing of a push to its change in the mirror.",
                &[0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 600.0, 3_600.0],
            ),
            oldest_due: gauge(
                registry,
                "postrider_mailbox_oldest_due_seconds",
                "How long the mailbox that is longest due waits; 0 where none does.",
            ),
            count_checks: labelled(
                "postrider_count_checks_total",
                "Comparisons of a mirror's count of mails with Gmail's.",
                "result",
            ),
            clock_off: gauge(
                registry,
                "postrider_clock_off_seconds",
                "How far this machine's clock is from Postgres's; over 60 no mailbox is taken.",
            ),
            cursors: None,
        }
    }

    /// With a series for each account.
    pub fn per_connector(self, registry: &Registry) -> Self {
        let name = "postrider_mailbox_history_id";
        let cursors = gauge_vec(registry, name, "How far the mirror has come, by account.", &["connector"]);
        Self { cursors: Some(cursors), ..self }
    }

    /// Notes how long pushes took to the mirror.
    pub fn pushes_applied(&self, lags: impl Iterator<Item = TimeDelta>) {
        lags.for_each(|lag| self.push_lag.observe(lag.as_seconds_f64().max(0.0)));
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
        metrics.count_checks.with_label_values(&["same"]).inc();
        assert_eq!(registry.gather().len(), 11);
        // An account is a label only where that was asked for.
        assert!(metrics.cursors.is_none());
        let metrics = metrics.per_connector(&registry);
        metrics.cursors.unwrap().with_label_values(&["x"]).set(7);
        assert_eq!(registry.gather().len(), 12);
    }
}
