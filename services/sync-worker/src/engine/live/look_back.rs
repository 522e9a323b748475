//! Back over a boundary: a listing made at once after it may miss, and a fetch may show old, what came just before, and no
//! record behind the boundary tells of it. So once nothing from before is hidden any more, the newest ids of the mailbox
//! and of its labels are compared with the mirror, and differences are fetched. Older mail is left to the audit.

use std::collections::{HashMap, HashSet};

use postrider_domain::labels::{INBOX, SENT, SPAM, STARRED, TRASH, UNREAD};
use postrider_domain::{HistoryId, LabelId, MessageId, RunKind, Timestamp};
use postrider_gmail::{GmailError, IdPage, Lane, ListPage};

use super::LiveLane;
use crate::content::fetched::Fetched;
use crate::engine::apply::{Commit, Look, Origin};
use crate::engine::fetch::{ALONE_AFTER, Batch, Fetcher};
use crate::error::EngineError;
use crate::rules::change::{Change, Fetch, Known};
use crate::rules::decide::Tally;
use crate::rules::due::LOOK_BACK_AFTER;
use crate::store::{emails, labels, ledger, listing, mailboxes, parked, runs};

/// Newest ids compared, of the mailbox and of each label.
const NEWEST: usize = 500;
/// Labels compared at most, the six most used first: 5 units each.
const LABELS: usize = 50;
/// Differences fetched and committed in one go.
const BATCH: usize = 50;

/// What is fetched of a difference, and the version of a row that no listing named.
type Difference = (Fetch, Option<HistoryId>);

/// The newest ids of a listing.
struct Listed {
    ids: Vec<MessageId>,
    /// It has no more than these.
    all: bool,
}

/// What tells whether a row that no listing names is gone: one that is old enough for every listing to know it.
struct Ground {
    generation: i32,
    settled: Option<HistoryId>,
    boundary_at: Timestamp,
    /// What is older than this is no difference when it is missing.
    since: Option<Timestamp>,
}

impl Ground {
    /// The version of the row's tombstone, should Gmail answer 404 (law 4). What is newer than all that was settled may
    /// be hidden.
    fn gone_if_missing(&self, row: &Known) -> Option<HistoryId> {
        let id = row.version.history_id;
        let old = row.version.generation < self.generation || self.settled.is_some_and(|settled| id <= settled);
        (old && row.received_at <= self.boundary_at).then_some(id)
    }
}

