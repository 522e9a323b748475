//! What a failed step of a run leaves behind: the run waits, the live lane goes on.

use postrider_contracts::mailbox::SyncFailed;
use postrider_gmail::GmailError;

use super::events::EventMaker;
use super::lease_failure::TELL_AFTER;
use super::session::Session;
use crate::error::EngineError;
use crate::rules::due::not_before;
use crate::store::runs;

/// Whether a failure in the backfill lane holds the run alone. What concerns the grant or the quota stops the mailbox.
pub(super) fn is_the_runs(error: &GmailError) -> bool {
    match error {
        GmailError::NotFound
        | GmailError::PageGone
        | GmailError::FailedPrecondition { .. }
        | GmailError::Permanent { .. }
        | GmailError::BadRequest { .. }
        | GmailError::Transient { .. } => true,
        GmailError::Token(_)
        | GmailError::Auth
        | GmailError::ScopeMissing
        | GmailError::HistoryGone
        | GmailError::RateLimited { .. }
        | GmailError::DailyLimit { .. }
        | GmailError::WatchTaken => false,
    }
}

impl Session<'_> {
    /// Notes the failure on the run at work. Its owner is told once, when it does not pass by itself.
    pub(super) async fn hold_run(&self, error: &GmailError) -> Result<(), EngineError> {
        let (guard, now) = (self.guard(), self.now());
        let (mut tx, mailbox) = self.locked(&guard).await?;
        let Some(run) = runs::find_active(&mut tx, &guard).await? else { return Ok(()) };
        let attempts = run.attempts.saturating_add(1);
        let jitter = self.engine.seams().entropy.unit();
        let at = not_before(attempts, error.retry_at(), self.interval(&mailbox), jitter, now);
        let run = runs::hold(&tx, &run, error.code(), attempts, at, now).await?;
        if attempts == TELL_AFTER {
            let maker = EventMaker { mailbox: &mailbox, seams: self.engine.seams(), trace: Some(self.trace), now };
            let failed = maker.make(&SyncFailed { run: Some(run.state_message()) });
            postrider_events::outbox::append(&mut tx, vec![failed]).await?;
        }
        tx.commit().await?;
        tracing::warn!(
            connector.id = %guard.connector, run.id = %run.id, attempts, %error, "a sync run failed and waits until {at}"
        );
        Ok(())
    }
}
