//! A grant that waits for its owner-to-be's word: kept sealed with the consent it came from, under the token of the
//! confirm page. The token is used up in the transaction of the connect: a connect that fails leaves it good.

use postrider_domain::{EmailAddress, GoogleSub, Secret, Timestamp};
use postrider_google_auth::oauth::Scopes;
use postrider_storage::{SystemTx, TenantTx};
use serde::{Deserialize, Serialize};

use super::Connected;
use super::grant::Grant;
use crate::actions::persist::persist;
use crate::error::Error;
use crate::rules::identity::Identity;
use crate::state::{App, State};
use crate::store::connectors::Connector;
use crate::store::credentials;
use crate::store::oauth_states::{self, Consent, Hash};
use crate::vault::Vault;

/// The form inside the seal.
#[derive(Serialize, Deserialize)]
struct Document {
    sub: GoogleSub,
    by_address: bool,
    address: EmailAddress,
    refresh: Option<String>,
    access: String,
    access_expires_at: Timestamp,
    scopes: String,
    asked_at: Timestamp,
}

/// Seals a grant.
pub fn seal(vault: &Vault, grant: &Grant) -> Result<String, Error> {
    let document = Document {
        sub: grant.who.sub.clone(),
        by_address: grant.who.by_address,
        address: grant.who.address.clone(),
        refresh: grant.refresh.as_ref().map(|secret| secret.expose().to_owned()),
        access: grant.access.expose().to_owned(),
        access_expires_at: grant.access_expires_at,
        scopes: grant.scopes.to_string(),
        asked_at: grant.asked_at,
    };
    let text = serde_json::to_string(&document).map_err(|error| postrider_storage::Error::Other(error.to_string()))?;
    Ok(vault.seal(&Secret::new(text)))
}

/// Opens it again.
pub fn open(vault: &Vault, sealed: &str) -> Result<Grant, Error> {
    let text = vault.open(sealed)?;
    let document: Document =
        serde_json::from_str(text.expose()).map_err(|error| postrider_storage::Error::Other(error.to_string()))?;
    Ok(Grant {
        // Only consents that end at our own address wait for a yes.
        app: App::Web,
        who: Identity { sub: document.sub, by_address: document.by_address, address: document.address },
        refresh: document.refresh.map(Secret::new),
        access: Secret::new(document.access),
        access_expires_at: document.access_expires_at,
        scopes: Scopes::parse(&document.scopes),
        asked_at: document.asked_at,
    })
}

/// Gives a state back: Google could not be asked, or could not say whose grant it gave; the consent may go on later.
pub async fn give_back(state: &State, consent: &Consent) -> Result<(), Error> {
    persist(state, "give a state back", || async {
        let tx = state.db.system().await?;
        oauth_states::give_back(&tx, &consent.state_hash).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Uses the confirm page's token up.
pub(super) async fn use_up(tx: &SystemTx, token: &Hash, now: Timestamp) -> Result<bool, Error> {
    Ok(oauth_states::take_confirmed(tx, token, now).await?.is_some())
}

/// What a connect came to whose token is gone. A commit may go through without its answer reaching us, and a form may be
/// sent twice: if the owner's connector holds the tokens of this very grant, the work is done.
pub(super) async fn done_before(
    tx: &TenantTx,
    state: &State,
    found: Option<Connector>,
    grant: &Grant,
) -> Result<Connected, Error> {
    let row = found.ok_or(Error::StateInvalid)?;
    let held = credentials::find(tx, row.id).await?.and_then(|held| held.access_sealed).ok_or(Error::StateInvalid)?;
    if state.vault.open(&held)?.expose() == grant.access.expose() {
        Ok(Connected { connector: row.id, email_address: row.email_address, created: row.version == 1 })
    } else {
        Err(Error::StateInvalid)
    }
}
