//! Access tokens, leased from connector over HTTP and kept until shortly before they end (law 6).

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use moka::sync::Cache;
use postrider_domain::{Clock, ConnectorId, Secret, Timestamp};
use postrider_gmail::{AccessToken, TokenError, TokenSource};
use postrider_web::{Call, ClientError, ServiceClient};
use serde::{Deserialize, Serialize};

use crate::engine::Refused;

/// A token that ends sooner is not used for a new call.
const MARGIN: TimeDelta = TimeDelta::seconds(60);
/// Tokens remembered.
const MOST: u64 = 100_000;

/// Leases tokens for every mailbox of this process.
#[derive(Clone)]
pub struct LeasedTokens {
    connector: ServiceClient,
    clock: Arc<dyn Clock>,
    known: Cache<ConnectorId, AccessToken>,
}

#[derive(Serialize)]
struct Request {
    connector_id: ConnectorId,
    newer_than: Option<i64>,
}

#[derive(Deserialize)]
struct Granted {
    token: Secret,
    expires_at: Timestamp,
    token_version: i64,
}

#[derive(Serialize)]
struct Refusal {
    connector_id: ConnectorId,
    token_version: i64,
    reason: Refused,
}

#[derive(Deserialize)]
struct Told {
    applied: bool,
}

impl LeasedTokens {
    /// `connector` is a client of the connector service.
    pub fn new(connector: ServiceClient, clock: Arc<dyn Clock>) -> Self {
        Self { connector, clock, known: Cache::new(MOST) }
    }

    /// Tells connector what Gmail refuses for good, with the token that was refused. False: there are newer ones by now.
    pub async fn refused(&self, mailbox: ConnectorId, reason: Refused) -> Result<bool, ClientError> {
        let Some(token) = self.known.get(&mailbox) else { return Ok(false) };
        let refusal = Refusal { connector_id: mailbox, token_version: token.version, reason };
        let told: Told = self.connector.post(&Call::system(None), "/internal/refusals", &refusal).await?;
        // The next lease asks again in any case: a consent makes other tokens.
        self.known.invalidate(&mailbox);
        Ok(told.applied)
    }

    /// The source of one mailbox's tokens.
    pub fn of(&self, mailbox: ConnectorId) -> Arc<dyn TokenSource> {
        Arc::new(OfMailbox { all: self.clone(), mailbox })
    }
}

struct OfMailbox {
    all: LeasedTokens,
    mailbox: ConnectorId,
}

#[async_trait]
impl TokenSource for OfMailbox {
    async fn token(&self, newer_than: Option<i64>) -> Result<AccessToken, TokenError> {
        let now = self.all.clock.now();
        let usable = |token: &AccessToken| {
            token.expires_at - MARGIN > now && newer_than.is_none_or(|refused| token.version > refused)
        };
        if let Some(token) = self.all.known.get(&self.mailbox).filter(usable) {
            return Ok(token);
        }
        let request = Request { connector_id: self.mailbox, newer_than };
        let granted: Granted = self
            .all
            .connector
            .post(&Call::system(None), "/internal/token-leases", &request)
            .await
            .map_err(|error| refused(&error))?;
        let token =
            AccessToken { secret: granted.token, expires_at: granted.expires_at, version: granted.token_version };
        self.all.known.insert(self.mailbox, token.clone());
        Ok(token)
    }
}

/// connector's codes; whatever else happened may pass.
fn refused(error: &ClientError) -> TokenError {
    match error.code() {
        Some("reauth_required") => TokenError::ReauthRequired,
        Some("connector_disconnected") => TokenError::Disconnected,
        Some("connector_paused") => TokenError::Paused,
        _ => {
            tracing::warn!(%error, "no access token from connector");
            TokenError::Unavailable
        }
    }
}
