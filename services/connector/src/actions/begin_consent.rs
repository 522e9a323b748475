//! Beginning a consent at Google: a state that comes back with the code, and the start cookie of the browser that began.

use chrono::TimeDelta;
use postrider_domain::{EmailAddress, Secret};
use uuid::Uuid;

use super::Owner;
use crate::error::Error;
use crate::state::State;
use crate::store::oauth_states::{self, Hash, NewConsent};
use postrider_domain::token;

/// How long a person may take on Google's pages.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// What a consent is begun with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Checked.
    pub return_to: Option<String>,
    /// The link it is begun by.
    pub link: Option<Uuid>,
    /// The account Google is to offer.
    pub hint: Option<EmailAddress>,
}

/// A consent under way.
#[derive(Debug)]
pub struct Begun {
    /// Google's page.
    pub url: String,
    pub state: Secret,
    pub state_hash: Hash,
    /// For the browser.
    pub cookie: Secret,
}

/// Begins one for an owner.
pub async fn begin(state: &State, owner: &Owner, options: Options) -> Result<Begun, Error> {
    let google = state.google()?;
    let entropy = state.seams.entropy.as_ref();
    let [consent, verifier, cookie]: [Secret; 3] = std::array::from_fn(|_| token::random(entropy));
    let state_hash = token::hash(consent.expose());
    let new = NewConsent {
        state_hash: state_hash.clone(),
        tenant: owner.tenant.clone(),
        user: owner.user.clone(),
        verifier_sealed: state.vault.seal(&verifier),
        cookie_hash: token::hash(cookie.expose()),
        return_to: options.return_to,
        link: options.link,
        expires_at: state.seams.clock.now() + LIFETIME,
    };
    let tx = state.db.tenant(&owner.tenant).await?;
    oauth_states::insert(&tx, new).await?;
    tx.commit().await?;
    let url = google.consent_url(&consent, &verifier, options.hint.as_ref());
    Ok(Begun { url, state: consent, state_hash, cookie })
}
