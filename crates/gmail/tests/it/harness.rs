//! A simulator in this process, a client of ours at it, and a token source that refreshes as connector does.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_domain::{ConnectorId, Seams, Secret};
use postrider_gmail::{AccessToken, TokenError, TokenSource};
use postrider_gmail::{GmailClient, GmailMetrics, GmailTransport, TransportConfig};
use postrider_gmail_sim::oauth::Authorize;
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer, Sizes};
use postrider_google_auth::oauth::{GMAIL_READONLY, OAuthClient, OAuthConfig};
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;

pub const ADDRESS: &str = "demo@example.com";
const REDIRECT: &str = "http://localhost:8000/gmail/auth/callback";

pub struct World {
    pub sim: SimServer,
    pub oauth: Arc<OAuthClient>,
    seams: Seams,
}

impl World {
    /// A simulator with one mailbox of `size` small mails.
    pub async fn start(size: u32) -> Self {
        let mailbox = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ADDRESS, size) };
        let config = SimConfig { mailboxes: vec![mailbox], ..SimConfig::default() };
        let issuer = config.issuer.clone();
        let (client_id, secret) = (config.oauth.client_id.clone(), config.oauth.client_secret.clone());
        let sim = SimServer::start(config).await.unwrap();
        let url = |path: &str| format!("{}{path}", sim.base_url()).parse::<Url>().unwrap();
        let seams = Seams::system();
        let config = OAuthConfig {
            client_id,
            client_secret: Secret::new(secret),
            auth_url: url("/o/oauth2/v2/auth"),
            token_url: url("/token"),
            revoke_url: url("/revoke"),
            issuer,
        };
        let oauth = Arc::new(OAuthClient::new(config, seams.clock.clone()).unwrap());
        Self { sim, oauth, seams }
    }

    /// A connected mailbox's client, and the refresh token behind it.
    pub async fn connect(&self) -> (GmailClient, Secret) {
        let grant = self.oauth.exchange(&self.code(), None, REDIRECT).await.unwrap();
        let refresh = grant.refresh_token.unwrap();
        let root = format!("{}/", self.sim.base_url()).parse().unwrap();
        let metrics = GmailMetrics::register(&prometheus::Registry::new()).unwrap();
        let transport = GmailTransport::new(TransportConfig::new(root), self.seams.clock.clone(), metrics).unwrap();
        let first = AccessToken { secret: grant.access_token, expires_at: grant.expires_at, version: 1 };
        let tokens = Refreshing { oauth: self.oauth.clone(), refresh: refresh.clone(), current: Mutex::new(first) };
        let client = GmailClient::new(ConnectorId(Uuid::from_u128(1)), transport, Arc::new(tokens)).unwrap();
        (client, refresh)
    }

    /// An authorisation code, as a consent ends with.
    fn code(&self) -> Secret {
        let sim = self.sim.sim();
        let request = Authorize {
            client_id: sim.oauth.config().client_id,
            redirect_uri: REDIRECT.to_owned(),
            scopes: ["openid", "email", GMAIL_READONLY].map(str::to_owned).to_vec(),
            challenge: None,
            nonce: None,
            offline: true,
            consent: true,
        };
        Secret::new(sim.oauth.authorize(&sim.world.account(ADDRESS).unwrap(), request, sim.world.now()))
    }
}

/// Refreshes whenever a newer token is asked for.
struct Refreshing {
    oauth: Arc<OAuthClient>,
    refresh: Secret,
    current: Mutex<AccessToken>,
}

#[async_trait]
impl TokenSource for Refreshing {
    async fn token(&self, newer_than: Option<i64>) -> Result<AccessToken, TokenError> {
        let mut current = self.current.lock().await;
        if newer_than.is_some_and(|than| than >= current.version) {
            let refreshed = self.oauth.refresh(&self.refresh).await.map_err(|error| match error {
                error if error.needs_consent() => TokenError::ReauthRequired,
                _ => TokenError::Unavailable,
            })?;
            let version = current.version + 1;
            *current = AccessToken { secret: refreshed.access_token, expires_at: refreshed.expires_at, version };
        }
        Ok(current.clone())
    }
}
