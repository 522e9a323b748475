//! One lease on one mailbox: heartbeat, live lane, backfill beside it, release.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postrider_contracts::TraceContext;
use postrider_domain::{RunKind, Timestamp};
use postrider_gmail::{GmailApi, GmailError, Lane};
use postrider_storage::TenantTx;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::access::GmailLanes;
use super::backfill::SliceOver;
use super::fetch::{ALONE_AFTER, Patience};
use super::live::Pass;
use super::wakes::Busy;
use super::{Engine, boundary};
use crate::error::EngineError;
use crate::rules::due::{CHECK_AFTER, poll_interval};
use crate::rules::words::DueReason;
use crate::store::mailboxes::due::Leased;
use crate::store::mailboxes::lease::{self, Due, Released};
use crate::store::mailboxes::{self, Guard, Mailbox};
use crate::store::queue::{self, Cause};
use crate::store::{labels, runs};

/// How long a mailbox with a run waits for a free backfill slot, at most and at least half of it. A push makes it due
/// before: only its backfill waits. Short enough for a free slot to be seen soon, long enough for a thousand that wait not
/// to be a load of their own.
const SLOT_WAIT_SECONDS: f64 = 20.0;

/// What the lanes of one lease share.
pub(super) struct Session<'e> {
    pub engine: &'e Engine,
    /// Of the push that caused the lease; a new one where none did. Logs and events of the work carry it.
    pub trace: TraceContext,
    guard: Mutex<Guard>,
    gmail: Arc<dyn GmailLanes>,
    pub names: Mutex<Arc<HashMap<String, String>>>,
    wake: Arc<Notify>,
    _busy: Busy<'e>,
    /// What the first pass starts from.
    opening: Mutex<Option<(Mailbox, Pass)>>,
    /// Marks seen before the last pass of the live lane.
    requested: AtomicI64,
    /// A push that history never showed asks for one more check.
    pub check_at: Mutex<Option<Timestamp>>,
    /// Why the backfill's fetches ended early; told once what came before it is committed.
    pub fetch_failure: Mutex<Option<GmailError>>,
}

impl<'e> Session<'e> {
    pub async fn open(engine: &'e Engine, leased: &Leased) -> Result<Self, EngineError> {
        let (wake, busy) = engine.wakes().busy(leased.mailbox.connector);
        let guard = leased.mailbox.guard();
        let began = engine.seams().clock.now();
        // The lease's row is fresh: it is what the first pass starts from.
        let first_pass = async {
            let tx = engine.db().tenant(&guard.tenant).await?;
            let read = tokio::try_join!(labels::names(&tx, &guard), Pass::begin(&tx, &guard, began))?;
            tx.commit().await?;
            Ok::<_, EngineError>(read)
        };
        let (gmail, (names, pass)) = tokio::try_join!(engine.0.parts.access.open(leased), first_pass)?;
        let trace = pass.cause.trace.unwrap_or_else(|| TraceContext::start(engine.seams().entropy.as_ref()));
        Ok(Self {
            engine,
            trace,
            guard: Mutex::new(guard),
            gmail,
            names: Mutex::new(Arc::new(names)),
            wake,
            _busy: busy,
            opening: Mutex::new(Some((leased.mailbox.clone(), pass))),
            requested: AtomicI64::new(leased.mailbox.requested),
            check_at: Mutex::new(None),
            fetch_failure: Mutex::new(None),
        })
    }

    /// The proof this session's commits carry; the generation moves when history starts over.
    pub fn guard(&self) -> Guard {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn take_opening(&self) -> Option<(Mailbox, Pass)> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn set_generation(&self, generation: i32) {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).generation = generation;
    }

    pub fn names(&self) -> Arc<HashMap<String, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn lane(&self, lane: Lane) -> Arc<dyn GmailApi> {
        self.gmail.lane(lane)
    }

    pub fn concurrency(&self) -> usize {
        self.gmail.concurrency()
    }

    /// How long one mail is waited for, after so many failures in a row of what fetches it.
    pub fn patience(&self, failures: i32) -> Patience {
        let settings = self.engine.settings();
        Patience { retries: settings.fetch_retries, pause: settings.fetch_pause, park_alone: failures >= ALONE_AFTER }
    }

    /// The cause of what no push asks for: runs, and looks at parked messages.
    pub fn own_cause(&self) -> Cause {
        Cause { trace: Some(self.trace), published_at: None }
    }

    /// Bytes a step may fetch ahead of its commit.
    pub fn ahead(&self) -> usize {
        self.engine.settings().max_ahead_bytes
    }

    pub fn now(&self) -> Timestamp {
        self.engine.seams().clock.now()
    }

    /// A transaction that holds the mailbox's lock; nothing is written without it.
    pub async fn locked(&self, guard: &Guard) -> Result<(TenantTx, Mailbox), EngineError> {
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        if let Some(mailbox) = mailboxes::lock(&mut tx, guard).await? {
            return Ok((tx, mailbox));
        }
        match mailboxes::find_held(&mut tx, guard).await? {
            Some(_other_generation) => Err(EngineError::BrokenOff),
            None => Err(EngineError::Fenced),
        }
    }

    /// The mailbox as it is now, while the lease is held.
    pub async fn mailbox(&self) -> Result<Mailbox, EngineError> {
        let guard = self.guard();
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        let mailbox = mailboxes::find_held(&mut tx, &guard).await?.ok_or(EngineError::Fenced)?;
        tx.commit().await?;
        Ok(mailbox)
    }

