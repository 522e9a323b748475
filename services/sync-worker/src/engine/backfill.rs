//! The backfill lane: a run's slice of work. Every step is a small transaction with its checkpoint inside, so that a
//! kill anywhere resumes.

use domain::MessageId;
use futures_util::{StreamExt, stream};
use google::{GmailError, Lane};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::Origin;
use super::fetch::{Answer, fetch_one};
use super::run_steps::Fetches;
use super::session::Session;
use crate::error::EngineError;
use crate::rules::decide::Need;
use crate::rules::fold::Action;
use crate::rules::slices;
use crate::store::listing::{self, Mark, Todo, TodoState};
use crate::store::runs::{Counts, Run, Step};

/// Ids taken from the listing at once.
const TODO: usize = 1_000;
/// Deletions confirmed at once.
const CONFIRM: usize = 50;
/// More than one in this many mails looks deleted: list once more before asking for each.
const SUSPICIOUS: i64 = 100;

impl Session<'_> {
    /// Works on a run until it ends (`true`) or the slice is over (`false`). `done` is set at the end in any case.
    pub(super) async fn backfill_slice(&self, run: Run, done: &CancellationToken) -> Result<bool, EngineError> {
        let _set = done.clone().drop_guard();
        let until = Instant::now() + self.engine.settings().backfill_slice;
        let mut run = run;
        loop {
            let next = match run.state.as_str() {
                "listing" => Box::pin(self.list_page(&run)).await,
                "fetching" => Box::pin(self.fetch_listed(&run, until)).await,
                "confirming" => Box::pin(self.confirm(&run)).await,
                _ended => return Ok(true),
            };
            run = match next {
                Ok(run) => run,
                // The live lane started over: another run takes this one's place.
                Err(EngineError::BrokenOff) => return Ok(true),
                Err(error) => return Err(error),
            };
            let ended = !matches!(run.state.as_str(), "listing" | "fetching" | "confirming");
            if !ended && (Instant::now() >= until || self.engine.stopping()) {
                return Ok(false);
            }
        }
    }

    fn run_lane(run: &Run) -> Lane {
        match (run.kind.as_str(), run.reason.as_str()) {
            ("repair", _) => Lane::Repair,
            (_, "asked") => Lane::Asked,
            _ => Lane::Backfill,
        }
    }

    async fn list_page(&self, run: &Run) -> Result<Run, EngineError> {
        let gmail = self.lane(Self::run_lane(run));
        let page = match gmail.list_messages(run.page_token.as_deref(), None, true).await {
            Ok(page) => page,
            // The token is too old: the listing starts again. What was listed stays; its boundary still holds.
            Err(GmailError::BadRequest { .. } | GmailError::NotFound) if run.page_token.is_some() => {
                let step = Step { page_token: Some(None), ..Step::default() };
                return self.step(run, step, Vec::new(), &[]).await;
            }
            Err(error) => return Err(error.into()),
        };
        let ids: Vec<MessageId> = page.ids.into_iter().map(|(id, _)| id).collect();
        let complete = page.next_page_token.is_none();
        let step = Step {
            page_token: Some(page.next_page_token),
            listing_complete: complete,
            state: complete.then_some("fetching"),
            ..Step::default()
        };
        self.step(run, step, Vec::new(), &ids).await
    }

    /// Fetches what the listing found and the mirror lacks: fetches run ahead while transactions commit.
    async fn fetch_listed(&self, run: &Run, until: Instant) -> Result<Run, EngineError> {
        let guard = self.guard();
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        let todo = listing::list_todo(&mut tx, run, TODO).await?;
        tx.commit().await?;
        if todo.is_empty() {
            return self.step(run, Step { state: Some("confirming"), ..Step::default() }, Vec::new(), &[]).await;
        }
        let (wanted, settled) = sort_todo(run, todo);
        let run = if settled.is_empty() { run.clone() } else { self.step(run, Step::default(), settled, &[]).await? };
        if wanted.is_empty() {
            return Ok(run);
        }
        let (send, receive) = mpsc::channel(slices::MAX_MAILS);
        let (run, ()) = tokio::try_join!(
            Box::pin(self.store_fetched(run.clone(), receive)),
            Box::pin(self.fetch_ahead(&run, wanted, send, until)),
        )?;
        Ok(run)
    }

    async fn fetch_ahead(
        &self,
        run: &Run,
        wanted: Vec<(MessageId, Need)>,
        send: mpsc::Sender<(MessageId, Answer)>,
        until: Instant,
    ) -> Result<(), EngineError> {
        let gmail = self.lane(Self::run_lane(run));
        let patience = self.patience();
        let mut fetches = stream::iter(wanted)
            .take_while(|_| std::future::ready(Instant::now() < until && !self.engine.stopping()))
            .map(|(id, need)| {
                let gmail = gmail.clone();
                async move {
                    let answer = fetch_one(&gmail, &id, need, patience).await;
                    (id, answer)
                }
            })
            .buffer_unordered(self.concurrency().max(1));
        let mut failure = None;
        while let Some((id, answer)) = fetches.next().await {
            match answer {
                Ok(answer) => {
                    if send.send((id, answer)).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        // Told when the receiver is through: try_join would drop its last commit.
        if let Some(error) = failure {
            self.fetch_failed(error);
        }
        Ok(())
    }

    async fn store_fetched(
        &self,
        mut run: Run,
        mut receive: mpsc::Receiver<(MessageId, Answer)>,
    ) -> Result<Run, EngineError> {
        let mut waiting: Vec<(MessageId, Answer)> = Vec::new();
        loop {
            let room = slices::MAX_MAILS.saturating_sub(waiting.len()).max(1);
            let taken = receive.recv_many(&mut waiting, room).await;
            let full = waiting.len() >= slices::MAX_MAILS
                || waiting.iter().map(|(_, answer)| answer.weight()).sum::<usize>() >= slices::MAX_BYTES;
            if waiting.is_empty() {
                break;
            }
            // A transaction is worth its price when it is full, or when nothing more is at hand.
            if full || taken == 0 || receive.is_empty() {
                let fits = slices::leading(waiting.iter().map(|(_, answer)| (1, answer.weight())));
                let batch: Vec<_> = waiting.drain(..fits).collect();
                run = Box::pin(self.store_batch(&run, batch)).await?;
            }
        }
        match self.take_failure() {
            Some(error) => Err(error.into()),
            None => Ok(run),
        }
    }

    /// Commits fetched mails; one by one where the database refuses the lot, so that the poison one is parked.
    async fn store_batch(&self, run: &Run, batch: Vec<(MessageId, Answer)>) -> Result<Run, EngineError> {
        let fetches = Fetches::of(run, &batch);
        match Box::pin(self.store(run, &fetches)).await {
            Err(EngineError::Db(error)) if !error.is_transient() => {
                tracing::error!(%error, mails = batch.len(), "the database refused a batch of mails");
                let mut run = run.clone();
                for (id, answer) in batch {
                    let single = Fetches::of(&run, &[(id.clone(), answer)]);
                    run = match Box::pin(self.store(&run, &single)).await {
                        Err(EngineError::Db(error)) if !error.is_transient() => {
                            let poison = Fetches::of(&run, &[(id, Answer::Poison(error.to_string()))]);
                            Box::pin(self.store(&run, &poison)).await?
                        }
                        other => other?,
                    };
                }
                Ok(run)
            }
            other => other,
        }
    }

    /// Asks Gmail about every mail that a complete listing did not name, and buries what is answered 404 (law 4).
    async fn confirm(&self, run: &Run) -> Result<Run, EngineError> {
        let gmail = self.lane(Self::run_lane(run));
        let (alive, unlisted) = self.unlisted(run).await?;
        if unlisted.saturating_mul(SUSPICIOUS) > alive && run.pass == 1 {
            let step = Step { state: Some("listing"), page_token: Some(None), next_pass: true, ..Step::default() };
            return self.step(run, step, Vec::new(), &[]).await;
        }
        let (mut run, mut after) = (run.clone(), String::new());
        loop {
            let candidates = self.list_unlisted(&run, &after, CONFIRM).await?;
            let Some(last) = candidates.last() else { break };
            after = last.message_id.to_string();
            let wanted = candidates.iter().map(|row| (row.message_id.clone(), Need::Meta)).collect();
            let (answers, error) =
                Box::pin(super::fetch::fetch_all(&gmail, wanted, self.concurrency(), self.patience())).await;
            let items: Vec<(Action, Answer)> = candidates
                .into_iter()
                .filter_map(|row| {
                    let answer = answers.get(&row.message_id)?.clone();
                    let missing = matches!(answer, Answer::Missing);
                    let action = Action::look_at(row.message_id, None, run.boundary);
                    Some((Action { deleted: missing.then_some(run.boundary), ..action }, answer))
                })
                .collect();
            let fetched = crate::store::count(items.len());
            let fetches = Fetches { items, marks: Vec::new(), add: Counts { fetched, ..Counts::default() } };
            run = Box::pin(self.store(&run, &fetches)).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
        }
        Box::pin(self.complete(&run)).await
    }
}

type Wanted = Vec<(MessageId, Need)>;
type Settled = Vec<(MessageId, Mark)>;

/// What to fetch, and what is settled without a fetch. `max_results` caps bodies, never labels or the listing.
fn sort_todo(run: &Run, todo: Vec<Todo>) -> (Wanted, Settled) {
    let mut room = run.max_results.map_or(i64::MAX, |most| most.saturating_sub(run.counts.stored));
    let (mut wanted, mut settled) = (Vec::new(), Vec::new());
    for Todo { message_id, state } in todo {
        match state {
            TodoState::Current => settled.push((message_id, Mark::Done)),
            TodoState::Stale => wanted.push((message_id, Need::Meta)),
            TodoState::Missing if room > 0 => {
                room -= 1;
                wanted.push((message_id, Need::Mail));
            }
            TodoState::Missing => settled.push((message_id, Mark::LeftOut)),
        }
    }
    (wanted, settled)
}

impl Fetches {
    fn of(run: &Run, batch: &[(MessageId, Answer)]) -> Self {
        let items = batch
            .iter()
            .map(|(id, answer)| (Action::look_at(id.clone(), None, run.boundary), answer.clone()))
            .collect::<Vec<_>>();
        let marks = batch.iter().map(|(id, _)| (id.clone(), Mark::Done)).collect();
        Self { items, marks, add: Counts { fetched: crate::store::count(batch.len()), ..Counts::default() } }
    }
}

/// Where a run's mails come from.
pub(super) fn origin(run: &Run) -> Origin {
    Origin::Run(run.id)
}
