//! A pass: what brings the mirror to the end of the history, and looks at what waits beside it.

use std::collections::HashSet;

use postrider_domain::{HistoryId, MessageId, RunId, RunKind, Timestamp};
use postrider_gmail::{GmailError, Lane};
use postrider_runtime::telemetry::span;
use postrider_storage::TenantTx;
use tracing::Instrument as _;

use super::LiveLane;
use super::look::Look;
use crate::engine::failure::holds_alone;
use crate::error::EngineError;
use crate::rules::due::LOOK_BACK_AFTER;
use crate::rules::settle::{self, ASK_AGAIN_AFTER, CROWDED, Heads, Standing, Start};
use crate::rules::unseen::Seen;
use crate::rules::words::RunReason;
use crate::store::mailboxes::{self, Guard, Mailbox};
use crate::store::queue::{self, Cause};
use crate::store::runs::{self, Counts};
use crate::store::{changes, parked};

/// More parked messages than this in one mailbox are looked at on schedule alone.
const MOST_PARKED: usize = 1_000;

/// What one pass carries along.
pub struct Pass {
    pub(super) began: Timestamp,
    pub cause: Cause,
    /// Incremental runs that were queued before the pass began.
    pub(super) asked: Vec<RunId>,
    /// Entries beyond the place where looks start, as far as `crowded` lets them be known.
    pub(super) seen: Seen,
    /// There are more of them than are read at once.
    pub(super) crowded: bool,
    /// Parked messages: what their records say is not in the mirror yet.
    pub(super) waiting: HashSet<MessageId>,
    pub(super) counts: Counts,
    /// History records applied so far.
    pub(super) records: usize,
    pub(super) unknown_label: bool,
    /// The labels' names were read in this pass.
    pub(super) labels_read: bool,
}

impl Pass {
    /// Reads what the pass will have seen to: before its first look at the history, or it would claim too much.
    pub async fn begin(tx: &TenantTx, guard: &Guard, began: Timestamp) -> Result<Self, postrider_storage::Error> {
        let (cause, queued, met, waiting) = tokio::try_join!(
            queue::cause(tx, guard, began),
            runs::list_queued(tx, guard),
            changes::list_unsettled(tx, guard, CROWDED + 1),
            parked::list_ids(tx, guard, MOST_PARKED),
        )?;
        let asked = queued.into_iter().filter(|run| run.kind == RunKind::Incremental).map(|run| run.id).collect();
        let crowded = met.len() > CROWDED;
        let mut seen = Seen::default();
        met.into_iter().for_each(|entry| seen.add(entry.record, entry.kind, entry.message));
        let (counts, waiting) = (Counts::default(), waiting.into_iter().collect());
        let (records, unknown_label, labels_read) = (0, false, false);
        Ok(Self { began, cause, asked, seen, crowded, waiting, counts, records, unknown_label, labels_read })
    }
}

/// How a look ended.
enum Ended {
    Done,
    /// Look once more, now.
    Again,
    StartOver(RunReason),
}

