//! What a failed lease leaves behind: when to come back, or that only a person can help.

use postrider_contracts::TraceContext;
use postrider_contracts::mailbox::{QuotaWarning, RunState, SyncFailed};
use postrider_domain::{AccountStatus, RunKind, Timestamp};
use postrider_gmail::{GmailError, TokenError};
use std::time::Duration;

use super::access::Refused;
use super::apply::event;
use super::parts::Parts;
use crate::error::EngineError;
use crate::observe;
use crate::rules::due::{TELL_AFTER, not_before, poll_interval, refused_until};
use crate::rules::words::RunReason;
use crate::store::mailboxes::{self, Guard, Mailbox, lease};
use crate::store::{queue, runs};

/// Gives the lease back after a failure. What cannot be written now is written by the lease's end: it stays due.
pub async fn leave(parts: &Parts, guard: &Guard, error: &EngineError, trace: TraceContext) {
    observe::mailbox_stopped(&parts.metrics, guard.connector, error);
    if matches!(error, EngineError::Fenced) {
        return;
    }
    let ended = Box::pin(ended(parts, guard, error)).await;
    if let Err(error) = note(parts, guard, error, ended, trace).await {
        tracing::warn!(connector.id = %guard.connector, %error, "the failure cannot be noted; the lease will run out");
    }
}

/// The status in which a failure ends the work, if it does: connector is told, or told us, that a person must act.
async fn ended(parts: &Parts, guard: &Guard, error: &EngineError) -> Option<AccountStatus> {
    if let Some(reason) = Refused::of(error) {
        // Where it is not applied or cannot be told, the next try leases again and looks.
        let applied = parts.access.refused(guard.connector, reason).await.unwrap_or(false);
        return applied.then_some(AccountStatus::ReauthRequired);
    }
    match error {
        EngineError::Gmail(GmailError::Token(TokenError::ReauthRequired)) => Some(AccountStatus::ReauthRequired),
        EngineError::Gmail(GmailError::Token(TokenError::Disconnected)) => Some(AccountStatus::Disconnected),
        EngineError::Gmail(GmailError::Token(TokenError::Paused)) => Some(AccountStatus::Paused),
        _ => None,
    }
}

async fn note(
    parts: &Parts,
    guard: &Guard,
    error: &EngineError,
    ended: Option<AccountStatus>,
    trace: TraceContext,
) -> Result<(), postrider_storage::Error> {
    let now = parts.now();
    let mut tx = parts.db.tenant(&guard.tenant).await?;
    let Some(mailbox) = mailboxes::find_held(&mut tx, guard).await? else { return Ok(()) };
    let attempts = mailbox.attempts.saturating_add(1);
    let parked = match ended {
        Some(status) => lease::park(&mut tx, guard, status, error.code(), now).await?,
        None => false,
    };
    if !parked {
        let default = parts.settings.poll_interval;
        let interval = poll_interval(mailbox.poll_interval_seconds, default, false).max(Duration::from_secs(1));
        let jitter = parts.seams.entropy.unit();
        let at = again_at(error, attempts, interval, jitter, now);
        lease::fail(&mut tx, guard, error.code(), attempts, at, now).await?;
    }
    queue::shown::note_failure(&tx, guard.connector, error.code(), now).await?;
    if is_daily(error) && attempts == 1 {
        // The project's, and told while nothing is known of how much: nothing is left, or live mail would go on.
        let warning = event(&mailbox, &parts.seams, Some(trace), now, &quota_warning(100));
        postrider_events::outbox::append(&mut tx, vec![warning]).await?;
    }
    if (parked && ended == Some(AccountStatus::ReauthRequired)) || attempts == TELL_AFTER && !is_projects(error) {
        let failed = SyncFailed { run: Some(failure(&mut tx, guard, &mailbox, error).await?) };
        let failed = event(&mailbox, &parts.seams, Some(trace), now, &failed);
        postrider_events::outbox::append(&mut tx, vec![failed]).await?;
    }
    tx.commit().await
}

/// When to try again after a failure.
pub fn again_at(error: &EngineError, attempts: i32, interval: Duration, jitter: f64, now: Timestamp) -> Timestamp {
    match error {
        EngineError::Gmail(GmailError::ApiDisabled | GmailError::Permanent { .. }) => refused_until(jitter, now),
        error => not_before(attempts, error.retry_at(), interval, jitter, now),
    }
}

/// The project's day is spent.
pub fn is_daily(error: &EngineError) -> bool {
    matches!(error, EngineError::Gmail(GmailError::DailyLimit { .. }))
}

/// What its operator must mend, and no owner of an account can.
fn is_projects(error: &EngineError) -> bool {
    matches!(error, EngineError::Gmail(GmailError::ApiDisabled | GmailError::DailyLimit { .. }))
}

/// Told to whose mail waits because the project's day is spent.
pub fn quota_warning(percent_used: u32) -> QuotaWarning {
    QuotaWarning { percent_used, scope: "project".to_owned() }
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
        | GmailError::DomainPolicy
        | GmailError::MailServiceOff
        | GmailError::ApiDisabled
        | GmailError::HistoryGone
        | GmailError::WatchTaken => false,
    }
}
