//! Occurrences worth a log line and a number, each in one place. Not bus events.

use postrider_domain::ConnectorId;

use crate::error::EngineError;
use crate::metrics::Metrics;
use crate::rules::words::RunReason;

/// Gmail's history no longer reaches back to the cursor, or the mailbox is another one.
pub struct HistoryBrokeOff {
    pub mailbox: ConnectorId,
    pub reason: RunReason,
}

impl HistoryBrokeOff {
    pub fn emit(&self, metrics: &Metrics) {
        metrics.gaps.inc();
        let reason = self.reason.as_str();
        tracing::warn!(connector.id = %self.mailbox, reason, "history broke off: the mirror is learnt again");
    }
}

/// Work on a mailbox stopped before its end.
pub struct MailboxStopped<'a> {
    pub mailbox: ConnectorId,
    pub error: &'a EngineError,
}

impl MailboxStopped<'_> {
    pub fn emit(&self, metrics: &Metrics) {
        let code = self.error.code();
        metrics.failures.with_label_values(&[code]).inc();
        match self.error {
            EngineError::Fenced => {
                tracing::warn!(connector.id = %self.mailbox, "another replica took this mailbox over");
            }
            error => tracing::warn!(connector.id = %self.mailbox, code, %error, "work on a mailbox stopped"),
        }
    }
}