impl LiveLane<'_> {
    /// Brings the mirror to the end of the history, looks at parked messages, and back over a boundary.
    pub async fn pass(&mut self) -> Result<(), EngineError> {
        self.right_again = false;
        loop {
            let (mailbox, mut pass) = match self.opening.take() {
                Some(opening) => opening,
                None => self.begin().await?,
            };
            if self.labels_are_old(&mailbox) {
                self.read_labels().await;
            }
            let Some(standing) = mailbox.standing() else {
                Box::pin(self.start()).await?;
                continue;
            };
            // A push that came while the mailbox was in work has its own trace.
            let span = span::job("live_pass", pass.cause.trace.unwrap_or(self.lease.trace));
            let look = Box::pin(self.look(&mailbox, &standing, &mut pass)).instrument(span);
            match look.await? {
                Ended::Done => {}
                Ended::Again => continue,
                Ended::StartOver(reason) => {
                    Box::pin(self.start_over(reason)).await?;
                    continue;
                }
            }
            match Box::pin(self.look_at_parked()).await {
                Err(EngineError::Gmail(error)) if holds_alone(&error) => self.postpone_parked(&error).await?,
                looked => looked?,
            }
            if let Some(due) = mailbox.look_back_at.filter(|at| *at <= pass.began) {
                match Box::pin(self.look_back(due)).await {
                    Err(EngineError::Gmail(error)) if holds_alone(&error) => self.postpone_look_back(&error).await?,
                    looked => looked?,
                }
            }
            if pass.records == 0 {
                match Box::pin(self.compare_counts(&mailbox)).await {
                    // Not worth stopping mail for: the next poll asks again.
                    Err(EngineError::Gmail(error)) if holds_alone(&error) => {
                        tracing::warn!(%error, "no count to compare with")
                    }
                    compared => compared?,
                }
            }
            (self.seen, self.looked_at) = (mailbox.requested, pass.began);
            self.early = self.lease.parts.seams.entropy.unit();
            return Ok(());
        }
    }

    /// Reads the mailbox, and then what the pass will have seen to: what is asked for between the two has a mark that this
    /// pass does not claim to have seen.
    async fn begin(&self) -> Result<(Mailbox, Pass), EngineError> {
        let guard = self.lease.guard();
        let mut tx = self.lease.tenant().await?;
        let mailbox = mailboxes::find_held(&mut tx, &guard).await?.ok_or(EngineError::Fenced)?;
        let pass = Pass::begin(&tx, &guard, self.lease.parts.now()).await?;
        tx.commit().await?;
        Ok((mailbox, pass))
    }

    /// One look at the history, from where it starts to its end.
    async fn look(&mut self, mailbox: &Mailbox, standing: &Standing, pass: &mut Pass) -> Result<Ended, EngineError> {
        let start = settle::start(standing, pass.crowded, !pass.asked.is_empty(), pass.began);
        let gmail = self.lease.gmail(Lane::Live);
        let page = match gmail.history(start.id(), None).await {
            Err(GmailError::HistoryGone) => return self.gone(standing, start, pass.began).await,
            page => page?,
        };
        let (told_at, head) = (self.lease.parts.now(), page.history_id);
        self.quick = matches!(start, Start::Cursor(_));
        if let (Start::Meanwhile(_), Some((since, _))) = (start, standing.gone) {
            self.check_at = Some(settle::gone_for_certain(standing, since));
        }
        let profile = match head < settle::floor(standing, pass.began) {
            true => Some(gmail.profile().await?.history_id),
            false => None,
        };
        let whole = match settle::judge(standing, head, profile, pass.began) {
            Heads::Usual => matches!(start, Start::Settled(_)),
            Heads::Odd => {
                self.check_at = Some(pass.began + ASK_AGAIN_AFTER);
                false
            }
            Heads::StillBack => {
                self.check_at = Some(pass.began + ASK_AGAIN_AFTER);
                let lower = profile.map_or(head, |profile| profile.min(head));
                if let Some((since, _)) = standing.back.filter(|(_, known)| lower < *known) {
                    self.note_back(since, lower).await?;
                    return Ok(Ended::Again);
                }
                matches!(start, Start::Lower(_))
            }
            Heads::WentBack(lower) => {
                self.note_back(pass.began, lower).await?;
                tracing::warn!(connector.id = %mailbox.connector, history.id = %lower, "Gmail's history ids went back");
                return Ok(Ended::Again);
            }
            // Once in a pass: replicas that disagree must not turn it round and round.
            Heads::RightAgain if self.right_again => {
                self.check_at = Some(pass.began + ASK_AGAIN_AFTER);
                false
            }
            Heads::RightAgain => {
                self.right_again = true;
                let tx = self.lease.tenant().await?;
                mailboxes::note_right(&tx, &self.lease.guard(), pass.began + LOOK_BACK_AFTER).await?;
                tx.commit().await?;
                return Ok(Ended::Again);
            }
            Heads::StartOver => return Ok(Ended::StartOver(RunReason::Recreated)),
        };
        let standing = match start {
            Start::Settled(_) => settle::after(*standing, pass.began, head, told_at),
            Start::Cursor(_) | Start::Lower(_) | Start::Meanwhile(_) => {
                Standing { caught_up_at: pass.began, ..*standing }
            }
        };
        // What lies before the boundary, or was seen, is no news because a start moved before it.
        let known_to = match start {
            Start::Meanwhile(_) if standing.back.is_none() => Some(standing.settled),
            _ => None,
        };
        let end = whole.then_some(standing);
        let look = Look { start: start.id(), known_to, head, ids: mailbox.ids(), attempts: mailbox.attempts, end };
        let cursor = Box::pin(self.follow(&look, pass, page)).await?;
        if pass.unknown_label && !pass.labels_read {
            self.read_labels().await;
        }
        self.told(mailbox, pass, cursor);
        Ok(Ended::Done)
    }

    async fn note_back(&self, since: Timestamp, lower: HistoryId) -> Result<(), EngineError> {
        let tx = self.lease.tenant().await?;
        mailboxes::note_back(&tx, &self.lease.guard(), since, lower).await?;
        Ok(tx.commit().await?)
    }

    /// History answers 404: for certain when it does so again after a while. Until then looks start at the id that the
    /// profile tells now.
    async fn gone(&mut self, standing: &Standing, start: Start, now: Timestamp) -> Result<Ended, EngineError> {
        let since = standing.gone.map_or(now, |(since, _)| since);
        let certain_at = settle::gone_for_certain(standing, since);
        if let Some((_, told)) = standing.gone
            && now >= certain_at
        {
            // With ids that went back, what is gone is the lower start.
            let lower = standing.back.is_some() || told < standing.settled;
            let reason = if lower { RunReason::Recreated } else { RunReason::HistoryExpired };
            return Ok(Ended::StartOver(reason));
        }
        let head = self.lease.gmail(Lane::Live).profile().await?.history_id;
        let tx = self.lease.tenant().await?;
        mailboxes::note_gone(&tx, &self.lease.guard(), since, head).await?;
        tx.commit().await?;
        self.check_at = Some(certain_at);
        // Twice in a row: nothing can be followed now.
        Ok(if matches!(start, Start::Meanwhile(_)) { Ended::Done } else { Ended::Again })
    }

    fn told(&self, mailbox: &Mailbox, pass: &Pass, cursor: HistoryId) {
        let Pass { records, counts, cause, .. } = pass;
        let connector = mailbox.connector;
        if *records > 0 || cause.trace.is_some() {
            let (stored, deleted) = (counts.stored, counts.deleted);
            tracing::info!(connector.id = %connector, history.id = %cursor, records, stored, deleted, "followed history");
        } else {
            tracing::debug!(connector.id = %connector, history.id = %cursor, "no history to follow");
        }
    }
}
