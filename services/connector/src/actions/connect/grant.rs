//! Turning what the user brought (an authorisation code, a bare refresh token) into a grant of a known account.

use std::sync::Arc;

use postrider_domain::{ConnectorId, EmailAddress, Secret, Timestamp};
use postrider_google_auth::oauth::Scopes;

use super::redeemed::{self, Answered};
use crate::actions::Owner;
use crate::actions::tokens::source::FixedToken;
use crate::error::Error;
use crate::rules::identity::Identity;
use crate::rules::scopes;
use crate::state::{App, Google, State, TokenAnswer};

/// What Google gave, with the account it belongs to already known.
#[derive(Debug, Clone)]
pub struct Grant {
    pub who: Identity,
    /// The client it was given to.
    pub app: App,
    /// Absent when Google gave none (it does so at the first consent, or when asked with `prompt=consent`).
    pub refresh: Option<Secret>,
    pub access: Secret,
    pub access_expires_at: Timestamp,
    pub scopes: Scopes,
    /// When we asked Google for it.
    pub asked_at: Timestamp,
}

/// An authorisation code with what belongs to it.
#[derive(Debug, Clone)]
pub struct Code {
    pub code: Secret,
    pub verifier: Option<Secret>,
    pub redirect_uri: String,
    /// The client it was given to.
    pub app: App,
}

/// Exchanges a code somebody brought. After an error that passes the same code may be brought again, although Google
/// takes it only once.
pub async fn by_code(state: &State, owner: &Owner, code: &Code) -> Result<Grant, Error> {
    let google = state.google()?;
    let answered = match redeemed::take(state, owner, code).await? {
        Some(before) => before,
        None => {
            let asked_at = state.seams.clock.now();
            Answered { tokens: google.exchange(code).await?, asked_at }
        }
    };
    let named = grant(google, code.app, answered.tokens.clone(), None, answered.asked_at).await;
    if named.as_ref().is_err_and(Error::is_temporary) {
        redeemed::keep(state, owner, code, &answered).await?;
    }
    named
}

/// Takes a refresh token somebody already has.
pub async fn by_refresh_token(state: &State, refresh: &Secret) -> Result<Grant, Error> {
    let google = state.google()?;
    let asked_at = state.seams.clock.now();
    let answer = match google.refresh(App::Web, refresh).await {
        Err(Error::GrantDead) => return Err(Error::RefreshTokenInvalid),
        answer => answer?,
    };
    grant(google, App::Web, answer, Some(refresh.clone()), asked_at).await
}

async fn grant(
    google: &Google,
    app: App,
    answer: TokenAnswer,
    brought: Option<Secret>,
    asked_at: Timestamp,
) -> Result<Grant, Error> {
    // RFC 6749 §5.1: an answer without scope means "as asked".
    let scopes = answer.scopes.clone().unwrap_or_else(|| google.scopes.clone());
    // Judged before Gmail is asked for the address: without the scope Gmail would only say no.
    let missing = scopes::missing(&scopes);
    if !missing.is_empty() {
        return Err(Error::ScopeMissing(missing));
    }
    let who = identity(google, &answer).await?;
    Ok(Grant {
        who,
        app,
        refresh: answer.refresh.or(brought),
        access: answer.access,
        access_expires_at: answer.access_expires_at,
        scopes,
        asked_at,
    })
}

/// Whose grant it is: the id_token says so; without one, Gmail's profile names the address at least.
async fn identity(google: &Google, answer: &TokenAnswer) -> Result<Identity, Error> {
    let named = answer.identity.as_ref();
    let address = match named.filter(|named| named.email_verified).and_then(|named| named.email.clone()) {
        Some(address) => address,
        None => profile(google, &answer.access, answer.access_expires_at).await?,
    };
    Identity::new(named.map(|named| named.sub.as_str()), address)
        .map_err(|error| Error::google_refused(format!("the account's id cannot be used: {error}")))
}

async fn profile(google: &Google, access: &Secret, expires_at: Timestamp) -> Result<EmailAddress, Error> {
    let tokens = FixedToken { secret: access.clone(), expires_at };
    let mailbox = ConnectorId(uuid::Uuid::nil());
    let profile = google.gmail(mailbox, Arc::new(tokens))?.profile().await.map_err(Error::from_gmail)?;
    Ok(profile.email)
}
