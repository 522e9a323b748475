//! What this process saw of Gmail.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::Timestamp;
use prometheus::{HistogramVec, IntCounterVec, Registry, histogram_opts, opts};

use super::GmailError;
use crate::quota::Method;

/// Counters of calls, by method and outcome. Clones share them.
#[derive(Debug, Clone)]
pub struct GmailMetrics {
    calls: IntCounterVec,
    seconds: HistogramVec,
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
            last: Arc::default(),
        })
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
