//! Parked messages whose next look is due.

use postrider_gmail::Lane;

use super::apply::{Cx, Item, Origin, apply};
use super::fetch::{ALONE_AFTER, Answer, Fetches, fetch_all};
use super::session::Session;
use crate::error::EngineError;
use crate::rules::decide::Need;
use crate::rules::fold::Action;
use crate::rules::slices;
use crate::store::{emails, ledger, parked};

/// Messages looked at in one go.
const BATCH: usize = 50;

impl Session<'_> {
    /// Looks at every parked message that is due, a batch at a time.
    pub(super) async fn look_at_parked(&self) -> Result<(), EngineError> {
        loop {
            let guard = self.guard();
            let mut tx = self.engine.db().tenant(&guard.tenant).await?;
            let due = parked::list_due(&mut tx, &guard, self.now(), BATCH).await?;
            let ids: Vec<_> = due.iter().map(|row| row.message_id.clone()).collect();
            let known = emails::list_known(&tx, &guard.tenant, guard.connector, &ids).await?;
            tx.commit().await?;
            if due.is_empty() {
                return Ok(());
            }
            let has_body =
                |id: &postrider_domain::MessageId| known.iter().any(|row| row.message_id == *id && !row.stub);
            let wanted =
                ids.iter().map(|id| (id.clone(), if has_body(id) { Need::Meta } else { Need::Mail })).collect();
            let gmail = self.lane(Lane::Repair);
            // It is parked already: another failure moves its schedule and stops nothing.
            let patience = self.patience(ALONE_AFTER);
            let Fetches { answers, error, .. } =
                Box::pin(fetch_all(&gmail, wanted, (self.concurrency(), self.ahead()), patience)).await;
            let mut looked: Vec<(Action, Answer)> = due
                .into_iter()
                .filter_map(|row| {
                    let answer = answers.get(&row.message_id)?.clone();
                    Some((Action::look_at(row.message_id, row.thread_id, row.history_id), answer))
                })
                .collect();
            while !looked.is_empty() {
                let fits = slices::leading(looked.iter().map(|(_, answer)| (1, answer.weight())));
                let batch: Vec<_> = looked.drain(..fits).collect();
                Box::pin(self.commit_looks(batch)).await?;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
        }
    }

    /// Commits looks together, and one by one where the database refuses the lot.
    async fn commit_looks(&self, batch: Vec<(Action, Answer)>) -> Result<(), EngineError> {
        match Box::pin(self.commit_look(&batch)).await {
            Err(EngineError::Db(error)) if !error.is_transient() => {
                for (action, answer) in batch {
                    let single = [(action.clone(), answer)];
                    if let Err(EngineError::Db(error)) = Box::pin(self.commit_look(&single)).await
                        && !error.is_transient()
                    {
                        Box::pin(self.commit_look(&[(action, Answer::Poison(error.to_string()))])).await?;
                    }
                }
                tracing::warn!(%error, "parked messages were committed one by one");
                Ok(())
            }
            other => other,
        }
    }

    async fn commit_look(&self, batch: &[(Action, Answer)]) -> Result<(), EngineError> {
        let guard = self.guard();
        let names = self.names();
        let (mut tx, mailbox) = self.locked(&guard).await?;
        let cx = Cx {
            guard: &guard,
            mailbox: &mailbox,
            seams: self.engine.seams(),
            names: &names,
            origin: Origin::Parked,
            cause: self.own_cause(),
            now: self.now(),
        };
        let items: Vec<Item<'_>> =
            batch.iter().map(|(action, answer)| Item { action: action.clone(), answer: Some(answer) }).collect();
        let applied = apply(&mut tx, &cx, &items).await?;
        ledger::add(&tx, &guard, applied.tally).await?;
        postrider_events::outbox::append(&mut tx, applied.events).await?;
        tx.commit().await?;
        self.engine.metrics().applied(applied.tally, applied.stored);
        Ok(())
    }
}
