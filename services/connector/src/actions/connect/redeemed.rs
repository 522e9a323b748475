//! A code is spent with Google's first answer. Where the account behind it cannot be named at the moment, the answer is
//! kept sealed under the code's hash, so that bringing the code again goes on instead of being refused.

use chrono::TimeDelta;
use postrider_domain::{EmailAddress, GoogleSub, Secret, Timestamp};
use postrider_google_auth::oauth::Scopes;
use postrider_google_auth::oidc::IdTokenClaims;
use serde::{Deserialize, Serialize};

use super::grant::Code;
use crate::actions::Owner;
use crate::actions::persist::persist;
use crate::error::Error;
use crate::state::{State, TokenAnswer};
use crate::store::redeemed_codes::{self, Redeemed};
use crate::vault::Vault;
use postrider_domain::token;

/// As long as a person may take on Google's pages.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Google's answer to a code, and when it was asked.
#[derive(Debug, Clone)]
pub struct Answered {
    pub tokens: TokenAnswer,
    pub asked_at: Timestamp,
}

/// The form inside the seal.
#[derive(Serialize, Deserialize)]
struct Document {
    access: String,
    access_expires_at: Timestamp,
    refresh: Option<String>,
    scopes: Option<String>,
    who: Option<Who>,
    asked_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Who {
    sub: GoogleSub,
    email: Option<EmailAddress>,
    email_verified: bool,
}

/// What this user's code was answered with before, if that was kept.
pub async fn take(state: &State, owner: &Owner, code: &Code) -> Result<Option<Answered>, Error> {
    let hash = token::hash(code.code.expose());
    let tx = state.db.tenant(&owner.tenant).await?;
    let kept = redeemed_codes::take(&tx, &hash, &owner.user, state.seams.clock.now()).await?;
    tx.commit().await?;
    kept.map(|sealed| open(&state.vault, &sealed)).transpose()
}

/// Keeps the answer for the next time the code is brought.
pub async fn keep(state: &State, owner: &Owner, code: &Code, answered: &Answered) -> Result<(), Error> {
    let row = Redeemed {
        code_hash: token::hash(code.code.expose()),
        tenant: owner.tenant.clone(),
        user: owner.user.clone(),
        answer_sealed: seal(&state.vault, answered)?,
        expires_at: state.seams.clock.now() + LIFETIME,
    };
    persist(state, "keep the answer to a code", || async {
        let tx = state.db.tenant(&row.tenant).await?;
        redeemed_codes::keep(&tx, &row).await?;
        Ok(tx.commit().await?)
    })
    .await
}

fn seal(vault: &Vault, answered: &Answered) -> Result<String, Error> {
    let Answered { tokens, asked_at } = answered;
    let document = Document {
        access: tokens.access.expose().to_owned(),
        access_expires_at: tokens.access_expires_at,
        refresh: tokens.refresh.as_ref().map(|secret| secret.expose().to_owned()),
        scopes: tokens.scopes.as_ref().map(Scopes::to_string),
        who: tokens.identity.as_ref().map(|who| Who {
            sub: who.sub.clone(),
            email: who.email.clone(),
            email_verified: who.email_verified,
        }),
        asked_at: *asked_at,
    };
    let text = serde_json::to_string(&document).map_err(|error| postrider_storage::Error::Other(error.to_string()))?;
    Ok(vault.seal(&Secret::new(text)))
}

fn open(vault: &Vault, sealed: &str) -> Result<Answered, Error> {
    let text = vault.open(sealed)?;
    let document: Document =
        serde_json::from_str(text.expose()).map_err(|error| postrider_storage::Error::Other(error.to_string()))?;
    let tokens = TokenAnswer {
        access: Secret::new(document.access),
        access_expires_at: document.access_expires_at,
        refresh: document.refresh.map(Secret::new),
        scopes: document.scopes.as_deref().map(Scopes::parse),
        identity: document.who.map(|who| IdTokenClaims {
            sub: who.sub,
            email: who.email,
            email_verified: who.email_verified,
        }),
    };
    Ok(Answered { tokens, asked_at: document.asked_at })
}