impl LiveLane<'_> {
    /// Compares, and fetches what differs. `due` is when it was to happen.
    pub(super) async fn look_back(&self, due: Timestamp) -> Result<(), EngineError> {
        let most_used =
            [INBOX, UNREAD, SENT, STARRED, SPAM, TRASH].into_iter().filter_map(|id| LabelId::parse(id).ok());
        let mut labels: Vec<LabelId> = most_used.collect();
        let now = self.lease.parts.now();
        let mut tx = self.lease.tenant().await?;
        // What a repair has not listed yet would all be differences, and told one by one.
        let run = runs::find_active(&mut tx, &self.lease.guard()).await?;
        if run.is_some_and(|run| run.kind == RunKind::Repair && !run.listing_complete) {
            mailboxes::postpone_look_back(&tx, &self.lease.guard(), now + LOOK_BACK_AFTER).await?;
            return Ok(tx.commit().await?);
        }
        let mut others = labels::list_compared(&tx, &self.lease.guard(), now).await?;
        tx.commit().await?;
        others.retain(|label| !labels.contains(label));
        labels.extend(others);
        labels.truncate(LABELS);
        let mailbox = self.lease.mailbox().await?;
        let ground = Ground {
            generation: mailbox.generation,
            settled: mailbox.settled,
            boundary_at: due - LOOK_BACK_AFTER,
            since: mailbox.sync_since(),
        };
        let mut wanted = HashMap::new();
        for label in &labels {
            wanted.extend(self.compare(Some(label), &ground).await?);
        }
        wanted.extend(self.compare(None, &ground).await?);
        let mut wanted: Vec<(MessageId, Difference)> = wanted.into_iter().collect();
        wanted.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        tracing::info!(connector.id = %self.lease.guard().connector, differences = wanted.len(), "looked back over a boundary");
        let fetcher = Fetcher::of(self.lease, Lane::Repair, ALONE_AFTER);
        while !wanted.is_empty() {
            let step = wanted.get(..BATCH.min(wanted.len())).unwrap_or_default();
            let fetches = step.iter().map(|(id, (fetch, _))| (id.clone(), *fetch)).collect();
            let Batch { mut fetched, error, .. } = fetcher.all(fetches).await;
            let look = |(id, (_, unlisted)): &(MessageId, Difference)| {
                let fetched = fetched.remove(id)?;
                let deleted = unlisted.filter(|_| matches!(fetched, Fetched::Missing));
                Some((Change { deleted, ..Change::look_at(id.clone(), None, HistoryId(0)) }, fetched))
            };
            let looks: Vec<Look> = step.iter().filter_map(look).collect();
            // Large mails fill memory before the step is through: the rest is for the next one.
            wanted.retain(|(id, _)| !looks.iter().any(|(change, _)| change.message_id == *id));
            self.commit_looks(Origin::LookBack, looks).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
        }
        let commit = Commit::begin(self.lease, self.lease.guard(), self.lease.own_cause()).await?;
        mailboxes::looked_back(&commit.tx, &commit.guard, due).await?;
        let shown = parked::settle_unreadable(&commit.tx, &commit.guard, due - LOOK_BACK_AFTER).await?;
        let tally = Tally { applied: shown.settled, parked: -shown.settled, ..Tally::default() };
        ledger::add(&commit.tx, &commit.guard, tally).await?;
        if shown.newer {
            mailboxes::want_look_back(&commit.tx, &commit.guard, commit.now + LOOK_BACK_AFTER).await?;
        }
        commit.end().await?;
        self.lease.parts.metrics.applied(tally, 0);
        Ok(())
    }

    /// It failed: once more later. Live mail does not wait for it.
    pub(super) async fn postpone_look_back(&self, error: &GmailError) -> Result<(), EngineError> {
        let at = self.lease.parts.now() + LOOK_BACK_AFTER;
        let tx = self.lease.tenant().await?;
        mailboxes::postpone_look_back(&tx, &self.lease.guard(), at).await?;
        tx.commit().await?;
        let connector = self.lease.guard().connector;
        tracing::warn!(connector.id = %connector, %error, "the look back over a boundary failed and waits until {at}");
        Ok(())
    }

    /// Mails of the mailbox, or of a label, that a listing and the mirror do not agree about.
    async fn compare(
        &self,
        label: Option<&LabelId>,
        ground: &Ground,
    ) -> Result<HashMap<MessageId, Difference>, EngineError> {
        let listed = self.list_newest(label, ground.since).await?;
        let guard = self.lease.guard();
        let mut tx = self.lease.tenant().await?;
        // Before what is known: a run goes on beside it, and what it stores in between is then both, never neither.
        let run = runs::find_active(&mut tx, &guard).await?;
        let ahead: HashSet<MessageId> = match &run {
            Some(run) => listing::list_ahead(&tx, run, &listed.ids).await?.into_iter().collect(),
            None => HashSet::new(),
        };
        let known = emails::list_known(&tx, &guard.tenant, guard.connector, &listed.ids).await?;
        let mirrored = emails::list_newest(&tx, &guard, label, NEWEST).await?;
        tx.commit().await?;
        let rows: HashMap<&MessageId, &Known> = known.iter().map(|row| (&row.message_id, row)).collect();
        let named: HashSet<&MessageId> = listed.ids.iter().collect();
        let disagrees = |id: &MessageId| match rows.get(id) {
            // A run that has listed it will fetch it.
            None => (!ahead.contains(id)).then_some((Fetch::Mail, None)),
            Some(row) if row.stub => Some((Fetch::Mail, None)),
            Some(row) if row.is_deleted || label.is_some_and(|label| !row.labels.contains(label)) => {
                Some((Fetch::Labels, None))
            }
            Some(_) => None,
        };
        let missing = listed.ids.iter().filter_map(|id| Some((id.clone(), disagrees(id)?)));
        // Of a part of a listing only what is as new as its end can be said to be missing there.
        let end = if listed.all { ground.since } else { known.iter().map(|row| row.received_at).min() };
        // Only a listing of the whole mailbox says that a mail is gone.
        let gone = |row| ground.gone_if_missing(row).filter(|_| label.is_none());
        let too_many = mirrored
            .iter()
            .filter(|row| end.is_none_or(|end| row.received_at > end) && !named.contains(&row.message_id))
            .map(|row| (row.message_id.clone(), (Fetch::Labels, gone(row))));
        Ok(missing.chain(too_many).collect())
    }

    async fn list_newest(&self, label: Option<&LabelId>, since: Option<Timestamp>) -> Result<Listed, EngineError> {
        let gmail = self.lease.gmail(Lane::Repair);
        let (mut ids, mut token) = (Vec::new(), None::<String>);
        loop {
            let wanted = ListPage { token: token.as_deref(), label, since, ..ListPage::WHOLE };
            let page = match gmail.list_messages(&wanted).await {
                Ok(page) => page,
                // The label is no more, and no mail carries it.
                Err(GmailError::BadRequest { .. } | GmailError::NotFound) if label.is_some() && token.is_none() => {
                    IdPage::default()
                }
                Err(error) => return Err(error.into()),
            };
            ids.extend(page.ids.into_iter().map(|(id, _)| id));
            token = page.next_page_token;
            if token.is_none() || ids.len() >= NEWEST {
                return Ok(Listed { ids, all: token.is_none() });
            }
        }
    }
}
