//! The three requests and the one URL of the flow.

use std::sync::Arc;

use chrono::TimeDelta;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, PkceCodeChallenge,
    PkceCodeVerifier, RefreshToken, Scope, TokenResponse, TokenUrl,
};
use postrider_domain::{Clock, EmailAddress, Secret, Timestamp};
use url::Url;

use super::wire::{Endpoints, TokenAnswer, Wire, sort};
use super::{Grant, OAuthError, Refreshed, Scopes};
use crate::oidc::IdTokens;
use postrider_http::body;
use postrider_http::client::{HttpError, SMALL, SetupError, client, no_answer};

/// Google's answers say 3599; used when they do not.
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// No access token is believed to last longer.
const LONGEST_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// One OAuth client of Google's and its endpoints.
#[derive(Debug, Clone)]
pub struct OAuthConfig {
    pub client_id: String,
    pub client_secret: Secret,
    /// `GOOGLE_AUTH_URL`
    pub auth_url: Url,
    /// `GOOGLE_TOKEN_URL`
    pub token_url: Url,
    /// `GOOGLE_REVOKE_URL`
    pub revoke_url: Url,
    /// `GOOGLE_ISSUER`
    pub issuer: String,
}

/// What one consent is asked with.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizeRequest<'a> {
    pub redirect_uri: &'a str,
    /// Single-use, bound to tenant and user by the caller.
    pub state: &'a Secret,
    /// The PKCE verifier; only its SHA-256 goes into the URL.
    pub verifier: &'a Secret,
    pub scopes: &'a Scopes,
    /// The account to preselect, on a re-consent.
    pub login_hint: Option<&'a EmailAddress>,
}

/// Talks to Google's OAuth endpoints: no redirects, deadlines, nothing secret in errors or logs.
#[derive(Debug)]
pub struct OAuthClient {
    endpoints: Endpoints,
    revoke_url: Url,
    http: Wire,
    id_tokens: IdTokens,
    clock: Arc<dyn Clock>,
}

impl OAuthClient {
    /// Nothing connects before the first request.
    pub fn new(config: OAuthConfig, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let endpoints = Client::new(ClientId::new(config.client_id.clone()))
            .set_client_secret(ClientSecret::new(config.client_secret.expose().to_owned()))
            // Google documents the credentials in the body.
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(config.auth_url))
            .set_token_uri(TokenUrl::from_url(config.token_url));
        let id_tokens = IdTokens::new(config.issuer, config.client_id, clock.clone());
        Ok(Self { endpoints, revoke_url: config.revoke_url, http: Wire(client()?), id_tokens, clock })
    }

    /// The URL of the consent page: offline access and a forced prompt, so that a refresh token comes for sure.
    pub fn authorize_url(&self, request: &AuthorizeRequest<'_>) -> Url {
        let verifier = PkceCodeVerifier::new(request.verifier.expose().to_owned());
        let state = CsrfToken::new(request.state.expose().to_owned());
        let mut url = self
            .endpoints
            .authorize_url(|| state)
            .add_scopes(request.scopes.iter().map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_extra_param("redirect_uri", request.redirect_uri)
            .add_extra_param("access_type", "offline")
            .add_extra_param("prompt", "consent")
            .add_extra_param("include_granted_scopes", "false");
        if let Some(address) = request.login_hint {
            url = url.add_extra_param("login_hint", address.as_str());
        }
        url.url().0
    }

    /// Turns a code into a grant. `redirect_uri` is the one the code was asked with, or `postmessage`.
    pub async fn exchange(
        &self,
        code: &Secret,
        verifier: Option<&Secret>,
        redirect_uri: &str,
    ) -> Result<Grant, OAuthError> {
        let mut request = self
            .endpoints
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .add_extra_param("redirect_uri", redirect_uri);
        if let Some(verifier) = verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
        }
        let answer = request.request_async(&self.http).await.map_err(sort)?;
        let id_token = answer.extra_fields().id_token.as_deref().map(|token| self.id_tokens.read(token)).transpose()?;
        Ok(Grant {
            refresh_token: refresh_token(&answer),
            access_token: Secret::new(answer.access_token().secret().clone()),
            expires_at: self.expires_at(&answer),
            scopes: scopes(&answer).unwrap_or_default(),
            id_token,
        })
    }

    /// A new access token. [`OAuthError::InvalidGrant`] is terminal.
    pub async fn refresh(&self, token: &Secret) -> Result<Refreshed, OAuthError> {
        let token = RefreshToken::new(token.expose().to_owned());
        let request = self.endpoints.exchange_refresh_token(&token);
        let answer = request.request_async(&self.http).await.map_err(sort)?;
        Ok(Refreshed {
            access_token: Secret::new(answer.access_token().secret().clone()),
            expires_at: self.expires_at(&answer),
            refresh_token: refresh_token(&answer),
            scopes: scopes(&answer),
        })
    }

    /// Revokes the whole grant behind a token: every token of this account for this client. A token that is no longer
    /// good counts as revoked.
    pub async fn revoke(&self, token: &Secret) -> Result<(), OAuthError> {
        let request = self.http.0.post(self.revoke_url.clone()).form(&[("token", token.expose())]);
        let transient = |error: HttpError| OAuthError::Transient { reason: error.to_string() };
        let response = request.send().await.map_err(|error| transient(no_answer(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        if status != http::StatusCode::BAD_REQUEST {
            return Err(OAuthError::Transient { reason: format!("answered with status {}", status.as_u16()) });
        }
        let answer = body(response, SMALL).await.map_err(|error| transient(error.into()))?;
        let answer: RevokeError = serde_json::from_slice(&answer).unwrap_or_default();
        match answer.error.as_str() {
            "invalid_token" | "invalid_grant" | "token_revoked" => Ok(()),
            code => Err(OAuthError::of_code(code)),
        }
    }

    fn expires_at(&self, answer: &TokenAnswer) -> Timestamp {
        let told = answer.expires_in().and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
        self.clock.now() + told.unwrap_or(DEFAULT_LIFETIME).min(LONGEST_LIFETIME)
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct RevokeError {
    error: String,
}

fn refresh_token(answer: &TokenAnswer) -> Option<Secret> {
    answer.refresh_token().map(|token| Secret::new(token.secret().clone())).filter(|token| !token.is_empty())
}

/// Nothing said is "as before" (RFC 6749 §5.1), also when it is said with an empty text.
fn scopes(answer: &TokenAnswer) -> Option<Scopes> {
    let scopes: Scopes =
        answer.scopes()?.iter().map(|scope| scope.as_str()).filter(|scope| !scope.is_empty()).collect();
    Some(scopes).filter(|scopes| !scopes.is_empty())
}

/// Every future of this client can move between threads; checked here, since callers box them.
#[cfg(test)]
fn _futures_are_send(client: &OAuthClient, secret: &Secret) {
    fn send<T: Send>(_: T) {}
    send(client.refresh(secret));
    send(client.revoke(secret));
    send(client.exchange(secret, None, ""));
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
