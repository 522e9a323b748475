//! What a failed step of a run leaves behind: the run waits, the live lane goes on.

use postrider_contracts::mailbox::SyncFailed;
use postrider_domain::RunId;

use super::RunLane;
use crate::engine::apply::Commit;
use crate::engine::failure::{again_at, is_daily, quota_warning};
use crate::engine::lease::Lease;
use crate::error::EngineError;
use crate::rules::due::TELL_AFTER;
use crate::store::runs;

/// Notes the failure on a run that is queued or at work. Its owner is told once, when it does not pass by itself.
pub(super) async fn hold(lease: &Lease<'_>, run: RunId, error: &EngineError) -> Result<(), EngineError> {
    let mut commit = Commit::begin(lease, lease.guard(), lease.own_cause()).await?;
    let Some(run) = runs::find_unfinished(&mut commit.tx, &commit.guard, run).await? else { return Ok(()) };
    let attempts = run.attempts.saturating_add(1);
    let jitter = commit.seams().entropy.unit();
    let interval = lease.interval(commit.mailbox.poll_interval_seconds, commit.mailbox.push_until);
    let at = again_at(error, attempts, interval, jitter, commit.now);
    if is_daily(error) && run.error.is_none() {
        commit.tell(&quota_warning(lease.day_percent()));
    }
    let run = runs::hold(&commit.tx, &run, error.code(), attempts, at, commit.now).await?;
    if attempts == TELL_AFTER && !is_daily(error) {
        commit.tell(&SyncFailed { run: Some(run.state_message()) });
    }
    let connector = commit.guard.connector;
    commit.end().await?;
    tracing::warn!(
        connector.id = %connector, run.id = %run.id, attempts, %error, "a sync run failed and waits until {at}"
    );
    Ok(())
}

impl RunLane<'_> {
    /// A slice's time without a failure: that alone ends a row of them. A step that succeeds between two refusals says
    /// nothing about the next one.
    pub(super) async fn goes_well(&mut self) -> Result<(), EngineError> {
        if self.run.attempts > 0 && self.begun.elapsed() >= self.lease.parts.settings.backfill_slice {
            let tx = self.lease.tenant().await?;
            runs::went_well(&tx, &self.run).await?;
            tx.commit().await?;
            self.run.attempts = 0;
        }
        Ok(())
    }
}
