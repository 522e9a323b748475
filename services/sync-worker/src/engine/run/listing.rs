//! The two ends of a run: every id is listed, and mails that were not listed are asked about.

use postrider_domain::{LabelId, MessageId, RunState};
use postrider_gmail::{GmailError, IdPage, ListPage};

use super::slots::Turn;
use super::{RunLane, STATISTICS_AFTER};
use crate::content::fetched::Fetched;
use crate::engine::apply::Look;
use crate::engine::fetch::Batch;
use crate::error::EngineError;
use crate::rules::change::Change;
use crate::rules::change::{Fetch, Known};
use crate::rules::listing_place::{Place, next_label};
use crate::store::emails;
use crate::store::runs::Step;

/// Deletions confirmed at once.
const CONFIRM: usize = 50;
/// More than one in this many mails looks deleted: list once more before asking for each.
const SUSPICIOUS: i64 = 100;

impl RunLane<'_> {
    /// Lists a page: of all ids, then of those that are not too old, where some are, then of each label's.
    pub(super) async fn list_page(&mut self) -> Result<(), EngineError> {
        match Place::of(self.run.page_token.as_deref()) {
            Place::Ids(token) => self.list_id_page(token).await,
            Place::Window(token) => self.list_window_page(token).await,
            Place::Label(label, token) => self.list_label_page(label, token).await,
        }
    }

    async fn list_id_page(&mut self, token: Option<String>) -> Result<(), EngineError> {
        let page = ListPage { token: token.as_deref(), ..ListPage::WHOLE };
        // Too old a token: the listing starts again. What was listed stays; its boundary still holds.
        let Some(page) = self.list(&page).await? else { return self.step(behind(Some(Place::Ids(None))), &[]).await };
        let ids: Vec<MessageId> = page.ids.into_iter().map(|(id, _)| id).collect();
        let complete = page.next_page_token.is_none();
        let next = match page.next_page_token {
            Some(token) => Some(Place::Ids(Some(token))),
            None if self.run.since.is_some() => Some(Place::Window(None)),
            None => self.first_label().await?,
        };
        self.step(behind(next), &ids).await?;
        if complete && self.run.listed >= STATISTICS_AFTER {
            self.refresh_statistics().await;
        }
        Ok(())
    }

    /// What the run may fetch. Everything is listed all the same: what vanished is noticed however old it is.
    async fn list_window_page(&mut self, token: Option<String>) -> Result<(), EngineError> {
        let page = ListPage { token: token.as_deref(), since: self.run.since, ..ListPage::WHOLE };
        let Some(page) = self.list(&page).await? else {
            return self.step(behind(Some(Place::Window(None))), &[]).await;
        };
        let ids: Vec<MessageId> = page.ids.into_iter().map(|(id, _)| id).collect();
        let next = match page.next_page_token {
            Some(token) => Some(Place::Window(Some(token))),
            None => self.first_label().await?,
        };
        self.step_window(behind(next), &ids).await
    }

    /// `None`: the page's token is too old.
    async fn list(&self, page: &ListPage<'_>) -> Result<Option<IdPage>, EngineError> {
        match self.fetcher().gmail.list_messages(page).await {
            Ok(listed) => Ok(Some(listed)),
            Err(GmailError::PageGone | GmailError::BadRequest { .. } | GmailError::NotFound)
                if page.token.is_some() =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A second listing is about what is gone: labels are known by then.
    async fn first_label(&self) -> Result<Option<Place>, EngineError> {
        if !self.run.learns_labels() || self.run.pass > 1 {
            return Ok(None);
        }
        Ok(self.label_after(None).await?.map(|label| Place::Label(label, None)))
    }

    /// Lists a page of the mails that carry a label: 5 units for 500, where to fetch them would be 20 each.
    async fn list_label_page(&mut self, label: LabelId, token: Option<String>) -> Result<(), EngineError> {
        let page = ListPage { token: token.as_deref(), label: Some(&label), ..ListPage::WHOLE };
        let page = match self.list(&page).await {
            Ok(Some(page)) => page,
            // The token is too old: this label begins again. Without one, the label is no more, and no mail carries it.
            Ok(None) => return self.step(behind(Some(Place::Label(label, None))), &[]).await,
            Err(EngineError::Gmail(GmailError::BadRequest { .. } | GmailError::NotFound)) => IdPage::default(),
            Err(error) => return Err(error),
        };
        let ids: Vec<MessageId> = page.ids.into_iter().map(|(id, _)| id).collect();
        let next = match page.next_page_token {
            Some(token) => Some(Place::Label(label.clone(), Some(token))),
            None => self.label_after(Some(&label)).await?.map(|label| Place::Label(label, None)),
        };
        self.step_label(behind(next), &label, &ids).await
    }

    async fn label_after(&self, after: Option<&LabelId>) -> Result<Option<LabelId>, EngineError> {
        let labels = self.fetcher().gmail.labels().await?;
        Ok(next_label(labels.into_iter().map(|label| label.id), after))
    }

    /// Asks Gmail about every mail that a complete listing did not name; a tombstone where it answers 404 (law 4). Gives way
    /// at the end of its turn: the last message asked about is kept where the listing's page was.
    pub(super) async fn confirm(&mut self, turn: &Turn<'_>) -> Result<(), EngineError> {
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
            if turn.is_over() || self.lease.parts.stopping() {
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

/// On to the listing's next place; without one, everything is listed.
fn behind(next: Option<Place>) -> Step {
    let over = next.is_none();
    Step {
        page_token: Some(next.and_then(Place::checkpoint)),
        listing_complete: over,
        state: over.then_some(RunState::Fetching),
        ..Step::default()
    }
}
