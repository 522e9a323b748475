//! Parked messages whose next look is due.

use chrono::TimeDelta;
use postrider_gmail::{GmailError, Lane};

use super::LiveLane;
use crate::content::fetched::Fetched;
use crate::engine::apply::{Commit, Look, Origin, apply, messages};
use crate::engine::fetch::{ALONE_AFTER, Batch, Fetcher};
use crate::error::EngineError;
use crate::rules::change::{Change, Fetch};
use crate::rules::slices;
use crate::store::{emails, parked};

/// How long due looks wait when one of them failed for a reason that is not its message's.
const POSTPONED: TimeDelta = TimeDelta::minutes(1);
/// Messages looked at in one go.
const BATCH: usize = 50;

impl LiveLane<'_> {
    /// Looks at every parked message that is due, a batch at a time.
    pub(super) async fn look_at_parked(&self) -> Result<(), EngineError> {
        loop {
            let guard = self.lease.guard();
            let mut tx = self.lease.tenant().await?;
            let due = parked::list_due(&mut tx, &guard, self.lease.parts.now(), BATCH).await?;
            let ids: Vec<_> = due.iter().map(|row| row.message_id.clone()).collect();
            let known = emails::list_known(&tx, &guard.tenant, guard.connector, &ids).await?;
            tx.commit().await?;
            if due.is_empty() {
                return Ok(());
            }
            let fetch = |id| {
                let has_body = known.iter().any(|row| row.message_id == id && !row.stub);
                (id, if has_body { Fetch::Labels } else { Fetch::Mail })
            };
            // It is parked already: another failure moves its schedule and stops nothing.
            let fetcher = Fetcher::of(self.lease, Lane::Repair, ALONE_AFTER);
            let Batch { mut fetched, error, .. } = fetcher.all(ids.into_iter().map(fetch).collect()).await;
            let mut looks: Vec<Look> = due
                .into_iter()
                .filter_map(|row| {
                    let fetched = fetched.remove(&row.message_id)?;
                    Some((Change::look_at(row.message_id, row.thread_id, row.history_id), fetched))
                })
                .collect();
            while !looks.is_empty() {
                let fits = slices::leading(looks.iter().map(|(_, fetched)| (1, fetched.weight())));
                let batch: Vec<_> = looks.drain(..fits).collect();
                self.commit_looks(Origin::Parked, batch).await?;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
        }
    }

    /// The look at parked messages failed: those that were due are looked at a little later. Live mail does not wait for them.
    pub(super) async fn postpone_parked(&self, error: &GmailError) -> Result<(), EngineError> {
        let now = self.lease.parts.now();
        let tx = self.lease.tenant().await?;
        parked::postpone(&tx, &self.lease.guard(), now, now + POSTPONED).await?;
        tx.commit().await?;
        let connector = self.lease.guard().connector;
        tracing::warn!(connector.id = %connector, %error, "parked messages could not be looked at");
        Ok(())
    }

    /// Commits looks together, and one by one where the database refuses the lot.
    pub(super) async fn commit_looks(&self, origin: Origin, batch: Vec<Look>) -> Result<(), EngineError> {
        match self.commit_look(origin, &batch).await {
            Err(EngineError::Db(error)) if !error.is_transient() => {
                for (change, fetched) in batch {
                    let single = [(change.clone(), fetched)];
                    match self.commit_look(origin, &single).await {
                        Err(EngineError::Db(error)) if !error.is_transient() => {
                            self.commit_look(origin, &[(change, Fetched::Poison(error.to_string()))]).await?;
                        }
                        done => done?,
                    }
                }
                tracing::warn!(%error, "messages were committed one by one");
                Ok(())
            }
            other => other,
        }
    }

    async fn commit_look(&self, origin: Origin, batch: &[Look]) -> Result<(), EngineError> {
        let mut commit = Commit::begin(self.lease, self.lease.guard(), self.lease.own_cause()).await?;
        apply(&mut commit, origin, messages(batch)).await?;
        Ok(commit.end().await?)
    }
}
