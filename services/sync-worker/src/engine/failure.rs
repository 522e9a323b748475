//! What a failed lease leaves behind: when to come back, or that only a person can help.

use postrider_contracts::TraceContext;
use postrider_contracts::mailbox::{RunState, SyncFailed};
use postrider_domain::{AccountStatus, RunKind};
use postrider_gmail::{GmailError, TokenError};
use std::time::Duration;

use super::apply::event;
use super::parts::Parts;
use crate::error::EngineError;
use crate::observe;
use crate::rules::due::{TELL_AFTER, not_before, poll_interval};
use crate::rules::words::RunReason;
use crate::store::mailboxes::{self, Guard, Mailbox, lease};
use crate::store::runs;

/// Gives the lease back after a failure. What cannot be written now is written by the lease's end: it stays due.
pub async fn leave(parts: &Parts, guard: &Guard, error: &EngineError, trace: TraceContext) {
    observe::mailbox_stopped(&parts.metrics, guard.connector, error);
    if matches!(error, EngineError::Fenced) {
        return;
    }
    if let Err(error) = note(parts, guard, error, trace).await {
        tracing::warn!(connector.id = %guard.connector, %error, "the failure cannot be noted; the lease will run out");
    }
}

async fn note(
    parts: &Parts,
    guard: &Guard,
    error: &EngineError,
    trace: TraceContext,
) -> Result<(), postrider_storage::Error> {
    let now = parts.now();
    let mut tx = parts.db.tenant(&guard.tenant).await?;
    let Some(mailbox) = mailboxes::find_held(&mut tx, guard).await? else { return Ok(()) };
    let attempts = mailbox.attempts.saturating_add(1);
    let ended = match error {
        EngineError::Gmail(gmail) if gmail.needs_consent() => Some(AccountStatus::ReauthRequired),
        EngineError::Gmail(GmailError::Token(TokenError::Disconnected)) => Some(AccountStatus::Disconnected),
        EngineError::Gmail(GmailError::Token(TokenError::Paused)) => Some(AccountStatus::Paused),
        _ => None,
    };
    let parked = match ended {
        Some(status) => lease::park(&mut tx, guard, status, error.code(), now).await?,
        None => false,
    };
    if !parked {
        let default = parts.settings.poll_interval;
        let interval = poll_interval(mailbox.poll_interval_seconds, default, false).max(Duration::from_secs(1));
        let jitter = parts.seams.entropy.unit();
        let at = not_before(attempts, error.retry_at(), interval, jitter, now);
        lease::fail(&mut tx, guard, error.code(), attempts, at, now).await?;
    }
    if (parked && ended == Some(AccountStatus::ReauthRequired)) || attempts == TELL_AFTER {
        let failed = SyncFailed { run: Some(failure(&mut tx, guard, &mailbox, error).await?) };
        let failed = event(&mailbox, &parts.seams, Some(trace), now, &failed);
        postrider_events::outbox::append(&mut tx, vec![failed]).await?;
    }
    tx.commit().await
}

/// The run at work, or a nameless incremental one, with what stopped it.
async fn failure(
    tx: &mut postrider_storage::TenantTx,
    guard: &Guard,
    mailbox: &Mailbox,
    error: &EngineError,
) -> Result<RunState, postrider_storage::Error> {
    let active = runs::find_active(tx, guard).await?.map(|run| run.state_message());
    let nameless = RunState {
        kind: if mailbox.first_synced_at.is_some() { RunKind::Incremental } else { RunKind::Full }.to_string(),
        reason: RunReason::Poll.to_string(),
        ..RunState::default()
    };
    Ok(RunState { error: error.code().to_owned(), ..active.unwrap_or(nameless) })
}

/// Whether a failure of a run's slice holds the run alone. A database that cannot even note that stops the mailbox.
pub fn holds_run(error: &EngineError) -> bool {
    match error {
        EngineError::Gmail(error) => holds_alone(error),
        EngineError::Db(_) => true,
        EngineError::Fenced | EngineError::BrokenOff | EngineError::Access(_) => false,
    }
}

/// Whether a failure of work beside the live lane holds that work alone. What concerns the grant stops the mailbox; a
/// refusal by the quota does not: live calls are few, cheap and first in line, and are refused by themselves if at all.
pub fn holds_alone(error: &GmailError) -> bool {
    match error {
        GmailError::NotFound
        | GmailError::NoSource
        | GmailError::PageGone
        | GmailError::FailedPrecondition { .. }
        | GmailError::Permanent { .. }
        | GmailError::BadRequest { .. }
        | GmailError::RateLimited { .. }
        | GmailError::DailyLimit { .. }
        | GmailError::Transient { .. } => true,
        GmailError::Token(_)
        | GmailError::Auth
        | GmailError::ScopeMissing
        | GmailError::HistoryGone
        | GmailError::WatchTaken => false,
    }
}
