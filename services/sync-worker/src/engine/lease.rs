//! One lease on one mailbox: what its lanes share, which is the proof of their commits, the labels' names, and the way to
//! Gmail and the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use postrider_contracts::TraceContext;
use postrider_domain::Timestamp;
use postrider_gmail::{GmailApi, Lane};
use postrider_storage::{Db, SystemTx, TenantTx};

use super::access::GmailLanes;
use super::parts::Parts;
use crate::error::EngineError;
use crate::rules::due::poll_interval;
use crate::store::mailboxes::{self, Guard, Mailbox, lease};
use crate::store::queue::Cause;

/// What the lanes of one lease share.
pub struct Lease<'e> {
    pub parts: &'e Parts,
    /// Of the push that caused the lease; a new one where none did. Logs and events of the work carry it.
    pub trace: TraceContext,
    guard: Guard,
    /// Where its transactions are opened.
    db: Db,
    generation: Arc<AtomicI32>,
    gmail: Arc<dyn GmailLanes>,
    names: Arc<RwLock<Arc<HashMap<String, String>>>>,
}

impl<'e> Lease<'e> {
    pub fn new(
        parts: &'e Parts,
        guard: Guard,
        trace: TraceContext,
        gmail: Arc<dyn GmailLanes>,
        names: HashMap<String, String>,
    ) -> Self {
        let generation = Arc::new(AtomicI32::new(guard.generation));
        let names = Arc::new(RwLock::new(Arc::new(names)));
        Self { parts, trace, guard, db: parts.db.clone(), generation, gmail, names }
    }

    /// The same lease, with its transactions opened there.
    pub fn over(&self, db: &Db) -> Self {
        Self {
            parts: self.parts,
            trace: self.trace,
            guard: self.guard.clone(),
            db: db.clone(),
            generation: self.generation.clone(),
            gmail: self.gmail.clone(),
            names: self.names.clone(),
        }
    }

    /// The proof of a commit made now; the generation moves when history starts over.
    pub fn guard(&self) -> Guard {
        Guard { generation: self.generation.load(Ordering::Relaxed), ..self.guard.clone() }
    }

    pub fn set_generation(&self, generation: i32) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// Names of labels by their ids.
    pub fn names(&self) -> Arc<HashMap<String, String>> {
        self.names.read().clone()
    }

    pub fn set_names(&self, names: HashMap<String, String>) {
        *self.names.write() = names.into();
    }

    /// Gmail, with calls that count as this lane's.
    pub fn gmail(&self, lane: Lane) -> Arc<dyn GmailApi> {
        self.gmail.lane(lane)
    }

    /// How many fetches may run at once, as the governor feels now.
    pub fn concurrency(&self) -> usize {
        self.gmail.concurrency().max(1)
    }

    /// The cause of what no push asks for: runs, and looks at parked messages.
    pub fn own_cause(&self) -> Cause {
        Cause { trace: Some(self.trace), published_at: None }
    }

    /// Between two polls of the mailbox.
    pub fn interval(&self, own_seconds: i32, push_until: Option<Timestamp>) -> Duration {
        let push_is_live = push_until.is_some_and(|until| until > self.parts.now());
        poll_interval(own_seconds, self.parts.settings.poll_interval, push_is_live)
    }

    /// A transaction of the mailbox's tenant, without the mailbox's lock: for reading.
    pub async fn tenant(&self) -> Result<TenantTx, postrider_storage::Error> {
        self.db.tenant(&self.guard.tenant).await
    }

    /// A transaction across tenants.
    pub async fn system(&self) -> Result<SystemTx, postrider_storage::Error> {
        self.db.system().await
    }

    /// Per cent of the project's day that are spent.
    pub fn day_percent(&self) -> u32 {
        self.gmail.day_percent()
    }

    /// The mailbox as it is now, while the lease is held.
    pub async fn mailbox(&self) -> Result<Mailbox, EngineError> {
        let mut tx = self.tenant().await?;
        let mailbox = mailboxes::find_held(&mut tx, &self.guard).await?.ok_or(EngineError::Fenced)?;
        tx.commit().await?;
        Ok(mailbox)
    }

    /// Renews the lease until it is lost.
    pub async fn heartbeat(&self) -> EngineError {
        loop {
            tokio::time::sleep(self.parts.settings.heartbeat).await;
            let renewed = async {
                let mut tx = self.tenant().await?;
                let held = lease::renew(&mut tx, &self.guard).await?;
                tx.commit().await?;
                Ok::<bool, postrider_storage::Error>(held)
            };
            match renewed.await {
                Ok(true) => self.checkpoint().await,
                Ok(false) => return EngineError::Fenced,
                // Commits are fenced by epoch in any case; the next beat may get through.
                Err(error) => tracing::warn!(%error, "cannot renew the lease of a mailbox"),
            }
        }
    }

    /// Saves what is left of the quota.
    pub async fn checkpoint(&self) {
        self.gmail.checkpoint().await;
    }
}
