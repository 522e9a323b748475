//! The cache of Google's public keys.
//!
//! Nothing is fetched before the first token needs a key, so that a process starts with Google unreachable. Keys that
//! are due for a refresh go on serving while it fails. An unknown key id causes a fetch, but not more often than every
//! ten seconds, however many forged tokens arrive; one fetch at a time.

use std::sync::Arc;

use chrono::TimeDelta;
use http::header::{AGE, CACHE_CONTROL};
use jsonwebtoken::DecodingKey;
use parking_lot::RwLock;
use postrider_domain::{Clock, Timestamp};
use tokio::sync::Mutex;
use url::Url;

use super::cache_control::lifetime;
use super::keys::KeySet;
use postrider_http::client::{HttpError, SetupError, body, client, no_answer};

/// Least time between two fetches.
const REST: TimeDelta = TimeDelta::seconds(10);

/// Why there is no key for a key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Google does not know it: the token is forged or long expired.
    #[error("no such key")]
    Unknown,
    /// Google's keys cannot be had, so nothing can be said.
    #[error("the keys cannot be fetched")]
    Unreachable,
}

/// Keys from `GOOGLE_JWKS_URL`.
#[derive(Debug)]
pub struct Jwks {
    url: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    cached: RwLock<Cached>,
    fetching: Mutex<Attempt>,
}

#[derive(Clone, Default)]
struct Cached {
    keys: Arc<KeySet>,
    fresh_until: Option<Timestamp>,
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached").field("fresh_until", &self.fresh_until).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Attempt {
    at: Option<Timestamp>,
    succeeded: bool,
}

impl Jwks {
    /// An empty cache for the key set at `url`.
    pub fn new(url: Url, clock: Arc<dyn Clock>) -> Result<Arc<Self>, SetupError> {
        Ok(Arc::new(Self { url, http: client()?, clock, cached: RwLock::default(), fetching: Mutex::default() }))
    }

    /// The key with that id.
    pub async fn key(&self, kid: &str) -> Result<Arc<DecodingKey>, KeyError> {
        let cached = self.cached();
        let known = cached.keys.get(kid);
        if cached.fresh_until.is_some_and(|until| until > self.clock.now()) {
            if let Some(key) = known {
                return Ok(key);
            }
        } else if let Some(key) = known {
            // Due, but usable: whoever comes first refreshes, the others do not wait.
            if let Ok(mut attempt) = self.fetching.try_lock() {
                self.refresh(&mut attempt).await;
            }
            return Ok(self.cached().keys.get(kid).unwrap_or(key));
        }
        let mut attempt = self.fetching.lock().await;
        if let Some(key) = self.cached().keys.get(kid) {
            return Ok(key);
        }
        self.refresh(&mut attempt).await;
        let missing = if attempt.succeeded { KeyError::Unknown } else { KeyError::Unreachable };
        self.cached().keys.get(kid).ok_or(missing)
    }

    /// Whether any key is there; for health reports.
    pub fn is_warm(&self) -> bool {
        self.cached().fresh_until.is_some()
    }

    fn cached(&self) -> Cached {
        self.cached.read().clone()
    }

    async fn refresh(&self, attempt: &mut Attempt) {
        let now = self.clock.now();
        if attempt.at.is_some_and(|at| now < at + REST && at <= now) {
            return;
        }
        attempt.at = Some(now);
        match self.fetch().await {
            Ok((keys, lifetime)) => {
                attempt.succeeded = true;
                let cached = Cached { keys: Arc::new(keys), fresh_until: Some(now + lifetime) };
                *self.cached.write() = cached;
            }
            Err(error) => {
                attempt.succeeded = false;
                tracing::warn!(error = %error, "google's public keys could not be fetched");
            }
        }
    }

    async fn fetch(&self) -> Result<(KeySet, TimeDelta), HttpError> {
        let response = self.http.get(self.url.clone()).send().await.map_err(|error| no_answer(&error))?;
        if !response.status().is_success() {
            return Err(HttpError::Status(response.status().as_u16()));
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let lifetime = lifetime(header(CACHE_CONTROL), header(AGE));
        let keys = KeySet::read(&body(response).await?).ok_or(HttpError::NoAnswer("no key in the answer"))?;
        Ok((keys, lifetime))
    }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
