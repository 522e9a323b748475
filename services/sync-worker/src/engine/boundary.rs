//! Where history begins: the first boundary, a new one after history broke off, and the boundary of a run.

use postrider_contracts::mailbox::SyncStarted;
use postrider_domain::{HistoryId, RunId, RunKind, RunState};
use postrider_gmail::{GmailApi, GmailError, Lane};
use std::sync::Arc;

use super::events::EventMaker;
use super::session::Session;
use crate::error::EngineError;
use crate::observe;
use crate::rules::words::RunReason;
use crate::store::runs::{NewRun, Run, Step};
use crate::store::{mailboxes, runs};

/// A history id from before any listing that starts now, and the number of mails.
///
/// The profile may name an id whose records history does not show yet; whoever started from it would skip them. So
/// the id that history itself has reached counts, where it is lower.
async fn read(gmail: &Arc<dyn GmailApi>) -> Result<(HistoryId, i64), EngineError> {
    let profile = gmail.profile().await?;
    let shown = match gmail.history(profile.history_id, None).await {
        Ok(page) if page.history_id.0 > 0 => page.history_id,
        Ok(_) | Err(GmailError::HistoryGone) => profile.history_id,
        Err(error) => return Err(error.into()),
    };
    let total = i64::try_from(profile.messages_total).unwrap_or(i64::MAX);
    Ok((profile.history_id.min(shown), total))
}

/// The first contact: the cursor stands at the boundary, and a full run begins.
pub(super) async fn first(session: &Session<'_>) -> Result<(), EngineError> {
    let (boundary, total) = read(&session.lane(Lane::Live)).await?;
    start(session, 0, (RunKind::Full, RunReason::First), boundary, total).await
}

/// History is gone, or the mailbox was created anew: a new generation starts at a new boundary, and a run learns every
/// mail again, finds what came and went in the gap, and takes the place of any run at work.
pub(super) async fn start_over(session: &Session<'_>, reason: RunReason) -> Result<(), EngineError> {
    let (boundary, total) = read(&session.lane(Lane::Live)).await?;
    let first_is_missing = session.mailbox().await?.first_synced_at.is_none();
    let kind = if first_is_missing { (RunKind::Full, RunReason::First) } else { (RunKind::Repair, reason) };
    observe::history_broke_off(session.engine.metrics(), session.guard().connector, reason);
    start(session, 1, kind, boundary, total).await
}

async fn start(
    session: &Session<'_>,
    bump: i32,
    (kind, reason): (RunKind, RunReason),
    boundary: HistoryId,
    total_estimate: i64,
) -> Result<(), EngineError> {
    let guard = session.guard();
    let now = session.now();
    let (mut tx, mailbox) = session.locked(&guard).await?;
    let generation = guard.generation + bump;
    if let Some(run) = runs::find_active(&mut tx, &guard).await? {
        runs::advance(&mut tx, &run, &Step { state: Some(RunState::Superseded), ..Step::default() }, now).await?;
        crate::store::listing::clear(&mut tx, &run).await?;
    }
    mailboxes::start_over(&mut tx, &guard, generation, boundary, now).await?;
    let id = RunId(session.engine.seams().ids.uuid());
    let run = NewRun { id, kind, reason, generation, boundary, total_estimate };
    let run = runs::start(&mut tx, &guard, &run, now).await?;
    let maker = EventMaker { mailbox: &mailbox, seams: session.engine.seams(), trace: Some(session.trace), now };
    let started = maker.make(&SyncStarted { run: Some(run.state_message()) });
    postrider_events::outbox::append(&mut tx, vec![started]).await?;
    tx.commit().await?;
    session.set_generation(generation);
    Ok(())
}

/// Begins a run that somebody asked for, inside the current generation.
pub(super) async fn begin_queued(session: &Session<'_>, run: &Run) -> Result<Run, EngineError> {
    let (boundary, total_estimate) = read(&session.lane(Lane::Asked)).await?;
    let guard = session.guard();
    let now = session.now();
    let (mut tx, mailbox) = session.locked(&guard).await?;
    let run = runs::begin(&mut tx, &guard, run.id, boundary, total_estimate, now).await?;
    let maker = EventMaker { mailbox: &mailbox, seams: session.engine.seams(), trace: Some(session.trace), now };
    let started = maker.make(&SyncStarted { run: Some(run.state_message()) });
    postrider_events::outbox::append(&mut tx, vec![started]).await?;
    tx.commit().await?;
    Ok(run)
}
