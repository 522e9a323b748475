//! Turning what the user brought (an authorisation code, a bare refresh token) into a grant.

use postrider_domain::{Secret, Timestamp};

use super::address_of;
use super::connect::Grant;
use crate::error::Error;
use crate::rules::scopes;
use crate::state::{Google, State, TokenAnswer};

/// An authorisation code with what belongs to it.
#[derive(Debug, Clone)]
pub struct Code {
    pub code: Secret,
    pub verifier: Option<Secret>,
    pub redirect_uri: String,
}

/// Exchanges a code. The grant may still be too small: [`super::connect`] judges that.
pub async fn by_code(state: &State, code: &Code) -> Result<Grant, Error> {
    let google = state.google()?;
    let asked_at = state.seams.clock.now();
    let answer = google.exchange(code).await?;
    grant(google, answer, None, asked_at).await
}

/// Takes a refresh token somebody already has.
pub async fn by_refresh_token(state: &State, refresh: &Secret) -> Result<Grant, Error> {
    let google = state.google()?;
    let asked_at = state.seams.clock.now();
    let answer = match google.refresh(refresh).await {
        Err(Error::GrantDead) => return Err(Error::RefreshTokenInvalid),
        answer => answer?,
    };
    grant(google, answer, Some(refresh.clone()), asked_at).await
}

async fn grant(
    google: &Google,
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
    let who = address_of::identity(google, &answer).await?;
    Ok(Grant {
        who,
        refresh: answer.refresh.or(brought),
        access: answer.access,
        access_expires_at: answer.access_expires_at,
        scopes,
        asked_at,
    })
}
