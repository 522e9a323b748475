//! Pushes whose proof held a moment ago. Pub/Sub sends one token for up to an hour, so that the intake is asked about it
//! once a minute and not before each body.

use std::time::Duration;

use moka::sync::Cache;
use postrider_domain::token;

/// Most tokens remembered; one subscription uses a handful at a time.
const MOST: u64 = 4_096;
/// How long a token counts without a new question. The intake verifies it again with the body, in any case.
const KEPT: Duration = Duration::from_secs(60);

/// Tokens by their hash. Clones share them.
#[derive(Debug, Clone)]
pub struct Proofs(Cache<[u8; 32], ()>);

impl Default for Proofs {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }
}

impl Proofs {
    /// The intake found this token good.
    pub fn note(&self, token: &str) {
        self.0.insert(token::digest(token), ());
    }

    /// Whether it did so within the last minute.
    pub fn knows(&self, token: &str) -> bool {
        self.0.contains_key(&token::digest(token))
    }
}
