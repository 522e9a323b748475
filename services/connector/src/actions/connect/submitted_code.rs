//! A code brought by a program instead of by Google's redirect.

use postrider_domain::Secret;

use super::confirm;
use super::grant::{self, Code, Grant};
use crate::actions::Owner;
use crate::error::Error;
use crate::rules::code_verifier;
use crate::state::{App, State};
use crate::store::oauth_states::{self, Consent};
use postrider_domain::token;

/// Longest code or token taken, in bytes; Google's stay below 512 (its own documentation: 256 and 512).
const MAX_LEN: usize = 2_048;

/// Why an address is none a code of ours can have come by.
const NOT_OURS: &str =
    "is neither ours nor postmessage, nor a loopback address while GOOGLE_DESKTOP_CLIENT_ID is set here";

/// A code with what was brought beside it.
#[derive(Debug)]
pub struct SubmittedCode {
    pub code: Secret,
    pub state: Option<String>,
    pub verifier: Option<Secret>,
    pub redirect_uri: Option<String>,
}

/// Turns it into a grant. A state must be the caller's own and is used up.
pub async fn redeem(state: &State, owner: &Owner, brought: SubmittedCode) -> Result<Grant, Error> {
    check_secret("auth_code", &brought.code)?;
    if brought.verifier.as_ref().is_some_and(|verifier| !code_verifier::is_valid(verifier.expose())) {
        return Err(Error::invalid("code_verifier", "is not 43 to 128 letters, digits or -._~"));
    }
    let google = state.google()?;
    let (redirect_uri, app) =
        google.redirect(brought.redirect_uri.as_deref()).ok_or_else(|| Error::invalid("redirect_uri", NOT_OURS))?;
    if app == App::Desktop && brought.verifier.is_none() {
        return Err(Error::invalid("code_verifier", "is missing: a code that came by a loopback address needs it"));
    }
    let redirect_uri = redirect_uri.to_owned();
    let consent = match &brought.state {
        Some(text) => Some(take(state, owner, text).await?),
        None => None,
    };
    let kept = consent.as_ref().map(|consent| state.vault.open(&consent.verifier_sealed)).transpose()?;
    let verifier = brought.verifier.or(kept);
    let granted = grant::by_code(state, owner, &Code { code: brought.code, verifier, redirect_uri, app }).await;
    if let Some(consent) = consent.filter(|_| granted.as_ref().is_err_and(Error::is_temporary)) {
        confirm::give_back(state, &consent).await?;
    }
    granted
}

/// Refuses what cannot be a credential of Google's before Google is asked.
pub fn check_secret(name: &str, secret: &Secret) -> Result<(), Error> {
    let text = secret.expose();
    if text.is_empty() || text.len() > MAX_LEN || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid(name, "is empty, too long, or not plain text"));
    }
    Ok(())
}

/// The caller's own consent.
async fn take(state: &State, owner: &Owner, text: &str) -> Result<Consent, Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    let now = state.seams.clock.now();
    let found = oauth_states::take_own(&tx, &token::hash(text), &owner.user, now).await?;
    tx.commit().await?;
    found.ok_or(Error::StateInvalid)
}
