//! The token endpoint: code and refresh grants.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::grant::Refresh;
use super::{Access, OAuth, State};
use crate::world::Account;

/// Form of `POST /token`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TokenRequest {
    pub grant_type: String,
    pub code: String,
    pub redirect_uri: String,
    pub code_verifier: Option<String>,
    pub refresh_token: String,
    pub client_id: String,
    pub client_secret: String,
}

/// A successful answer, before the id_token is signed.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    pub access_token: String,
    pub expires_in: i64,
    pub refresh_token: Option<String>,
    /// Granted scopes, which may be fewer than were asked for.
    pub scopes: Vec<String>,
    pub account: Account,
    pub nonce: Option<String>,
}

/// `{"error", "error_description"}` of RFC 6749 §5.2 as Google words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{error}: {error_description}")]
pub struct OAuthError {
    #[serde(skip)]
    pub status: u16,
    pub error: &'static str,
    pub error_description: &'static str,
}

const fn bad(error: &'static str, error_description: &'static str) -> OAuthError {
    OAuthError { status: 400, error, error_description }
}

const DEAD: OAuthError = bad("invalid_grant", "Token has been expired or revoked.");

impl OAuth {
    /// Returns the token endpoint.
    pub fn token(&self, request: &TokenRequest, now: Timestamp) -> Result<TokenAnswer, OAuthError> {
        let mut state = self.state();
        let Some(secret) = state.config.secret_of(&request.client_id) else {
            return Err(OAuthError { status: 401, ..bad("invalid_client", "The OAuth client was not found.") });
        };
        if request.client_secret != secret {
            return Err(OAuthError { status: 401, ..bad("invalid_client", "The provided client secret is invalid.") });
        }
        let (answer, expires) = match request.grant_type.as_str() {
            "authorization_code" => state.exchange(request, now),
            "refresh_token" => state.refresh(request, now),
            _ => Err(bad("unsupported_grant_type", "Invalid grant_type")),
        }?;
        drop(state);
        let scopes: Arc<[String]> = answer.scopes.iter().cloned().collect();
        self.remember(&answer.access_token, Access { address: answer.account.address.clone(), scopes, expires });
        Ok(answer)
    }
}

impl State {
    fn exchange(&mut self, request: &TokenRequest, now: Timestamp) -> Result<(TokenAnswer, Timestamp), OAuthError> {
        // A code is good for one try, successful or not.
        let code = self.codes.remove(&request.code).filter(|code| code.expires > now);
        let code = code.ok_or(bad("invalid_grant", "Malformed auth code."))?;
        if code.request.client_id != request.client_id {
            return Err(bad("invalid_grant", "Bad Request"));
        }
        if code.request.redirect_uri != request.redirect_uri {
            return Err(bad("redirect_uri_mismatch", "Bad Request"));
        }
        let proof = request.code_verifier.as_deref().map(|verifier| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
        match (&code.request.challenge, proof) {
            (Some(_), None) => return Err(bad("invalid_grant", "Missing code verifier.")),
            (Some(challenge), Some(proof)) if *challenge != proof => {
                return Err(bad("invalid_grant", "Invalid code verifier."));
            }
            _ => {}
        }
        let known = Refresh {
            account: code.account.clone(),
            client_id: request.client_id.clone(),
            scopes: code.request.scopes.clone(),
            issued: now,
            used: now,
        };
        let lasting = code.request.offline && (code.request.consent || !code.renewed);
        let refresh_token = lasting.then(|| self.new_refresh(known.clone()));
        Ok(self.answer(known, refresh_token, code.request.nonce, now))
    }

    fn refresh(&mut self, request: &TokenRequest, now: Timestamp) -> Result<(TokenAnswer, Timestamp), OAuthError> {
        let known = self.refresh.get_mut(&request.refresh_token).ok_or(DEAD)?;
        let too_old = self.config.refresh_days.is_some_and(|days| now - known.issued > TimeDelta::days(days));
        // Google ends refresh tokens that were not used for six months.
        if too_old || now - known.used > TimeDelta::days(183) {
            return Err(DEAD);
        }
        if known.client_id != request.client_id {
            return Err(OAuthError { status: 401, ..bad("unauthorized_client", "Unauthorized") });
        }
        known.used = now;
        let known = known.clone();
        let rotated = self.config.rotate_refresh.then(|| {
            self.refresh.remove(&request.refresh_token);
            let token = self.new_refresh(known.clone());
            self.grant(&known.account, &known.client_id).refresh.retain(|old| *old != request.refresh_token);
            token
        });
        Ok(self.answer(known, rotated, None, now))
    }

    fn answer(
        &mut self,
        of: Refresh,
        refresh_token: Option<String>,
        nonce: Option<String>,
        now: Timestamp,
    ) -> (TokenAnswer, Timestamp) {
        let access_token = self.secret("ya29.");
        let expires_in = self.config.access_seconds;
        self.grant(&of.account, &of.client_id).access.push(access_token.clone());
        let Refresh { account, scopes, .. } = of;
        let answer = TokenAnswer { access_token, expires_in, refresh_token, scopes, account, nonce };
        (answer, now + TimeDelta::seconds(expires_in))
    }
}
