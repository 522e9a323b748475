//! Access tokens of a service account: by its key file (RFC 7523, <https://developers.google.com/identity/protocols/oauth2/service-account>),
//! or of the machine's own account from Google's metadata server
//! (<https://cloud.google.com/compute/docs/access/authenticate-workloads>).

mod key_file;

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::{Clock, Secret, Timestamp};
use postrider_http::client::{SMALL, client, no_answer};
use postrider_http::{SetupError, body};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

pub use self::key_file::{KeyFile, KeyFileError};

/// Pulling and acknowledging.
pub const PUBSUB_SCOPE: &str = "https://www.googleapis.com/auth/pubsub";
/// Where a machine of Google's asks for its own tokens.
pub const METADATA_URL: &str = "http://metadata.google.internal/";
/// A token that ends sooner than this is renewed first.
const SPENT: TimeDelta = TimeDelta::minutes(5);
/// The form of the grant.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Who the tokens are for.
#[derive(Debug, Clone)]
pub enum Identity {
    Key(Arc<KeyFile>),
    /// The metadata server's address.
    Machine(Url),
}

/// Why there is no token. Never holds a key or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The key was deleted, the account was disabled, or the clock is wrong.
    #[error("Google refuses the service account: {0}")]
    Refused(String),
    #[error("no token can be had now: {0}")]
    Unavailable(String),
}

/// Gives access tokens, asking Google only when the one at hand is spent.
#[derive(Debug)]
pub struct ServiceAccountTokens {
    identity: Identity,
    scope: &'static str,
    http: Client,
    clock: Arc<dyn Clock>,
    /// Held while Google is asked: those who wait find the new token.
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    token: Secret,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    expires_in: i64,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl ServiceAccountTokens {
    /// Nothing connects before the first token is asked for.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(identity: Identity, scope: &'static str, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        Ok(Self { identity, scope, http: client()?, clock, held: Mutex::new(None) })
    }

    /// A token that lasts for minutes.
    ///
    /// # Errors
    /// Google refuses, or does not answer.
    pub async fn token(&self) -> Result<Secret, TokenError> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some(held) = held.as_ref().filter(|held| held.expires_at - now > SPENT) {
            return Ok(held.token.clone());
        }
        let answer = self.ask(now).await?;
        let expires_at = now + TimeDelta::try_seconds(answer.expires_in).unwrap_or_default();
        *held = Some(Held { token: answer.access_token.clone(), expires_at });
        Ok(answer.access_token)
    }

    /// A token was refused: the next one is asked for anew.
    pub async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn ask(&self, now: Timestamp) -> Result<Answer, TokenError> {
        let request = match &self.identity {
            Identity::Key(key) => {
                let assertion =
                    key.assertion(self.scope, now).map_err(|error| TokenError::Refused(error.to_string()))?;
                let form = [("grant_type", GRANT), ("assertion", assertion.expose())];
                self.http.post(key.token_uri.clone()).form(&form)
            }
            Identity::Machine(server) => machine(&self.http, server, self.scope)?,
        };
        let answer = request.send().await.map_err(|error| TokenError::Unavailable(no_answer(&error).to_string()))?;
        let status = answer.status();
        let body = body(answer, SMALL).await.map_err(|error| TokenError::Unavailable(error.to_string()))?;
        if status.is_client_error() && status.as_u16() != 429 {
            let word = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.error);
            // Google's own word, of which nothing is secret; of anything else the status is enough.
            let known =
                word.ok().filter(|word| word.len() < 60 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            return Err(TokenError::Refused(known.unwrap_or_else(|| status.as_u16().to_string())));
        }
        if !status.is_success() {
            return Err(TokenError::Unavailable(format!("answered with status {}", status.as_u16())));
        }
        serde_json::from_slice(&body)
            .map_err(|_malformed| TokenError::Unavailable("the answer was not readable".to_owned()))
    }
}

fn machine(http: &Client, server: &Url, scope: &str) -> Result<RequestBuilder, TokenError> {
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let url = server.join(path).map_err(|error| TokenError::Unavailable(error.to_string()))?;
    // Without this header the server answers nobody: it keeps requests out that were sent somewhere else.
    Ok(http.get(url).query(&[("scopes", scope)]).header("Metadata-Flavor", "Google"))
}
