//! Fetching mails in parallel. What belongs to one mail becomes what was fetched of it; what belongs to the mailbox stops
//! the lot.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use postrider_domain::{ConnectorId, MessageId};
use postrider_gmail::{GmailApi, GmailError, Lane, Part, Room};

use super::lease::Lease;
use crate::content::Mail;
use crate::content::fetched::Fetched;
use crate::rules::change::Fetch;

/// Sources above this are parsed away from the async threads.
const PARSE_INLINE_MAX: usize = 128 << 10;

/// Failures in a row after which one mail is no longer let stop the others.
pub const ALONE_AFTER: i32 = 2;
/// Mails parked in a row, with none served between, after which Gmail is taken to serve no mail at all.
const MOST_UNSERVED: u32 = 50;

/// Fetches for one lane, and what one mail may cost before it, or the whole mailbox, waits.
#[derive(Clone)]
pub struct Fetcher {
    /// Whose mails.
    pub account: ConnectorId,
    pub gmail: Arc<dyn GmailApi>,
    /// Memory for what it fetches.
    pub room: Room,
    /// Fetches that run at once.
    pub concurrency: usize,
    /// Bytes at which enough was fetched for one step.
    pub ahead: usize,
    /// Retries of one call inside a lane.
    pub retries: u32,
    pub pause: Duration,
    /// A mail that Gmail does not serve, while it answers for the mailbox, is parked instead of stopping everything
    /// behind it.
    pub park_alone: bool,
    /// Mails parked so since one was last served.
    pub unserved: Arc<AtomicU32>,
}

/// What [`Fetcher::all`] brought.
pub struct Batch {
    pub fetched: HashMap<MessageId, Fetched>,
    /// Why it ended early, if Gmail refused.
    pub error: Option<GmailError>,
    /// Everything that was wanted was fetched.
    pub complete: bool,
}

impl Fetcher {
    /// Fetches for the live lane of a lease, after so many failures in a row of what fetches.
    pub fn of(lease: &Lease<'_>, lane: Lane, failures: i32) -> Self {
        let settings = &lease.parts.settings;
        Self {
            account: lease.guard().connector,
            gmail: lease.gmail(lane),
            room: lease.parts.memory.room(Part::Live),
            concurrency: lease.concurrency(),
            ahead: settings.max_ahead_bytes,
            retries: settings.fetch_retries,
            pause: settings.fetch_pause,
            park_alone: failures >= ALONE_AFTER,
            unserved: Arc::default(),
        }
    }

    /// Fetches for a run. It has no use for failing first: the retries of a call are its failures in a row.
    pub fn of_run(lease: &Lease<'_>, lane: Lane) -> Self {
        Self { room: lease.parts.memory.room(Part::Runs), ..Self::of(lease, lane, ALONE_AFTER) }
    }

    /// Fetches one mail. `Err` only for what stops the mailbox.
    pub async fn one(&self, id: &MessageId, fetch: Fetch) -> Result<Fetched, GmailError> {
        let mut tries = 0;
        loop {
            let result = match fetch {
                Fetch::Mail => match self.gmail.get_raw(id, &self.room).await {
                    Ok(mail) => {
                        self.unserved.store(0, Ordering::Relaxed);
                        return Ok(parse(mail, self.account).await);
                    }
                    Err(error) => Err(error),
                },
                Fetch::Labels => self.gmail.get_minimal(id).await.map(Fetched::Labels),
            };
            match result {
                Ok(fetched) => {
                    self.unserved.store(0, Ordering::Relaxed);
                    return Ok(fetched);
                }
                Err(GmailError::NotFound) => return Ok(Fetched::Missing),
                Err(GmailError::NoSource) => return Ok(Fetched::NoSource),
                Err(error) if passes(&error) && tries < self.retries => {
                    tries += 1;
                    tokio::time::sleep(self.pause.saturating_mul(tries)).await;
                }
                Err(error) if self.park_alone && may_be_the_mails(&error) => return self.alone(error).await,
                Err(error) if error.stops_mailbox() => return Err(error),
                Err(error) => return Ok(Fetched::Poison(error.to_string())),
            }
        }
    }

    /// What to do about a mail that Gmail did not serve after every retry. One more question, about nothing in particular,
    /// tells a broken mail from a broken mailbox; and where no mail is served any more, it is not the mails.
    async fn alone(&self, error: GmailError) -> Result<Fetched, GmailError> {
        self.gmail.profile().await.map_err(|_mailbox| error.clone())?;
        if self.unserved.fetch_add(1, Ordering::Relaxed) >= MOST_UNSERVED {
            return Err(error);
        }
        Ok(Fetched::Poison(format!("Gmail does not serve it: {error}")))
    }

    /// Fetches many, in their order; keeps what came before the first error that stops the mailbox, or before `ahead`
    /// bytes were reached. What is under way then still counts.
    pub async fn all(&self, wanted: Vec<(MessageId, Fetch)>) -> Batch {
        let wanted_count = wanted.len();
        let mut fetched = HashMap::with_capacity(wanted_count);
        let (mut bytes, mut error) = (0_usize, None);
        let enough = AtomicBool::new(false);
        let mut under_way = stream::iter(wanted)
            .take_while(|_| std::future::ready(!enough.load(Ordering::Relaxed)))
            .map(|(id, fetch)| async move {
                let result = self.one(&id, fetch).await;
                (id, result)
            })
            .buffer_unordered(self.concurrency.max(1));
        while let Some((id, result)) = under_way.next().await {
            match result {
                Ok(mail) => {
                    bytes = bytes.saturating_add(mail.weight());
                    drop(fetched.insert(id, mail));
                }
                // Units spent on what is under way are not thrown away.
                Err(first) => error = error.or(Some(first)),
            }
            enough.store(error.is_some() || bytes >= self.ahead, Ordering::Relaxed);
        }
        drop(under_way);
        Batch { complete: fetched.len() == wanted_count, fetched, error }
    }
}

/// Worth asking again at once. A refusal for too many calls at a time is: the governor has slowed down by then.
fn passes(error: &GmailError) -> bool {
    use postrider_gmail::LimitKind::Concurrency;
    may_be_the_mails(error) || matches!(error, GmailError::RateLimited { kind: Concurrency, retry_at: None })
}

/// Failures that may belong to one mail.
fn may_be_the_mails(error: &GmailError) -> bool {
    matches!(error, GmailError::Transient { retry_at: None, .. } | GmailError::FailedPrecondition { .. })
}

async fn parse(mail: postrider_gmail::RawMail, account: ConnectorId) -> Fetched {
    let small = mail.raw.len() <= PARSE_INLINE_MAX;
    // A parser that panics on one mail parks that mail.
    let read = move || catch_unwind(AssertUnwindSafe(|| Mail::read(mail, account)));
    let read = if small { Ok(read()) } else { tokio::task::spawn_blocking(read).await };
    match read {
        Ok(Ok(mail)) => Fetched::Mail(Box::new(mail)),
        Ok(Err(_panic)) => Fetched::Poison("its source cannot be read: the parser panicked".to_owned()),
        Err(stopped) => Fetched::Poison(format!("its source cannot be read: {stopped}")),
    }
}
