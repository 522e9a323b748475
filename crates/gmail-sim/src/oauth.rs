//! Google's sign-in as a state machine: codes, grants, access and refresh tokens. No HTTP here.
//!
//! Source: <https://developers.google.com/identity/protocols/oauth2>.

mod grant;
pub mod keys;
pub mod service_account;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

pub use grant::{Authorize, Death};
pub use token::{OAuthError, TokenAnswer, TokenRequest};

use crate::world::Account;

/// A second OAuth client, of the type "Desktop app": it is sent back to any loopback address.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesktopClient {
    pub client_id: String,
    pub client_secret: String,
}

/// The registered OAuth client and how Google treats it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuthConfig {
    pub client_id: String,
    pub client_secret: String,
    pub desktop: Option<DesktopClient>,
    /// Redirect addresses that are registered; empty accepts any.
    pub redirect_uris: Vec<String>,
    /// Skip the consent page: use `login_hint` or the first account.
    pub auto_consent: bool,
    /// Scopes the user does not tick on the consent page (auto-consent only).
    pub unticked: Vec<String>,
    /// Give a new refresh token with each refresh and end the old one.
    pub rotate_refresh: bool,
    /// Life of an access token in seconds.
    pub access_seconds: i64,
    /// Life of a refresh token in days; 7 for a consent screen in Testing.
    pub refresh_days: Option<i64>,
}

impl Default for OAuthConfig {
    fn default() -> Self {
        Self {
            client_id: "sim-client.apps.googleusercontent.com".to_owned(),
            client_secret: "sim-secret".to_owned(),
            desktop: None,
            redirect_uris: Vec::new(),
            auto_consent: true,
            unticked: Vec::new(),
            rotate_refresh: false,
            access_seconds: 3_599,
            refresh_days: None,
        }
    }
}

impl OAuthConfig {
    /// The secret of a client, if it is registered.
    pub fn secret_of(&self, client_id: &str) -> Option<&str> {
        let desktop = self.desktop.as_ref().filter(|client| client.client_id == client_id);
        let web = (client_id == self.client_id).then_some(self.client_secret.as_str());
        web.or_else(|| desktop.map(|client| client.client_secret.as_str()))
    }

    /// Whether a client may be sent back there.
    pub fn leads_to(&self, client_id: &str, redirect_uri: &str) -> bool {
        if client_id == self.client_id {
            return self.redirect_uris.is_empty() || self.redirect_uris.iter().any(|uri| uri == redirect_uri);
        }
        ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| redirect_uri.starts_with(start))
    }
}

/// What a bearer token allows.
#[derive(Debug, Clone)]
pub struct Access {
    /// Address of the account.
    pub address: String,
    pub scopes: Arc<[String]>,
    expires: Timestamp,
}

impl Access {
    /// Whether one of the scopes was granted.
    pub fn allows(&self, scopes: &[&str]) -> bool {
        self.scopes.iter().any(|granted| scopes.contains(&granted.as_str()))
    }
}

#[derive(Debug)]
struct State {
    config: OAuthConfig,
    rng: ChaCha20Rng,
    codes: HashMap<String, grant::Code>,
    /// By (account id, client id).
    grants: HashMap<(String, String), grant::Grant>,
    refresh: HashMap<String, grant::Refresh>,
}

/// The sign-in state of all accounts.
#[derive(Debug)]
pub struct OAuth {
    state: Mutex<State>,
    /// Read for every Gmail call, so apart from the rest.
    access: RwLock<HashMap<String, Access>>,
}

impl OAuth {
    /// No grants yet; tokens come from the seed.
    pub fn new(config: OAuthConfig, seed: u64) -> Self {
        let state = State {
            config,
            rng: ChaCha20Rng::seed_from_u64(seed),
            codes: HashMap::new(),
            grants: HashMap::new(),
            refresh: HashMap::new(),
        };
        Self { state: Mutex::new(state), access: RwLock::default() }
    }

    /// The settings in force.
    pub fn config(&self) -> OAuthConfig {
        self.state().config.clone()
    }

    /// Changes the settings for what comes.
    pub fn configure(&self, change: impl FnOnce(&mut OAuthConfig)) {
        change(&mut self.state().config);
    }

    /// Who a bearer token stands for; `None` if it is unknown, expired or revoked.
    pub fn authenticate(&self, token: &str, now: Timestamp) -> Option<Access> {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        access.get(token).filter(|access| access.expires > now).cloned()
    }

    /// An access token without a sign-in, for tests of the API alone.
    pub fn issue_access(&self, account: &Account, scopes: &[&str], now: Timestamp) -> String {
        let scopes: Arc<[String]> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let mut state = self.state();
        let life = TimeDelta::seconds(state.config.access_seconds);
        let token = state.secret("ya29.");
        drop(state);
        self.remember(&token, Access { address: account.address.clone(), scopes, expires: now + life });
        token
    }

    fn remember(&self, token: &str, access: Access) {
        self.access.write().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), access);
    }

    fn forget<'a>(&self, tokens: impl IntoIterator<Item = &'a String>) {
        let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
        for token in tokens {
            access.remove(token);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn secret(&mut self, prefix: &str) -> String {
        use base64::Engine as _;
        let mut bytes = [0_u8; 32];
        self.rng.fill_bytes(&mut bytes);
        format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests;
