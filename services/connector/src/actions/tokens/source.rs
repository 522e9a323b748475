//! Access tokens for our own calls to Gmail (watch, stop, profile).

use async_trait::async_trait;
use postrider_domain::{ConnectorId, Secret, TenantId, Timestamp};
use postrider_gmail::{AccessToken, TokenError, TokenSource};

use super::lease::{Options, lease};
use crate::error::Error;
use crate::state::State;

/// Tokens of a connector, leased as sync-worker would, also while it is paused.
#[derive(Clone)]
pub struct ConnectorTokens {
    pub state: State,
    pub tenant: TenantId,
    pub connector: ConnectorId,
}

#[async_trait]
impl TokenSource for ConnectorTokens {
    async fn token(&self, newer_than: Option<i64>) -> Result<AccessToken, TokenError> {
        let options = Options { newer_than, even_paused: true };
        match lease(&self.state, &self.tenant, self.connector, options).await {
            Ok(lease) => Ok(AccessToken { secret: lease.token, expires_at: lease.expires_at, version: lease.version }),
            Err(Error::ReauthRequired) => Err(TokenError::ReauthRequired),
            Err(Error::Disconnected | Error::NotFound) => Err(TokenError::Disconnected),
            Err(Error::Paused) => Err(TokenError::Paused),
            Err(error) => {
                tracing::debug!(%error, "no token at the moment");
                Err(TokenError::Unavailable)
            }
        }
    }
}

/// A token that was just given and belongs to no connector yet.
pub struct FixedToken {
    pub secret: Secret,
    pub expires_at: Timestamp,
}

#[async_trait]
impl TokenSource for FixedToken {
    async fn token(&self, newer_than: Option<i64>) -> Result<AccessToken, TokenError> {
        match newer_than {
            None => Ok(AccessToken { secret: self.secret.clone(), expires_at: self.expires_at, version: 0 }),
            // Gmail refused the only token there is.
            Some(_) => Err(TokenError::ReauthRequired),
        }
    }
}
