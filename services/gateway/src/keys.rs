//! Whom an API key stands for.
//!
//! Found keys are remembered for ten seconds, so that a caller's requests do not each ask the database; a key that is
//! deleted works no longer than that on other replicas, and not at all on the one that deleted it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moka::sync::Cache;
use postrider_domain::{Clock, TenantId, Timestamp, UserId};
use postrider_storage::Db;
use postrider_web::Scopes;
use uuid::Uuid;

use crate::rules::api_key::{ApiKey, KeyHash};
use crate::store::api_keys::{self, Bearer};

/// How long a look counts.
const KEPT: Duration = Duration::from_secs(10);
/// How long a key that was found looks free of charge: an address with many good keys must not run out of looks.
const KNOWN: Duration = Duration::from_secs(600);
/// Most keys remembered, those that are none among them.
const MOST: u64 = 10_000;
/// `last_used_at` is as true as this.
const USED: TimeDelta = TimeDelta::minutes(1);
/// Connections that looks may hold: what keys cost must not keep everything else waiting.
const LANE: usize = 4;

/// A key that holds.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: Uuid,
    pub tenant: TenantId,
    pub user: UserId,
    pub scopes: Scopes,
    pub expires_at: Option<Timestamp>,
}

/// The keys that were looked up lately. Clones share them.
#[derive(Clone)]
pub struct ApiKeys {
    db: Db,
    found: Cache<KeyHash, Option<Arc<Known>>>,
    known: Cache<KeyHash, ()>,
    clock: Arc<dyn Clock>,
}

impl ApiKeys {
    pub fn new(db: &Db, clock: Arc<dyn Clock>) -> Self {
        let found = Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        let known = Cache::builder().max_capacity(MOST).time_to_live(KNOWN).build();
        Self { db: db.lane(LANE), found, known, clock }
    }

    /// What was found within the last ten seconds; none if there was no look.
    pub fn remembered(&self, key: &ApiKey) -> Option<Option<Arc<Known>>> {
        self.found.get(&key.hash())
    }

    /// Whether it was found to be a key within the last ten minutes.
    pub fn was_known(&self, key: &ApiKey) -> bool {
        self.known.contains_key(&key.hash())
    }

    /// Looks a key up.
    ///
    /// # Errors
    /// The database is away.
    pub async fn look_up(&self, key: &ApiKey) -> Result<Option<Arc<Known>>, postrider_storage::Error> {
        let hash = key.hash();
        let tx = self.db.system().await?;
        let bearer = api_keys::find(&tx, &hash).await?;
        let now = self.clock.now();
        if let Some(bearer) = bearer.as_ref().filter(|bearer| bearer.last_used_at.is_none_or(|at| at + USED <= now)) {
            api_keys::used(&tx, bearer.id, now).await?;
        }
        tx.commit().await?;
        let known = bearer.map(|bearer| Arc::new(Known::from(bearer)));
        self.found.insert(hash, known.clone());
        if known.is_some() {
            self.known.insert(hash, ());
        }
        Ok(known)
    }

    /// Whether its time is over.
    pub fn is_over(&self, known: &Known) -> bool {
        known.expires_at.is_some_and(|end| end <= self.clock.now())
    }

    /// Forgets a key that was deleted.
    pub fn forget(&self, hash: &KeyHash) {
        self.found.invalidate(hash);
    }
}

impl From<Bearer> for Known {
    fn from(bearer: Bearer) -> Self {
        let Bearer { id, tenant, user_id: user, scopes, expires_at, .. } = bearer;
        Self { id, tenant, user, scopes: Scopes::parse(&scopes), expires_at }
    }
}
