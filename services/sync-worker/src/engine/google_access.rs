//! The real Gmail: HTTP with tokens leased from connector, governed by the user's and the project's quota.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::Mutex;
use postrider_domain::{ConnectorId, Seams};
use postrider_gmail::quota::{GovernorConfig, ProjectDay, ProjectGate};
use postrider_gmail::{GmailApi, GmailError, Governor, Lane, TokenError};
use postrider_gmail::{GmailClient, GmailTransport, Governed};
use postrider_storage::Db;

use super::access::{GmailAccess, GmailLanes, Refused};
use crate::error::EngineError;
use crate::store::buckets::SharedUnits;
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

/// One Google account's governor: two tenants that connected the same account share it here, and its bucket everywhere.
struct Handle {
    governor: Governor,
    units: SharedUnits,
    /// The concurrency that was noted last.
    noted: AtomicU32,
}

struct Lanes {
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
        let units = SharedUnits::new(self.db.clone(), self.seams.clone(), sub, &self.governor.quota);
        let (project, clock) = (self.project.clone(), self.seams.clock.clone());
        let governor = Governor::new(self.governor, Arc::new(units.clone()), project, clock);
        // What was felt a moment ago still holds: starting afresh would run into the same refusals with every lease.
        let now = self.seams.clock.now();
        if let Some((concurrency, _)) = units.felt().await?.filter(|(_, at)| now - *at < FELT_FOR) {
            governor.resume(concurrency);
        }
        let noted = AtomicU32::new(governor.concurrency());
        let handle = Arc::new(Handle { governor, units, noted });
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
        Ok(Arc::new(Lanes { client: Arc::new(client), handle }))
    }

    async fn refused(&self, connector: ConnectorId, reason: Refused) -> Result<bool, EngineError> {
        self.tokens.refused(connector, reason).await.map_err(|error| {
            tracing::warn!(connector.id = %connector, %error, "connector cannot be told what Gmail refuses");
            EngineError::Gmail(GmailError::Token(TokenError::Unavailable))
        })
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

    fn day_percent(&self) -> u32 {
        self.handle.governor.day().map_or(100, ProjectDay::percent)
    }

    async fn checkpoint(&self) {
        let Handle { governor, units, noted } = self.handle.as_ref();
        let (unspent, concurrency) = (governor.take_unspent(), governor.concurrency());
        if unspent == 0 && noted.load(Ordering::Relaxed) == concurrency {
            return;
        }
        match units.give_back(unspent, concurrency).await {
            Ok(()) => noted.store(concurrency, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "what is left of a quota cannot be given back now"),
        }
    }
}
