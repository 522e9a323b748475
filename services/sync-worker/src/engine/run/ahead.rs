//! Fetches run ahead of the transactions that store them, bounded by concurrency and by bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt, stream};
use parking_lot::Mutex;
use postrider_domain::{HistoryId, MessageId};
use postrider_gmail::{GmailError, MailMeta};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::slots::Turn;
use crate::content::fetched::Fetched;
use crate::engine::fetch::Fetcher;
use crate::engine::lease::Lease;
use crate::error::EngineError;
use crate::rules::change::Fetch;
use crate::rules::window::Window;
use crate::store::listing::{self, Todo, TodoState};
use crate::store::runs::Run;

/// Ids taken from the listing at once.
const TODO: usize = 1_000;
/// Fetched bytes that may wait for their transaction, in KiB.
const AHEAD_KIB: u32 = 32 * 1_024;

/// A mail on its way from Gmail to its transaction.
pub struct Arrival {
    pub position: i64,
    pub id: MessageId,
    pub fetched: Fetched,
    pub room: OwnedSemaphorePermit,
}

/// How the fetching side ended.
pub enum Ended {
    /// The listing was read to its end.
    Listing,
    /// The slice is over.
    Slice,
    /// Gmail refused. Told once what came before is committed.
    Refused(GmailError),
}

/// The fetching side of a slice.
pub struct Ahead<'l> {
    pub lease: &'l Lease<'l>,
    pub run: Run,
    pub fetcher: Fetcher,
    /// The window as both sides see it.
    pub window: &'l Mutex<Window>,
    pub turn: &'l Turn<'l>,
}

/// A mail to fetch, and its place in the listing.
struct Wanted {
    position: i64,
    id: MessageId,
    wish: Wish,
}

/// How its state comes to be known.
enum Wish {
    Fetch(Fetch),
    /// By the listings of labels.
    Told(MailMeta),
}

impl Ahead<'_> {
    /// Fetches what the listing found and the mirror lacks, and hands it over.
    pub async fn fetch(self, send: mpsc::Sender<Arrival>) -> Result<Ended, EngineError> {
        let room = Arc::new(Semaphore::new(AHEAD_KIB as usize));
        let mut wanted = Box::pin(self.wanted());
        // Tasks of their own: parsing and compressing use every core while this one waits for the database.
        let mut flying: JoinSet<Result<Arrival, GmailError>> = JoinSet::new();
        // However short the slice, one mail is asked for: a run always moves.
        let (mut ended, mut begun) = (None, false);
        loop {
            while ended.is_none() && flying.len() < self.lease.concurrency() {
                if begun && self.turn.is_over() || self.lease.parts.stopping() {
                    ended = Some(Ended::Slice);
                } else if let Some(next) = wanted.try_next().await? {
                    begun = true;
                    flying.spawn(arrive(self.fetcher.clone(), next, room.clone()).in_current_span());
                } else {
                    ended = Some(Ended::Listing);
                }
            }
            match flying.join_next().await {
                Some(Ok(Ok(arrival))) => {
                    if send.send(arrival).await.is_err() {
                        return Ok(Ended::Slice);
                    }
                }
                // What is under way is waited for: its units are spent.
                Some(Ok(Err(error))) => {
                    if !matches!(ended, Some(Ended::Refused(_))) {
                        ended = Some(Ended::Refused(error));
                    }
                }
                Some(Err(panicked)) => return Err(EngineError::Gmail(GmailError::transient(panicked.to_string()))),
                None => return Ok(ended.unwrap_or(Ended::Slice)),
            }
        }
    }

    /// Mails of the listing that need a fetch, in its order; the rest is noted as settled on the way.
    fn wanted(&self) -> impl Stream<Item = Result<Wanted, EngineError>> {
        let run = &self.run;
        let room = run.max_results.map_or(i64::MAX, |most| most.saturating_sub(run.stored));
        let start = (run.settled, room, VecDeque::new());
        stream::try_unfold(start, async move |(mut after, mut room, mut ready)| {
            loop {
                if let Some(wanted) = ready.pop_front() {
                    return Ok(Some((wanted, (after, room, ready))));
                }
                let mut tx = self.lease.tenant().await?;
                let todo = listing::list_todo(&mut tx, run, after, TODO).await?;
                tx.commit().await?;
                let Some(last) = todo.last() else { return Ok(None) };
                after = last.position;
                ready = todo.into_iter().filter_map(|todo| want(todo, run.boundary, &mut room)).collect();
                self.window.lock().list(ready.iter().map(|wanted| wanted.position), after);
            }
        })
    }
}

/// Fetches one, and waits until there is room for it.
async fn arrive(fetcher: Fetcher, wanted: Wanted, room: Arc<Semaphore>) -> Result<Arrival, GmailError> {
    let Wanted { position, id, wish } = wanted;
    let fetched = match wish {
        Wish::Fetch(fetch) => fetcher.one(&id, fetch).await?,
        Wish::Told(meta) => Fetched::Unchanged(meta),
    };
    let kib = u32::try_from(fetched.weight() / 1_024 + 1).unwrap_or(AHEAD_KIB).min(AHEAD_KIB);
    let room = room.acquire_many_owned(kib).await.map_err(|closed| GmailError::transient(closed.to_string()))?;
    Ok(Arrival { position, id, fetched, room })
}

/// What a listed mail needs. `max_results` caps bodies, never labels or the listing.
fn want(todo: Todo, boundary: HistoryId, room: &mut i64) -> Option<Wanted> {
    let wish = match todo.state {
        TodoState::Current | TodoState::Outside => return None,
        TodoState::Stale => Wish::Fetch(Fetch::Labels),
        TodoState::Unchanged(told) => Wish::Told(MailMeta {
            id: todo.message_id.clone(),
            thread_id: told.thread_id,
            labels: told.labels,
            // Whatever changed after it has a record.
            history_id: boundary,
            internal_date: None,
            snippet: String::new(),
            size: 0,
        }),
        TodoState::Missing if *room <= 0 => return None,
        TodoState::Missing => {
            *room -= 1;
            Wish::Fetch(Fetch::Mail)
        }
    };
    Some(Wanted { position: todo.position, id: todo.message_id, wish })
}
