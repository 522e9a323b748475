//! The one cache of an issuer's public keys (JWKS), Google's and those of clients' tokens alike.
//!
//! Nothing is fetched before the first token needs a key, so that a process starts with the issuer unreachable. A known
//! key is used at once, however old its set is: what is due is fetched beside the request, and goes on serving while
//! that fails, so an issuer that hangs holds nobody up. Only a token with an unknown key id waits for a fetch; there is
//! one at a time, and between two lie ten seconds, however many forged tokens arrive. How long a set is fresh says the
//! answer's `Cache-Control`, within bounds. A key that was taken back counts until the fetch after its next use is done.

mod keys;
mod lifetime;

use std::sync::Arc;

use chrono::TimeDelta;
use parking_lot::RwLock;
use postrider_domain::{Clock, Timestamp};
use reqwest::header::{AGE, CACHE_CONTROL};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;

use keys::KeySet;
pub use keys::PublicKey;
use lifetime::lifetime;

use crate::body::body;
use crate::client::{HttpError, SMALL, no_answer};

/// Least time between two fetches.
const REST: TimeDelta = TimeDelta::seconds(10);

/// Why there is no key for a key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The issuer does not know it: the token is forged or long expired.
    #[error("no such key")]
    Unknown,
    /// The issuer's keys cannot be had, so nothing can be said.
    #[error("the keys cannot be fetched")]
    Unreachable,
}

/// The keys at one URL. Clones share them.
#[derive(Debug, Clone)]
pub struct Jwks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
    /// Held during a fetch: one at a time.
    last: Arc<Mutex<Attempt>>,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    keys: Arc<KeySet>,
    fresh_until: Option<Timestamp>,
}

/// The last fetch.
#[derive(Debug, Default)]
struct Attempt {
    at: Option<Timestamp>,
    succeeded: bool,
}

impl Jwks {
    /// An empty cache for the key set at `url`; the client's timeouts bound each fetch.
    pub fn new(url: Url, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { url, http, clock, kept: RwLock::default(), last: Arc::default() }))
    }

    /// The key with that id.
    ///
    /// # Errors
    /// The issuer has no such key, or cannot be asked.
    pub async fn key(&self, kid: &str) -> Result<Arc<PublicKey>, KeyError> {
        let kept = self.0.kept.read().clone();
        if let Some(key) = kept.keys.get(kid) {
            if kept.fresh_until.is_none_or(|until| until <= self.0.clock.now()) {
                self.refresh_beside();
            }
            return Ok(key);
        }
        let mut last = self.0.last.clone().lock_owned().await;
        // Who waited for the lock may find that another one brought the key.
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        if self.0.may_fetch(&last) {
            self.0.refresh(&mut last).await;
        }
        self.known(kid).ok_or(if last.succeeded { KeyError::Unknown } else { KeyError::Unreachable })
    }

    fn known(&self, kid: &str) -> Option<Arc<PublicKey>> {
        self.0.kept.read().keys.get(kid)
    }

    /// Begins a fetch that nobody waits for, unless one is going on or was a moment ago.
    #[expect(clippy::disallowed_methods, reason = "ends within the client's timeout and logs its own failure")]
    fn refresh_beside(&self) {
        let Ok(mut last) = self.0.last.clone().try_lock_owned() else { return };
        if self.0.may_fetch(&last) {
            let inner = self.0.clone();
            drop(tokio::spawn(async move { inner.refresh(&mut last).await }));
        }
    }
}

impl Inner {
    fn may_fetch(&self, last: &Attempt) -> bool {
        let now = self.clock.now();
        last.at.is_none_or(|at| now >= at + REST || now < at)
    }

    async fn refresh(&self, last: &mut OwnedMutexGuard<Attempt>) {
        // Stays false if whoever asked gives up while it waits.
        last.succeeded = false;
        last.at = Some(self.clock.now());
        match self.fetch().await {
            Ok((keys, lifetime)) => {
                last.succeeded = true;
                let fresh_until = Some(self.clock.now() + lifetime);
                *self.kept.write() = Kept { keys: Arc::new(keys), fresh_until };
            }
            Err(error) => tracing::warn!(url = %self.url, error = %error, "public keys could not be fetched"),
        }
        // From its end: those who waited for an issuer that hangs must not try it one after the other.
        last.at = Some(self.clock.now());
    }

    async fn fetch(&self) -> Result<(KeySet, TimeDelta), HttpError> {
        let answer = self.http.get(self.url.clone()).send().await.map_err(|error| no_answer(&error))?;
        if !answer.status().is_success() {
            return Err(HttpError::Status(answer.status().as_u16()));
        }
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let lifetime = lifetime(header(CACHE_CONTROL), header(AGE));
        let keys = KeySet::read(&body(answer, SMALL).await?).ok_or(HttpError::NoAnswer("no key in the answer"))?;
        Ok((keys, lifetime))
    }
}

#[cfg(test)]
mod tests;
