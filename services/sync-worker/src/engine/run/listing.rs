//! The two ends of a run: every id is listed, and mails that were not listed are asked about.

use postrider_domain::{MessageId, RunState};
use postrider_gmail::GmailError;
use tokio::time::Instant;

use super::{RunLane, STATISTICS_AFTER};
use crate::content::fetched::Fetched;
use crate::engine::apply::Look;
use crate::engine::fetch::Batch;
use crate::error::EngineError;
use crate::rules::change::Change;
use crate::rules::change::{Fetch, Known};
use crate::store::emails;
use crate::store::runs::Step;

/// Deletions confirmed at once.
const CONFIRM: usize = 50;
/// More than one in this many mails looks deleted: list once more before asking for each.
const SUSPICIOUS: i64 = 100;

impl RunLane<'_> {
    pub(super) async fn list_page(&mut self) -> Result<(), EngineError> {
        let page = match self.fetcher().gmail.list_messages(self.run.page_token.as_deref(), None, true).await {
            Ok(page) => page,
            // The token is too old: the listing starts again. What was listed stays; its boundary still holds.
            Err(GmailError::PageGone | GmailError::BadRequest { .. } | GmailError::NotFound)
                if self.run.page_token.is_some() =>
            {
                return self.step(Step { page_token: Some(None), ..Step::default() }, &[]).await;
            }
            Err(error) => return Err(error.into()),
        };
        let ids: Vec<MessageId> = page.ids.into_iter().map(|(id, _)| id).collect();
        let complete = page.next_page_token.is_none();
        let step = Step {
            page_token: Some(page.next_page_token),
            listing_complete: complete,
            state: complete.then_some(RunState::Fetching),
            ..Step::default()
        };
        self.step(step, &ids).await?;
        if complete && self.run.listed >= STATISTICS_AFTER {
            self.refresh_statistics().await;
        }
        Ok(())
    }

    /// Asks Gmail about every mail that a complete listing did not name; a tombstone where it answers 404 (law 4). Gives way
    /// at the end of the slice: the last message asked about is kept where the listing's page was.
    pub(super) async fn confirm(&mut self, until: Instant) -> Result<(), EngineError> {
        if self.run.page_token.is_none() && self.list_once_more().await? {
            return Ok(());
        }
        loop {
            let after = self.run.page_token.clone().unwrap_or_default();
            let candidates = self.list_unlisted(&after).await?;
            if candidates.is_empty() {
                return self.complete().await;
            }
            let wanted = candidates.iter().map(|row| (row.message_id.clone(), Fetch::Labels)).collect();
            let Batch { mut fetched, error, .. } = self.fetcher().all(wanted).await;
            let boundary = self.run.boundary;
            // What came before the first one that was not fetched is done with.
            let asked = candidates.iter().take_while(|row| fetched.contains_key(&row.message_id)).last();
            let place = asked.map(|row| Some(row.message_id.to_string()));
            let looks: Vec<Look> = candidates
                .into_iter()
                .filter_map(|row| {
                    let fetched = fetched.remove(&row.message_id)?;
                    // No newer than what the row knew: an answer that shows it after all revives it.
                    let deleted = matches!(fetched, Fetched::Missing).then(|| row.version.history_id.min(boundary));
                    Some((Change { deleted, ..Change::look_at(row.message_id, None, boundary) }, fetched))
                })
                .collect();
            self.commit_looks(&looks, Step { page_token: place, ..Step::default() }).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
            if Instant::now() >= until || self.lease.parts.stopping() {
                return Ok(());
            }
        }
    }

    /// Where suspiciously many look deleted, a second listing begins before any of them is asked about.
    async fn list_once_more(&mut self) -> Result<bool, EngineError> {
        let mut tx = self.lease.tenant().await?;
        let emails::Unlisted { alive, unlisted } = emails::count_unlisted(&mut tx, &self.run).await?;
        tx.commit().await?;
        if unlisted.saturating_mul(SUSPICIOUS) <= alive || self.run.pass > 1 {
            return Ok(false);
        }
        let step = Step { state: Some(RunState::Listing), page_token: Some(None), next_pass: true, ..Step::default() };
        self.step(step, &[]).await?;
        Ok(true)
    }

    async fn list_unlisted(&self, after: &str) -> Result<Vec<Known>, EngineError> {
        let mut tx = self.lease.tenant().await?;
        let rows = emails::list_unlisted(&mut tx, &self.run, after, CONFIRM).await?;
        tx.commit().await?;
        Ok(rows)
    }
}