    /// Works until nothing is left to do now, and gives the lease back.
    pub async fn run_leased(&self) -> Result<(), EngineError> {
        let result = tokio::select! {
            result = Box::pin(self.run()) => result,
            error = self.heartbeat() => Err(error),
        };
        self.gmail.checkpoint().await;
        result
    }

    async fn heartbeat(&self) -> EngineError {
        loop {
            tokio::time::sleep(self.engine.settings().heartbeat).await;
            let guard = self.guard();
            let renewed = async {
                let mut tx = self.engine.db().tenant(&guard.tenant).await?;
                let held = lease::renew(&mut tx, &guard).await?;
                tx.commit().await?;
                Ok::<bool, postrider_storage::Error>(held)
            };
            match renewed.await {
                Ok(true) => self.gmail.checkpoint().await,
                Ok(false) => return EngineError::Fenced,
                // Commits are fenced by epoch in any case; the next beat may get through.
                Err(error) => tracing::warn!(%error, "cannot renew the lease of a mailbox"),
            }
        }
    }

    async fn run(&self) -> Result<(), EngineError> {
        loop {
            let requested = Box::pin(self.live()).await?;
            let run = Box::pin(self.next_run()).await?;
            if self.engine.stopping() {
                return self.give_back(Due { at: self.now(), reason: DueReason::Stopped }).await;
            }
            if let Some(run) = run {
                let Ok(_slot) = self.engine.0.backfills.try_acquire() else {
                    let wait = SLOT_WAIT_SECONDS * (0.5 + 0.5 * self.engine.seams().entropy.unit());
                    let at = self.now() + chrono::TimeDelta::milliseconds((wait * 1_000.0) as i64);
                    return self.give_back(Due { at, reason: DueReason::Backfill }).await;
                };
                let done = CancellationToken::new();
                let (over, ()) =
                    tokio::try_join!(Box::pin(self.backfill_slice(run, &done)), Box::pin(self.keep_live(&done)),)?;
                if over == SliceOver::WorkLeft {
                    return self.give_back(Due { at: self.now(), reason: DueReason::Backfill }).await;
                }
                continue;
            }
            if self.release(requested).await? {
                return Ok(());
            }
        }
    }

    /// A pass of the live lane; answers the marks it has seen to.
    async fn live(&self) -> Result<i64, EngineError> {
        let requested = Box::pin(self.live_pass()).await?;
        self.requested.store(requested, Ordering::Relaxed);
        Ok(requested)
    }

    /// The live lane while a backfill is at work: whenever a mark comes, or a look is due.
    async fn keep_live(&self, done: &CancellationToken) -> Result<(), EngineError> {
        let mut polled_at = self.now();
        loop {
            tokio::select! {
                () = done.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.engine.settings().live_tick) => {}
            }
            if done.is_cancelled() {
                return Ok(());
            }
            let mailbox = self.mailbox().await?;
            let interval = chrono::TimeDelta::from_std(self.interval(&mailbox)).unwrap_or(chrono::TimeDelta::MAX);
            let poll = self.now() - polled_at >= interval;
            let marked = mailbox.requested != self.requested.load(Ordering::Relaxed);
            if marked || poll || self.look_is_due().await? {
                polled_at = self.now();
                self.live().await?;
            }
        }
    }

    async fn look_is_due(&self) -> Result<bool, EngineError> {
        let guard = self.guard();
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        let due = queue::look_is_due(&mut tx, &guard, self.now()).await?;
        tx.commit().await?;
        Ok(due)
    }

    /// The run to work on, begun if it was queued. Incremental ones are done by the live lane itself.
    async fn next_run(&self) -> Result<Option<runs::Run>, EngineError> {
        let guard = self.guard();
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        let active = runs::find_active(&mut tx, &guard).await?;
        let queued = runs::list_queued(&tx, &guard).await?.into_iter().find(|run| run.kind != RunKind::Incremental);
        tx.commit().await?;
        match (active, queued) {
            // It waits after a failure; the release makes the mailbox due for it.
            (Some(run), _) if run.not_before.is_some_and(|at| at > self.now()) => Ok(None),
            (Some(run), _) => Ok(Some(run)),
            (None, Some(run)) => boundary::begin_queued(self, &run).await.map(Some),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn interval(&self, mailbox: &Mailbox) -> std::time::Duration {
        let push_is_live = mailbox.push_until.is_some_and(|until| until > self.now());
        poll_interval(mailbox.poll_interval_seconds, self.engine.settings().poll_interval, push_is_live)
    }

    /// `false`: a mark came in between, go on.
    async fn release(&self, requested: i64) -> Result<bool, EngineError> {
        let mailbox = self.mailbox().await?;
        let now = self.now();
        let poll = now + chrono::TimeDelta::from_std(self.interval(&mailbox)).unwrap_or(CHECK_AFTER);
        let mut next = mailbox.monitored.then_some(Due { at: poll, reason: DueReason::Poll });
        let check = *self.check_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = check.filter(|at| *at > now && *at < poll) {
            next = Some(Due { at, reason: DueReason::Check });
        }
        let guard = self.guard();
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        let released = lease::release(&mut tx, &guard, requested, next).await?;
        tx.commit().await?;
        match released {
            Released::Done => Ok(true),
            Released::Requested => Ok(false),
            Released::Fenced => Err(EngineError::Fenced),
        }
    }

    /// Marks that came after the last pass keep their own, earlier time.
    async fn give_back(&self, due: Due) -> Result<(), EngineError> {
        let guard = self.guard();
        let mut tx = self.engine.db().tenant(&guard.tenant).await?;
        lease::yield_lease(&mut tx, &guard, self.requested.load(Ordering::Relaxed), due).await?;
        Ok(tx.commit().await?)
    }
}
