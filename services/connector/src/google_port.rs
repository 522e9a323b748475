//! Google as this service uses it: our OAuth clients, and Gmail clients for single calls. Turns Google's errors into
//! what this service does about them.

use std::sync::Arc;

use postrider_domain::{Clock, ConnectorId, EmailAddress, Secret, Timestamp};
use postrider_gmail::{GmailApi, GmailClient, GmailMetrics, GmailTransport, TokenSource, TransportConfig};
use postrider_google_auth::oauth::{AuthorizeRequest, OAuthClient, OAuthConfig, OAuthError, Scopes};
use postrider_google_auth::oidc::IdTokenClaims;
use prometheus::Registry;
use url::Url;

use crate::actions::connect::grant::Code;
use crate::config::GoogleSettings;
use crate::error::Error;
use crate::rules::redirect_uri;

/// Which of our OAuth clients a consent was given to: what it brought works with that one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// The one whose consents end at our own address.
    Web,
    /// The one whose consents end at a loopback address of the person's machine.
    Desktop,
}

/// The configured OAuth clients.
pub struct Google {
    pub client_id: String,
    pub redirect_uri: String,
    /// Asked for.
    pub scopes: Scopes,
    /// Where people consent.
    pub auth_url: Url,
    oauth: OAuthClient,
    /// The Desktop client and its id, where there is one.
    desktop: Option<(String, OAuthClient)>,
    transport: Arc<GmailTransport>,
}

/// What the token endpoint answered.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    pub access: Secret,
    pub access_expires_at: Timestamp,
    /// A refresh token, at the first consent or where Google rotates them.
    pub refresh: Option<Secret>,
    /// What is granted, where the answer says.
    pub scopes: Option<Scopes>,
    /// Who consented, out of the id_token.
    pub identity: Option<IdTokenClaims>,
}

impl Google {
    /// Builds the clients; nothing connects before the first call.
    ///
    /// # Errors
    /// No TLS roots, or a URL that is none.
    pub fn new(settings: GoogleSettings, clock: Arc<dyn Clock>, registry: &Registry) -> anyhow::Result<Self> {
        let auth_url = settings.auth_url.clone();
        let config = OAuthConfig {
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret,
            auth_url: settings.auth_url,
            token_url: settings.token_url,
            revoke_url: settings.revoke_url,
            issuer: settings.issuer,
        };
        let desktop = match settings.desktop {
            Some(client) => {
                let (id, client_secret) = (client.client_id, client.client_secret);
                let config = OAuthConfig { client_id: id.clone(), client_secret, ..config.clone() };
                Some((id, OAuthClient::new(config, clock.clone())?))
            }
            None => None,
        };
        let oauth = OAuthClient::new(config, clock.clone())?;
        let metrics = GmailMetrics::register(registry)?;
        let transport = GmailTransport::new(TransportConfig::new(settings.api_url), clock, metrics)?;
        Ok(Self {
            client_id: settings.client_id,
            redirect_uri: settings.redirect_uri,
            scopes: settings.scopes,
            auth_url,
            oauth,
            desktop,
            transport,
        })
    }

    /// Which client has that id, if one of ours has.
    pub fn app(&self, client_id: &str) -> Option<App> {
        if client_id == self.client_id {
            return Some(App::Web);
        }
        self.desktop.as_ref().filter(|(id, _)| id == client_id).map(|_| App::Desktop)
    }

    /// The ids of our clients.
    pub fn client_ids(&self) -> Vec<String> {
        std::iter::once(&self.client_id).chain(self.desktop.as_ref().map(|(id, _)| id)).cloned().collect()
    }

    /// Whether there is more than the Web client.
    pub fn has_desktop(&self) -> bool {
        self.desktop.is_some()
    }

    /// The id of a client.
    pub fn client_id(&self, app: App) -> &str {
        match (app, &self.desktop) {
            (App::Desktop, Some((id, _))) => id,
            _ => &self.client_id,
        }
    }

    /// The redirect URI to exchange a code with and the client it was given to; none for a code that is not ours to use.
    pub fn redirect<'a>(&'a self, asked: Option<&'a str>) -> Option<(&'a str, App)> {
        let ours = redirect_uri::accepted(asked, &self.redirect_uri).map(|uri| (uri, App::Web));
        let loopback = || asked.filter(|uri| self.desktop.is_some() && redirect_uri::is_loopback(uri));
        ours.or_else(|| loopback().map(|uri| (uri, App::Desktop)))
    }

    fn oauth(&self, app: App) -> &OAuthClient {
        match (app, &self.desktop) {
            (App::Desktop, Some((_, desktop))) => desktop,
            _ => &self.oauth,
        }
    }

    /// Where a person gives consent; `hint` is the account to be offered.
    pub fn consent_url(&self, state: &Secret, verifier: &Secret, hint: Option<&EmailAddress>) -> String {
        let request = AuthorizeRequest {
            redirect_uri: &self.redirect_uri,
            state,
            verifier,
            scopes: &self.scopes,
            login_hint: hint,
        };
        self.oauth.authorize_url(&request).into()
    }

    /// Turns a code into tokens.
    pub async fn exchange(&self, code: &Code) -> Result<TokenAnswer, Error> {
        let client = self.oauth(code.app);
        let asked = client.exchange(&code.code, code.verifier.as_ref(), &code.redirect_uri).await;
        let grant = asked.map_err(|error| match error {
            OAuthError::Unfit { code } => {
                crate::observe::code_unfit(&code);
                Error::CodeInvalid
            }
            error => sort(error, Error::CodeInvalid),
        })?;
        Ok(TokenAnswer {
            access: grant.access_token,
            access_expires_at: grant.expires_at,
            refresh: grant.refresh_token,
            scopes: Some(grant.scopes).filter(|scopes| !scopes.is_empty()),
            identity: grant.id_token,
        })
    }

    /// A new access token; [`Error::GrantDead`] when the refresh token is no longer good.
    pub async fn refresh(&self, app: App, refresh: &Secret) -> Result<TokenAnswer, Error> {
        let fresh = self.oauth(app).refresh(refresh).await.map_err(|error| sort(error, Error::GrantDead))?;
        Ok(TokenAnswer {
            access: fresh.access_token,
            access_expires_at: fresh.expires_at,
            refresh: fresh.refresh_token,
            scopes: fresh.scopes,
            identity: None,
        })
    }

    /// Gives the whole grant behind a token back. A token that is no longer good counts as given back.
    pub async fn revoke(&self, token: &Secret) -> Result<(), Error> {
        self.oauth.revoke(token).await.map_err(|error| sort(error, Error::GrantDead))
    }

    /// Gmail with the given tokens. The mailbox only decides which connection carries the calls.
    pub fn gmail(&self, mailbox: ConnectorId, tokens: Arc<dyn TokenSource>) -> Result<Arc<dyn GmailApi>, Error> {
        let client = GmailClient::new(mailbox, self.transport.clone(), tokens)
            .map_err(|error| Error::google_refused(error.to_string()))?;
        Ok(Arc::new(client))
    }
}

/// `gone` is what a refused code or token means where the call was made.
fn sort(error: OAuthError, gone: Error) -> Error {
    match error {
        OAuthError::InvalidGrant | OAuthError::Denied { .. } => gone,
        OAuthError::Misconfigured { code } | OAuthError::Unfit { code } => Error::ClientRefused(code),
        OAuthError::Transient { reason } => Error::google_unavailable(reason),
        OAuthError::IdToken(refusal) => Error::google_refused(format!("the id_token is not acceptable: {refusal}")),
    }
}
