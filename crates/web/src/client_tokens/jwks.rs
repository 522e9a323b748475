//! Public keys fetched by URL and kept.
//!
//! A key that is known is used at once, however old the key set is: an issuer that hangs must not hold up the callers
//! whose keys we have. What is due is fetched beside the request. Only a token with an unknown key id waits for a fetch,
//! and fetches begin at least half a minute apart, or a stranger could make us hammer the issuer. A key that was taken
//! back counts until the fetch after its next use is done.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use postrider_domain::{Clock, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;

use super::claims::TokenRefused;
use crate::client::{Timeouts, cause_of, http_client, read_bounded};

/// Keys older than this are fetched again.
const KEEP: TimeDelta = TimeDelta::minutes(10);
/// Least time between two fetches.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
const MOST_BYTES: usize = 256 * 1024;

/// The keys at one URL. Clones share them.
#[derive(Clone)]
pub(super) struct Jwks(Arc<Inner>);

struct Inner {
    url: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    keys: RwLock<Option<(Timestamp, Arc<JwkSet>)>>,
    /// When the last fetch began. Held during a fetch: one at a time.
    tried: Arc<Mutex<Option<Timestamp>>>,
}

impl Jwks {
    pub fn new(url: Url, clock: Arc<dyn Clock>) -> Self {
        let http = http_client(Timeouts::default());
        Self(Arc::new(Inner { url, http, clock, keys: RwLock::default(), tried: Arc::default() }))
    }

    /// The key of that id.
    pub async fn key(&self, kid: &str) -> Result<Jwk, TokenRefused> {
        if let Some((set, fresh)) = self.0.kept()
            && let Some(key) = set.find(kid)
        {
            if !fresh {
                self.refresh_beside();
            }
            return Ok(key.clone());
        }
        let tried = self.0.tried.clone().lock_owned().await;
        // Who waited for the lock may find that the other one brought the key.
        if self.0.kept().is_none_or(|(set, _)| set.find(kid).is_none()) {
            self.0.refresh(tried).await;
        }
        match self.0.kept() {
            None => Err(TokenRefused::KeysUnavailable),
            Some((set, _)) => set.find(kid).cloned().ok_or(TokenRefused::Invalid("its key is not in the key set")),
        }
    }

    /// Begins a fetch that nobody waits for, unless one is going on.
    #[expect(clippy::disallowed_methods, reason = "ends within the client's timeout and logs its own failure")]
    fn refresh_beside(&self) {
        let Ok(tried) = self.0.tried.clone().try_lock_owned() else { return };
        if self.0.may_fetch(*tried) {
            let inner = self.0.clone();
            drop(tokio::spawn(async move { inner.refresh(tried).await }));
        }
    }
}

impl Inner {
    /// The keys, and whether they are fresh.
    fn kept(&self) -> Option<(Arc<JwkSet>, bool)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref().map(|(at, set)| (set.clone(), self.clock.now() - *at < KEEP))
    }

    fn may_fetch(&self, tried: Option<Timestamp>) -> bool {
        tried.is_none_or(|at| self.clock.now() - at >= PAUSE)
    }

    /// Fetches unless it is too soon.
    async fn refresh(&self, mut tried: OwnedMutexGuard<Option<Timestamp>>) {
        if !self.may_fetch(*tried) {
            return;
        }
        let now = self.clock.now();
        *tried = Some(now);
        match self.fetch().await {
            Ok(set) => {
                let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                *keys = Some((now, Arc::new(set)));
            }
            Err(error) => tracing::warn!(url = %self.url, error = %error, "the key set cannot be fetched"),
        }
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let answer = self.http.get(self.url.clone()).send().await.map_err(cause_of)?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        let body = read_bounded(answer, MOST_BYTES).await.map_err(|error| error.to_string())?;
        // One key of a kind we do not know must not spoil the others.
        let set: serde_json::Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let keys = set.get("keys").and_then(serde_json::Value::as_array).ok_or("no keys in it")?;
        let keys = keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect();
        Ok(JwkSet { keys })
    }
}
