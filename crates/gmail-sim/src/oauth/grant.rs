//! Consent and its end. A grant belongs to (account, client); revoking any of its tokens ends it whole.

use std::collections::{BTreeSet, VecDeque};

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::{OAuth, State};
use crate::world::Account;

/// Google keeps at most this many refresh tokens for each account and client; the oldest ends without notice.
const REFRESH_LIMIT: usize = 100;

/// What the user consented to.
#[derive(Debug, Clone)]
pub struct Authorize {
    pub client_id: String,
    pub redirect_uri: String,
    /// Granted scopes, already without unticked ones.
    pub scopes: Vec<String>,
    /// PKCE S256 challenge.
    pub challenge: Option<String>,
    pub nonce: Option<String>,
    /// `access_type=offline`.
    pub offline: bool,
    /// `prompt=consent`.
    pub consent: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Code {
    pub account: Account,
    pub request: Authorize,
    pub expires: Timestamp,
    /// The grant was there before: without `prompt=consent` no refresh token comes.
    pub renewed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Grant {
    pub scopes: BTreeSet<String>,
    pub refresh: VecDeque<String>,
    pub access: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub account: Account,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub issued: Timestamp,
    pub used: Timestamp,
}

/// How a grant dies on the control side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// The user revoked it: refresh and access tokens end, the next consent is a first one.
    #[default]
    Revoked,
    /// Password change, 6 months unused, admin policy: refresh tokens end, access tokens live until they expire.
    RefreshOnly,
    /// Access tokens end at once, refresh tokens live.
    AccessOnly,
}

impl OAuth {
    /// The user consented: gives a code, valid for ten minutes and once.
    pub fn authorize(&self, account: &Account, request: Authorize, now: Timestamp) -> String {
        let mut state = self.state();
        let code = state.secret("4/0A");
        let grant = state.grant(account, &request.client_id);
        let renewed = !grant.scopes.is_empty();
        grant.scopes.extend(request.scopes.iter().cloned());
        let expires = now + TimeDelta::minutes(10);
        state.codes.insert(code.clone(), Code { account: account.clone(), request, expires, renewed });
        code
    }

    /// Revokes the whole grant a token belongs to. `false` if the token is unknown.
    pub fn revoke(&self, token: &str) -> bool {
        let mut state = self.state();
        let by_refresh = state.refresh.get(token).map(|known| (known.account.sub.clone(), known.client_id.clone()));
        let by_access = || state.grants.iter().find(|(_, grant)| grant.access.iter().any(|t| t == token));
        let Some(key) = by_refresh.or_else(|| by_access().map(|(key, _)| key.clone())) else { return false };
        let grant = state.grants.remove(&key).unwrap_or_default();
        for token in &grant.refresh {
            state.refresh.remove(token);
        }
        drop(state);
        self.forget(&grant.access);
        true
    }

    /// Ends an account's grants (all clients) from the control side.
    pub fn kill(&self, account: &Account, how: Death) {
        let mut state = self.state();
        let State { grants, refresh, .. } = &mut *state;
        let mut dead = Vec::new();
        for (_, grant) in grants.iter_mut().filter(|((sub, _), _)| *sub == account.sub) {
            if how != Death::AccessOnly {
                for token in grant.refresh.drain(..) {
                    refresh.remove(&token);
                }
            }
            if how != Death::RefreshOnly {
                dead.append(&mut grant.access);
            }
        }
        if how == Death::Revoked {
            grants.retain(|(sub, _), _| *sub != account.sub);
        }
        drop(state);
        self.forget(&dead);
    }
}

impl State {
    pub(super) fn grant(&mut self, account: &Account, client: &str) -> &mut Grant {
        self.grants.entry((account.sub.clone(), client.to_owned())).or_default()
    }

    pub(super) fn new_refresh(&mut self, known: Refresh) -> String {
        let token = self.secret("1//0");
        let grant = self.grant(&known.account, &known.client_id);
        grant.refresh.push_back(token.clone());
        let oldest = if grant.refresh.len() > REFRESH_LIMIT { grant.refresh.pop_front() } else { None };
        if let Some(oldest) = oldest {
            self.refresh.remove(&oldest);
        }
        self.refresh.insert(token.clone(), known);
        token
    }
}
