//! What this process saw of Gmail.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::Timestamp;
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry, histogram_opts, opts};

use super::GmailError;
use crate::quota::{Allows, Method};

/// Counters of calls, by method and outcome. Clones share them.
#[derive(Debug, Clone)]
pub struct GmailMetrics {
    calls: IntCounterVec,
    seconds: HistogramVec,
    day: [IntGauge; 3],
    last: Arc<Mutex<Last>>,
}

#[derive(Debug, Default)]
struct Last {
    answered: Option<Timestamp>,
    failed: Option<Timestamp>,
}

impl GmailMetrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self::new()?;
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        for gauge in &metrics.day {
            registry.register(Box::new(gauge.clone()))?;
        }
        Ok(metrics)
    }

    fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            calls: IntCounterVec::new(
                opts!("postrider_gmail_calls_total", "Calls to Gmail by method and outcome."),
                &["method", "outcome"],
            )?,
            seconds: HistogramVec::new(
                histogram_opts!(
                    "postrider_gmail_call_seconds",
                    "Duration of calls to Gmail by method.",
                    vec![0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0]
                ),
                &["method"],
            )?,
            day: [
                gauge("postrider_gmail_day_units", "Units the project spent of its day, as all replicas counted.")?,
                gauge("postrider_gmail_day_limit", "Units of the project's day.")?,
                gauge(
                    "postrider_gmail_day_stopped",
                    "1: only live mail is called for; 2: nothing is, the day is spent.",
                )?,
            ],
            last: Arc::default(),
        })
    }

    /// Shows the project's day.
    pub(crate) fn day(&self, spent: u64, limit: u64, allows: Allows) {
        let [units, of, stopped] = &self.day;
        units.set(i64::try_from(spent).unwrap_or(i64::MAX));
        of.set(i64::try_from(limit).unwrap_or(i64::MAX));
        let now = match allows {
            Allows::Everything => 0,
            Allows::LiveMail => 1,
            Allows::Nothing => 2,
        };
        if stopped.get() < now {
            tracing::error!(
                spent,
                limit,
                "the project's daily quota stops work: {allows:?} is left until midnight in California"
            );
        }
        stopped.set(now);
    }

    /// Whether the project's day stops any work now.
    pub fn day_stops(&self) -> bool {
        let [_, _, stopped] = &self.day;
        stopped.get() > 0
    }

    /// When Gmail last gave an answer, and when it last failed to (network, deadline, 5xx). Refusals that concern one
    /// mailbox are answers.
    pub fn last_calls(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let last = self.last.lock();
        (last.answered, last.failed)
    }

    pub(super) fn called(&self, method: Method, error: Option<&GmailError>, took: Duration, now: Timestamp) {
        let outcome = error.map_or("ok", GmailError::code);
        self.calls.with_label_values(&[method.as_str(), outcome]).inc();
        self.seconds.with_label_values(&[method.as_str()]).observe(took.as_secs_f64());
        let mut last = self.last.lock();
        match error {
            Some(GmailError::Transient { .. }) => last.failed = Some(now),
            // No call was made.
            Some(GmailError::Token(_)) => {}
            _ => last.answered = Some(now),
        }
    }
}

fn gauge(name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    IntGauge::with_opts(opts!(name, help))
}
