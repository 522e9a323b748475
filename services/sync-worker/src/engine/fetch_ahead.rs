//! The middle of a run: fetches run ahead of the transactions that store them, and both are bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{TryStreamExt, stream};
use postrider_domain::{MessageId, RunState};
use postrider_gmail::{GmailApi, GmailError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use super::fetch::{Answer, Patience, fetch_one};
use super::run_steps::Fetches;
use super::session::Session;
use crate::error::EngineError;
use crate::rules::decide::Need;
use crate::rules::fold::Action;
use crate::rules::slices;
use crate::rules::window::Window;
use crate::store::listing::{self, Todo, TodoState};
use crate::store::runs::{Counts, Run, Step};

/// Ids taken from the listing at once.
const TODO: usize = 1_000;
/// How long a transaction that is not full waits for more mails.
const LINGER: Duration = Duration::from_millis(250);
/// Fetched bytes that may wait for their transaction, in KiB.
const AHEAD_KIB: u32 = 32 * 1_024;
/// Below this a fresh mirror is fast without statistics; with this many rows they are good enough.
pub(super) const STATISTICS_AFTER: i64 = 500;

/// A mail on its way from Gmail to its transaction.
struct Arrival {
    position: i64,
    id: MessageId,
    answer: Answer,
    _room: OwnedSemaphorePermit,
}

/// A mail to fetch, and its place in the listing.
struct Wanted {
    position: i64,
    id: MessageId,
    need: Need,
}

/// What every fetch of a slice shares.
#[derive(Clone)]
struct Fetcher {
    gmail: Arc<dyn GmailApi>,
    patience: Patience,
    /// Room for fetched bytes, in KiB.
    room: Arc<Semaphore>,
}

impl Fetcher {
    async fn fetch(self, Wanted { position, id, need }: Wanted) -> Result<Arrival, GmailError> {
        let answer = fetch_one(&self.gmail, &id, need, self.patience).await?;
        let kib = u32::try_from(answer.weight() / 1_024 + 1).unwrap_or(AHEAD_KIB).min(AHEAD_KIB);
        let room =
            self.room.acquire_many_owned(kib).await.map_err(|closed| GmailError::transient(closed.to_string()))?;
        Ok(Arrival { position, id, answer, _room: room })
    }
}

/// The window as both sides of the pipe see it.
struct Progress(Mutex<Window>);

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the fetching side ended.
enum Fetched {
    /// The listing was read to its end.
    All,
    /// The slice is over, or Gmail refused.
    Some,
}

impl Session<'_> {
    /// Fetches what the listing found and the mirror lacks.
    pub(super) async fn fetch_listed(&self, run: &Run, until: Instant) -> Result<Run, EngineError> {
        let progress = Progress(Mutex::new(Window::new(run.settled)));
        let (send, receive) = mpsc::channel(slices::MAX_MAILS);
        let (run, fetched) = tokio::try_join!(
            Box::pin(self.store_fetched(run.clone(), receive, &progress)),
            Box::pin(self.fetch_ahead(run, send, &progress, until)),
        )?;
        let settled = progress.lock().settled();
        let state = matches!(fetched, Fetched::All).then_some(RunState::Confirming);
        if state.is_none() && settled <= run.settled {
            return Ok(run);
        }
        self.step(&run, Step { state, settled, ..Step::default() }, &[]).await
    }

    async fn fetch_ahead(
        &self,
        run: &Run,
        send: mpsc::Sender<Arrival>,
        progress: &Progress,
        until: Instant,
    ) -> Result<Fetched, EngineError> {
        let fetcher = Fetcher {
            gmail: self.lane(Self::run_lane(run)),
            patience: self.patience(run.attempts),
            room: Arc::new(Semaphore::new(AHEAD_KIB as usize)),
        };
        let mut wanted = Box::pin(self.wanted(run, progress));
        // Tasks of their own: parsing and compressing use every core while this one waits for the database.
        let mut flying: JoinSet<Result<Arrival, GmailError>> = JoinSet::new();
        let mut ended = None;
        let mut failed = false;
        loop {
            while ended.is_none() && flying.len() < self.concurrency().max(1) {
                if Instant::now() >= until || self.engine.stopping() {
                    ended = Some(Fetched::Some);
                } else if let Some(next) = wanted.try_next().await? {
                    flying.spawn(fetcher.clone().fetch(next).in_current_span());
                } else {
                    ended = Some(Fetched::All);
                }
            }
            match flying.join_next().await {
                Some(Ok(Ok(arrival))) => {
                    if send.send(arrival).await.is_err() {
                        return Ok(Fetched::Some);
                    }
                }
                // Told when the receiver is through: try_join would drop its last commit. What is under way is waited
                // for: its units are spent.
                Some(Ok(Err(error))) => {
                    if !std::mem::replace(&mut failed, true) {
                        self.fetch_failed(error);
                    }
                    ended = Some(Fetched::Some);
                }
                Some(Err(panicked)) => return Err(EngineError::Gmail(GmailError::transient(panicked.to_string()))),
                None => return Ok(ended.unwrap_or(Fetched::Some)),
            }
        }
    }

    /// Mails of the listing that need a fetch, in its order; the rest is noted as settled on the way.
    fn wanted(&self, run: &Run, progress: &Progress) -> impl futures_util::Stream<Item = Result<Wanted, EngineError>> {
        let room = run.max_results.map_or(i64::MAX, |most| most.saturating_sub(run.stored));
        let start = (run.settled, room, VecDeque::new());
        stream::try_unfold(start, async move |(mut after, mut room, mut ready)| {
            loop {
                if let Some(wanted) = ready.pop_front() {
                    return Ok(Some((wanted, (after, room, ready))));
                }
                let mut tx = self.engine.db().tenant(&run.tenant).await?;
                let todo = listing::list_todo(&mut tx, run, after, TODO).await?;
                tx.commit().await?;
                let Some(last) = todo.last() else { return Ok(None) };
                after = last.position;
                ready = todo.into_iter().filter_map(|todo| want(todo, &mut room)).collect();
                progress.lock().list(ready.iter().map(|wanted| wanted.position), after);
            }
        })
    }

    async fn store_fetched(
        &self,
        mut run: Run,
        mut receive: mpsc::Receiver<Arrival>,
        progress: &Progress,
    ) -> Result<Run, EngineError> {
        let mut batch: Vec<Arrival> = Vec::new();
        let mut bytes = 0;
        let mut flush_at = Instant::now();
        loop {
            let next = match batch.is_empty() {
                true => receive.recv().await.map(Some),
                false => timeout_at(flush_at, receive.recv()).await.map_or(Some(None), |next| next.map(Some)),
            };
            let arrival = match next {
                Some(Some(arrival)) => arrival,
                late_or_closed => {
                    run = self.store_batch(&run, std::mem::take(&mut batch), progress).await?;
                    bytes = 0;
                    if late_or_closed.is_none() {
                        break;
                    }
                    continue;
                }
            };
            let weight = arrival.answer.weight();
            if !batch.is_empty() && bytes + weight > slices::MAX_BYTES {
                run = self.store_batch(&run, std::mem::take(&mut batch), progress).await?;
                bytes = 0;
            }
            if batch.is_empty() {
                flush_at = Instant::now() + LINGER;
            }
            batch.push(arrival);
            bytes += weight;
            if batch.len() >= slices::MAX_MAILS || bytes >= slices::MAX_BYTES {
                run = self.store_batch(&run, std::mem::take(&mut batch), progress).await?;
                bytes = 0;
            }
        }
        match self.take_failure() {
            Some(error) => Err(error.into()),
            None => Ok(run),
        }
    }

    /// Commits fetched mails; one by one where the database refuses the lot, so that the poison one is parked.
    async fn store_batch(&self, run: &Run, batch: Vec<Arrival>, progress: &Progress) -> Result<Run, EngineError> {
        if batch.is_empty() {
            return Ok(run.clone());
        }
        let settle = |arrival: &Arrival| progress.lock().settle(arrival.position);
        batch.iter().for_each(settle);
        let room: Vec<OwnedSemaphorePermit>;
        let mut fetches = Fetches { items: Vec::new(), add: Counts::default(), settled: progress.lock().settled() };
        (fetches.items, room) = batch
            .into_iter()
            .map(|arrival| ((Action::look_at(arrival.id, None, run.boundary), arrival.answer), arrival._room))
            .unzip();
        fetches.add.fetched = crate::store::count(fetches.items.len());
        let stored = match Box::pin(self.store(run, &fetches)).await {
            Err(EngineError::Db(error)) if !error.is_transient() => {
                tracing::error!(%error, mails = fetches.items.len(), "the database refused a batch of mails");
                Box::pin(self.store_singly(run.clone(), fetches)).await?
            }
            other => other?,
        };
        drop(room);
        if (run.stored / STATISTICS_AFTER == 0) != (stored.stored / STATISTICS_AFTER == 0) {
            self.refresh_statistics().await;
        }
        Ok(stored)
    }

    async fn store_singly(&self, mut run: Run, fetches: Fetches) -> Result<Run, EngineError> {
        let (settled, before) = (fetches.settled, run.settled);
        let last = fetches.items.len().saturating_sub(1);
        for (n, (action, answer)) in fetches.items.into_iter().enumerate() {
            // Only with the last one is the place reached that the whole batch would have reached.
            let settled = if n == last { settled } else { before };
            let add = Counts { fetched: 1, ..Counts::default() };
            let single = Fetches { items: vec![(action.clone(), answer)], add, settled };
            run = match Box::pin(self.store(&run, &single)).await {
                Err(EngineError::Db(error)) if !error.is_transient() => {
                    let poison = Fetches { items: vec![(action, Answer::Poison(error.to_string()))], add, settled };
                    Box::pin(self.store(&run, &poison)).await?
                }
                other => other?,
            };
        }
        Ok(run)
    }

    /// A run without fresh statistics is slow, not wrong.
    pub(super) async fn refresh_statistics(&self) {
        let refreshed = async {
            let mut tx = self.engine.db().system().await?;
            listing::refresh_statistics(&mut tx).await?;
            tx.commit().await
        };
        if let Err(error) = refreshed.await {
            tracing::warn!(%error, "the planner's statistics are old");
        }
    }

    pub(super) fn fetch_failed(&self, error: GmailError) {
        *self.fetch_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(super) fn take_failure(&self) -> Option<GmailError> {
        self.fetch_failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a listed mail needs. `max_results` caps bodies, never labels or the listing.
fn want(todo: Todo, room: &mut i64) -> Option<Wanted> {
    let need = match todo.state {
        TodoState::Current => return None,
        TodoState::Stale => Need::Meta,
        TodoState::Missing if *room <= 0 => return None,
        TodoState::Missing => {
            *room -= 1;
            Need::Mail
        }
    };
    Some(Wanted { position: todo.position, id: todo.message_id, need })
}
