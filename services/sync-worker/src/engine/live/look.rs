//! A look's pages: what was not met before is fetched and committed in small steps.

use std::collections::{HashMap, HashSet};

use postrider_domain::{HistoryId, MessageId};
use postrider_gmail::{GmailError, HistoryPage, HistoryRecord, Lane};

use super::{LiveLane, Pass};
use crate::content::fetched::Fetched;
use crate::engine::fetch::{Batch, Fetcher};
use crate::error::EngineError;
use crate::rules::change::{Change, Fetch, fetch, fold};
use crate::rules::ids::Ids;
use crate::rules::settle::Standing;
use crate::rules::slices;
use crate::store::{changes, emails};

/// Up to this many new mails are fetched without looking whether they are there already.
const NOT_ASKED: usize = 8;

/// A look at the history under way.
pub(super) struct Look {
    pub start: HistoryId,
    /// Records up to here are known though it starts before them.
    pub known_to: Option<HistoryId>,
    /// The id its first page told: changes that came while paging are for the next look.
    pub head: HistoryId,
    pub ids: Ids,
    /// Looks in a row that failed before it.
    pub attempts: i32,
    /// How things stand at its end, if it is one that can end anything.
    pub end: Option<Standing>,
}

impl LiveLane<'_> {
    /// Applies a look's first page and those behind it. Returns the greatest record it showed.
    pub(super) async fn follow(
        &mut self,
        look: &Look,
        pass: &mut Pass,
        first: HistoryPage,
    ) -> Result<HistoryId, EngineError> {
        let fetcher = Fetcher::of(self.lease, Lane::Live, look.attempts);
        let (mut page, mut greatest) = (first, look.start);
        loop {
            page.records.retain(|record| look.known_to.is_none_or(|known| record.id > known));
            greatest = page.records.iter().map(|record| record.id).fold(greatest, Ord::max);
            let token = page.next_page_token.take();
            let end = look.end.filter(|_| token.is_none()).map(|standing| End {
                standing: Standing { cursor: standing.cursor.max(greatest), ..standing },
                reached: look.head.max(greatest),
            });
            Box::pin(self.apply_page(pass, &fetcher, page.records, &look.ids, end)).await?;
            let Some(token) = token else { return Ok(greatest) };
            page = match fetcher.gmail.history(look.start, Some(&token)).await {
                // A page token that is not taken any more: the next look starts again.
                Err(GmailError::BadRequest { .. } | GmailError::PageGone | GmailError::HistoryGone) => {
                    return Err(GmailError::transient("a page token of the history is no longer valid").into());
                }
                page => page?,
            };
        }
    }

    /// Applies a page in steps. `end`: it is the last one, and its last commit ends the look.
    async fn apply_page(
        &mut self,
        pass: &mut Pass,
        fetcher: &Fetcher,
        records: Vec<HistoryRecord>,
        ids: &Ids,
        end: Option<End>,
    ) -> Result<(), EngineError> {
        let records = self.unseen(pass, records).await?;
        let mut rest = records.as_slice();
        let mut alone = false;
        while !rest.is_empty() {
            let fits = slices::leading(rest.iter().map(|record| (record.entries(), 0)));
            let (step, _) = rest.split_at(if alone { 1 } else { fits });
            let wanted = self.wanted(step, &pass.waiting, ids).await?;
            let Batch { fetched, error, complete } = self.fetch_step(fetcher, step, wanted.clone()).await;
            // With an error, or mails too large to hold them all, only what comes before the first mail that was not
            // fetched can be committed.
            let whole = if complete { step.len() } else { ready(step, &wanted, &fetched) };
            // A record whose own mails are too many is taken by itself.
            alone = whole == 0;
            let (ready, later) = rest.split_at(whole);
            let end = end.filter(|_| later.is_empty() && error.is_none());
            self.name_labels(pass, ready, &fetched).await;
            if !ready.is_empty() {
                self.commit_records(pass, ready, fetched, end).await?;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
            rest = later;
        }
        if end.is_some() && records.is_empty() {
            Box::pin(self.commit(pass, &[], &HashMap::new(), end)).await?;
        }
        Ok(())
    }

    /// The records without what was met before.
    async fn unseen(&self, pass: &mut Pass, records: Vec<HistoryRecord>) -> Result<Vec<HistoryRecord>, EngineError> {
        let ids = || records.iter().map(|record| record.id);
        if let (true, Some(first), Some(last)) = (pass.crowded, ids().min(), ids().max()) {
            let tx = self.lease.tenant().await?;
            let met = changes::list_between(&tx, &self.lease.guard(), first, last).await?;
            tx.commit().await?;
            met.into_iter().for_each(|entry| pass.seen.add(entry.record, entry.kind, entry.message));
        }
        Ok(pass.seen.unseen(records))
    }

    async fn fetch_step(&self, fetcher: &Fetcher, step: &[HistoryRecord], wanted: Vec<(MessageId, Fetch)>) -> Batch {
        let connector = self.lease.guard().connector;
        tracing::debug!(connector.id = %connector, records = step.len(), fetches = wanted.len(), "history step");
        let ahead = if step.len() == 1 { usize::MAX } else { fetcher.ahead };
        let fetcher = Fetcher { concurrency: self.lease.concurrency(), ahead, ..fetcher.clone() };
        fetcher.all(wanted).await
    }

    async fn wanted(
        &self,
        step: &[HistoryRecord],
        waiting: &HashSet<MessageId>,
        ids: &Ids,
    ) -> Result<Vec<(MessageId, Fetch)>, EngineError> {
        let guard = self.lease.guard();
        let changes = fold(step);
        // Mail that was just delivered is not in the mirror: asking first costs every one of them more than the rare
        // fetch too many costs.
        let known = if changes.len() <= NOT_ASKED && changes.iter().all(|change| change.added.is_some()) {
            Vec::new()
        } else {
            let messages: Vec<MessageId> = changes.iter().map(|change| change.message_id.clone()).collect();
            let tx = self.lease.tenant().await?;
            let known = emails::list_known(&tx, &guard.tenant, guard.connector, &messages).await?;
            tx.commit().await?;
            known
        };
        let known: HashMap<_, _> = known.iter().map(|row| (&row.message_id, row)).collect();
        let want = |change: Change| {
            let waits = waiting.contains(&change.message_id);
            let fetch = fetch(&change, known.get(&change.message_id).copied(), waits, ids)?;
            Some((change.message_id, fetch))
        };
        Ok(changes.into_iter().filter_map(want).collect())
    }
}

/// The end of a look.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub standing: Standing,
    /// The greatest id that head or records told.
    pub reached: HistoryId,
}

/// How many leading records have all that they need.
fn ready(step: &[HistoryRecord], wanted: &[(MessageId, Fetch)], fetched: &HashMap<MessageId, Fetched>) -> usize {
    let missing: HashSet<&MessageId> =
        wanted.iter().map(|(id, _)| id).filter(|id| !fetched.contains_key(*id)).collect();
    let names = |record: &HistoryRecord| fold([record]).iter().any(|change| missing.contains(&change.message_id));
    step.iter().position(names).unwrap_or(step.len())
}
