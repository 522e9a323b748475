//! What a failed step of a run leaves behind: the run waits, the live lane goes on.

use postrider_contracts::mailbox::SyncFailed;
use postrider_gmail::GmailError;

use super::RunLane;
use crate::engine::apply::Commit;
use crate::error::EngineError;
use crate::rules::due::{TELL_AFTER, not_before};
use crate::store::runs;

impl RunLane<'_> {
    /// Notes the failure on the run at work. Its owner is told once, when it does not pass by itself.
    pub(super) async fn hold(&self, error: &GmailError) -> Result<(), EngineError> {
        let mut commit = Commit::begin(self.lease, self.lease.guard(), self.lease.own_cause()).await?;
        let Some(run) = runs::find_active(&mut commit.tx, &commit.guard).await? else { return Ok(()) };
        let attempts = run.attempts.saturating_add(1);
        let jitter = commit.seams().entropy.unit();
        let interval = self.lease.interval(commit.mailbox.poll_interval_seconds, commit.mailbox.push_until);
        let at = not_before(attempts, error.retry_at(), interval, jitter, commit.now);
        let run = runs::hold(&commit.tx, &run, error.code(), attempts, at, commit.now).await?;
        if attempts == TELL_AFTER {
            commit.tell(&SyncFailed { run: Some(run.state_message()) });
        }
        let connector = commit.guard.connector;
        commit.end().await?;
        tracing::warn!(
            connector.id = %connector, run.id = %run.id, attempts, %error, "a sync run failed and waits until {at}"
        );
        Ok(())
    }
}
