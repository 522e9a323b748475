//! The owner's connector of an account: made or renewed by a grant, and stored with its credential.

use chrono::TimeDelta;
use postrider_domain::{AccountStatus, ConnectorId};
use postrider_storage::TenantTx;

use super::Request;
use super::grant::Grant;
use crate::error::Error;
use crate::rules::settings::Settings;
use crate::rules::status;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::credentials::{self, Sealed};
use crate::store::google_accounts::Account;

/// Tokens issued this long before we revoked the account's grant may be dead too: clocks differ.
const REVOKE_SKEW: TimeDelta = TimeDelta::seconds(60);

/// The connector as it is now stored, and what it was before; nothing if it is new.
pub(super) struct Stored {
    pub row: Connector,
    pub before: Option<AccountStatus>,
}

/// Stores what the grant makes of the connector that was found.
pub(super) async fn store(
    tx: &TenantTx,
    state: &State,
    request: &Request,
    found: Option<&Connector>,
    account: &Account,
    same_client: bool,
) -> Result<Stored, Error> {
    let held = match found {
        Some(found) => Some(lock(tx, found).await?),
        None => None,
    };
    // Another client's refresh token is none of this grant's.
    let sealed = seal(tx, state, held.as_ref().filter(|_| same_client), &request.grant).await?;
    let row = next(state, request, held.as_ref(), account)?;
    match &held {
        Some(_) => connectors::save(tx, &row).await?,
        None => connectors::insert(tx, &row).await?,
    }
    credentials::replace(tx, row.id, &row.tenant, sealed).await?;
    Ok(Stored { row, before: held.map(|held| held.status) })
}

/// The connector as it is now; tried again if it was erased meanwhile, or belongs to another account than the one that was
/// settled.
async fn lock(tx: &TenantTx, found: &Connector) -> Result<Connector, postrider_storage::Error> {
    let held = connectors::lock(tx, found.id).await?;
    held.filter(|held| held.account_id == found.account_id && held.erase_run_id.is_none())
        .ok_or(postrider_storage::Error::NotFound)
}

/// Seals the tokens. Without a new refresh token the one at hand stays, if there is one.
async fn seal(tx: &TenantTx, state: &State, held: Option<&Connector>, grant: &Grant) -> Result<Sealed, Error> {
    let refresh = match (&grant.refresh, held) {
        (Some(refresh), _) => state.vault.seal(refresh),
        (None, Some(row)) if row.status.is_live() => credentials::find(tx, row.id)
            .await?
            .and_then(|held| held.refresh_sealed)
            .ok_or(Error::RefreshTokenMissing)?,
        (None, _) => return Err(Error::RefreshTokenMissing),
    };
    Ok(Sealed {
        refresh,
        access: state.vault.seal(&grant.access),
        access_issued_at: grant.asked_at,
        access_expires_at: grant.access_expires_at,
    })
}

/// The next state of the owner's connector, or a new one.
fn next(state: &State, request: &Request, found: Option<&Connector>, account: &Account) -> Result<Connector, Error> {
    let now = state.seams.clock.now();
    let Request { owner, grant, .. } = request;
    let held = found.map_or_else(Settings::default, |row| row.settings.clone());
    let settings = match &request.settings {
        Some(patch) => patch.clone().apply(&held).map_err(Error::from_faults)?,
        None => held,
    };
    // A revoke of ours that ran at the same time may have killed this grant: look at once instead of in an hour.
    let doubtful = account.grant_ended_at.is_some_and(|ended| ended + REVOKE_SKEW >= grant.asked_at);
    let google_sub = match found {
        // A bare refresh token does not know better than what an id_token once said.
        Some(row) if grant.who.by_address => row.google_sub.clone(),
        _ => grant.who.sub.clone(),
    };
    let address = grant.who.address.to_string();
    Ok(Connector {
        id: found.map_or_else(|| ConnectorId(state.seams.ids.uuid()), |row| row.id),
        tenant: owner.tenant.clone(),
        owner: owner.user.clone(),
        google_sub,
        account_id: account.id,
        display_name: found.map_or_else(|| address.clone(), |row| row.display_name.clone()),
        email_address: address,
        address_key: grant.who.address.lookup_key(),
        status: found.map_or(AccountStatus::Active, |row| status::after_consent(row.status, row.was_paused)),
        status_reason: String::new(),
        was_paused: false,
        granted_scopes: grant.scopes.to_string(),
        settings,
        version: found.map_or(1, |row| row.version + 1),
        erase_run_id: None,
        check_due_at: Some(if doubtful { now } else { now + state.settings.token_check_every }),
        created_at: found.map_or(now, |row| row.created_at),
        updated_at: now,
    })
}
