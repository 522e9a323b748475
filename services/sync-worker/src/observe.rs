//! Occurrences worth a log line and a number, each in one place. Not bus events.

use postrider_domain::ConnectorId;
use postrider_gmail::GmailError;

use crate::error::EngineError;
use crate::metrics::Metrics;
use crate::rules::words::RunReason;

/// Gmail's history no longer reaches back to the cursor, or the mailbox is another one.
pub fn history_broke_off(metrics: &Metrics, mailbox: ConnectorId, reason: RunReason) {
    metrics.gaps.inc();
    let reason = reason.as_str();
    tracing::warn!(connector.id = %mailbox, reason, "history broke off: the mirror is learnt again");
}

/// Work on a mailbox stopped before its end.
pub fn mailbox_stopped(metrics: &Metrics, mailbox: ConnectorId, error: &EngineError) {
    let code = error.code();
    metrics.failures.with_label_values(&[code]).inc();
    match error {
        EngineError::Fenced => tracing::warn!(connector.id = %mailbox, "another replica took this mailbox over"),
        EngineError::Gmail(GmailError::ApiDisabled) => {
            tracing::error!(code, "the Gmail API is not enabled in the project: no mailbox is synced until it is");
        }
        error => tracing::warn!(connector.id = %mailbox, code, %error, "work on a mailbox stopped"),
    }
}
