//! Public keys fetched by URL and kept.
//!
//! A token with an unknown key id makes us fetch again, but not more often than every half minute, or a stranger could
//! make us hammer the issuer. When a fetch fails the keys we have stay good.

use std::sync::{Arc, RwLock};

use chrono::TimeDelta;
use domain::{Clock, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use tokio::sync::Mutex;
use url::Url;

use super::claims::TokenRefused;
use crate::client::{Timeouts, http_client, read_bounded};

/// Keys older than this are fetched again.
const KEEP: TimeDelta = TimeDelta::minutes(10);
/// Least time between two fetches.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
const MOST_BYTES: usize = 256 * 1024;

pub(super) struct Jwks {
    url: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    keys: RwLock<Option<(Timestamp, Arc<JwkSet>)>>,
    /// When the last fetch began. Held during a fetch: one at a time.
    tried: Mutex<Option<Timestamp>>,
}

impl Jwks {
    pub fn new(url: Url, clock: Arc<dyn Clock>) -> Self {
        Self { url, http: http_client(Timeouts::default()), clock, keys: RwLock::default(), tried: Mutex::default() }
    }

    /// The key of that id.
    pub async fn key(&self, kid: &str) -> Result<Jwk, TokenRefused> {
        if let Some((set, true)) = self.kept()
            && let Some(key) = set.find(kid)
        {
            return Ok(key.clone());
        }
        self.refresh(kid).await;
        match self.kept() {
            None => Err(TokenRefused::KeysUnavailable),
            Some((set, _)) => set.find(kid).cloned().ok_or(TokenRefused::Invalid("its key is not in the key set")),
        }
    }

    /// The keys, and whether they are fresh.
    fn kept(&self) -> Option<(Arc<JwkSet>, bool)> {
        let keys = self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.as_ref().map(|(at, set)| (set.clone(), self.clock.now() - *at < KEEP))
    }

    /// Fetches unless another did, or it is too soon.
    async fn refresh(&self, kid: &str) {
        let mut tried = self.tried.lock().await;
        // Who waited for the lock may find that the other one brought the key.
        let there = self.kept().is_some_and(|(set, fresh)| fresh && set.find(kid).is_some());
        let now = self.clock.now();
        if there || tried.is_some_and(|at| now - at < PAUSE) {
            return;
        }
        *tried = Some(now);
        match self.fetch().await {
            Ok(set) => {
                let mut keys = self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                *keys = Some((now, Arc::new(set)));
            }
            Err(error) => tracing::warn!(url = %self.url, error = %error, "the key set cannot be fetched"),
        }
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let answer = self.http.get(self.url.clone()).send().await.map_err(|error| error.without_url().to_string())?;
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
