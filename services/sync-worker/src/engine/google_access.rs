//! The real Gmail: HTTP with tokens leased from connector, governed by the user's and the project's quota.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::Mutex;
use postrider_domain::Seams;
use postrider_gmail::quota::{GovernorConfig, ProjectGate, UserBucket};
use postrider_gmail::{GmailApi, Governor, Lane};
use postrider_gmail::{GmailClient, GmailTransport, Governed};
use postrider_storage::Db;

use super::access::{GmailAccess, GmailLanes};
use crate::error::EngineError;
use crate::store::buckets;
use crate::store::mailboxes::due::Leased;
use crate::tokens::LeasedTokens;

/// How long Google's limit of concurrent calls, once felt, is taken to stand.
const FELT_FOR: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// Opens mailboxes over the process's shared transport.
pub struct GoogleAccess {
    pub db: Db,
    pub seams: Seams,
    pub transport: Arc<GmailTransport>,
    pub tokens: LeasedTokens,
    pub governor: GovernorConfig,
    pub project: Arc<ProjectGate>,
    governors: Mutex<HashMap<String, Weak<Handle>>>,
}

/// One Google account's governor: two tenants that connected the same account share it.
struct Handle {
    google_sub: String,
    governor: Governor,
    saved: AtomicU64,
}

struct Lanes {
    db: Db,
    client: Arc<dyn GmailApi>,
    handle: Arc<Handle>,
}

impl GoogleAccess {
    pub fn new(
        db: Db,
        seams: Seams,
        transport: Arc<GmailTransport>,
        tokens: LeasedTokens,
        governor: GovernorConfig,
        project: Arc<ProjectGate>,
    ) -> Self {
        Self { db, seams, transport, tokens, governor, project, governors: Mutex::default() }
    }

    async fn handle(&self, leased: &Leased) -> Result<Arc<Handle>, EngineError> {
        let sub = &leased.mailbox.google_sub;
        if let Some(handle) = self.shared(sub) {
            return Ok(handle);
        }
        let mut tx = self.db.system().await?;
        let saved = buckets::find(&mut tx, sub).await?;
        tx.commit().await?;
        let (limit, dearest) = (self.governor.quota.limits.user_per_minute, self.governor.quota.costs.dearest());
        let now = self.seams.clock.now();
        // Nobody knows what the holder of a stolen lease spent: its bucket starts empty. One never seen is full.
        let bucket = match saved {
            Some((saved, _)) if !leased.stolen => UserBucket::restore(limit, dearest, saved, now),
            None if !leased.stolen => {
                let full = postrider_gmail::quota::SavedBucket { units: i64::from(limit), at: now };
                UserBucket::restore(limit, dearest, full, now)
            }
            _ => UserBucket::empty(limit, dearest, now),
        };
        let governor = Governor::new(self.governor, bucket, self.project.clone(), self.seams.clock.clone());
        // What was felt a moment ago still holds: starting afresh would run into the same refusals with every lease.
        if let Some((_, concurrency)) = saved.filter(|(saved, _)| now - saved.at < FELT_FOR) {
            governor.resume(concurrency);
        }
        let handle = Arc::new(Handle { google_sub: sub.clone(), governor, saved: AtomicU64::new(0) });
        let mut governors = self.governors.lock();
        governors.retain(|_, handle| handle.strong_count() > 0);
        // Another mailbox of the same account may have been quicker.
        if let Some(other) = governors.get(sub).and_then(Weak::upgrade) {
            return Ok(other);
        }
        governors.insert(sub.clone(), Arc::downgrade(&handle));
        Ok(handle)
    }

    fn shared(&self, sub: &str) -> Option<Arc<Handle>> {
        self.governors.lock().get(sub).and_then(Weak::upgrade)
    }
}

#[async_trait]
impl GmailAccess for GoogleAccess {
    async fn open(&self, leased: &Leased) -> Result<Arc<dyn GmailLanes>, EngineError> {
        let handle = self.handle(leased).await?;
        let tokens = self.tokens.of(leased.mailbox.connector);
        let client = GmailClient::new(leased.mailbox.connector, self.transport.clone(), tokens)
            .map_err(|error| EngineError::Access(error.to_string()))?;
        Ok(Arc::new(Lanes { db: self.db.clone(), client: Arc::new(client), handle }))
    }
}

#[async_trait]
impl GmailLanes for Lanes {
    fn lane(&self, lane: Lane) -> Arc<dyn GmailApi> {
        Arc::new(Governed::new(self.client.clone(), self.handle.governor.clone(), lane))
    }

    fn concurrency(&self) -> usize {
        usize::try_from(self.handle.governor.concurrency()).unwrap_or(1)
    }

    async fn checkpoint(&self) {
        let saved = self.handle.governor.save();
        let spent = self.handle.governor.spent();
        let before = self.handle.saved.swap(spent, Ordering::Relaxed);
        let spent = i64::try_from(spent.saturating_sub(before)).unwrap_or(i64::MAX);
        let write = async {
            let mut tx = self.db.system().await?;
            buckets::save(&mut tx, &self.handle.google_sub, saved, spent, self.handle.governor.concurrency()).await?;
            tx.commit().await
        };
        if let Err(error) = write.await {
            tracing::warn!(%error, "a quota bucket cannot be saved now");
        }
    }
}
