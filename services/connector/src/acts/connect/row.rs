//! What a connector looks like after a grant.

use chrono::TimeDelta;
use postrider_domain::ConnectorId;

use super::Wish;
use crate::error::Error;
use crate::rules::settings::Settings;
use crate::rules::status::Status;
use crate::state::State;
use crate::store::connectors::Connector;
use crate::store::google_accounts::Account;

/// Tokens issued this long before we revoked the account's grant may be dead too: clocks differ.
const REVOKE_SKEW: TimeDelta = TimeDelta::seconds(60);

/// The next state of the owner's connector, or a new one.
pub(super) fn next(
    state: &State,
    wish: &Wish,
    found: Option<&Connector>,
    account: &Account,
) -> Result<Connector, Error> {
    let now = state.seams.clock.now();
    let (owner, grant) = (&wish.owner, &wish.grant);
    let held = found.map_or_else(Settings::default, |row| row.settings.clone());
    let settings = match &wish.settings {
        Some(patch) => patch.clone().apply(&held).map_err(Error::from_faults)?,
        None => held,
    };
    // A revoke of ours that ran at the same time may have killed this grant: look at once instead of in an hour.
    let doubtful = account.grant_ended_at.is_some_and(|ended| ended + REVOKE_SKEW >= grant.asked_at);
    let google_sub = match found {
        // A bare refresh token does not know better than what an id_token once said.
        Some(row) if grant.who.by_address => row.google_sub.clone(),
        _ => grant.who.sub.as_str().to_owned(),
    };
    let address = grant.who.address.as_str().to_owned();
    Ok(Connector {
        id: found.map_or_else(|| ConnectorId(state.seams.ids.uuid()), |row| row.id),
        tenant: owner.tenant.clone(),
        owner: owner.user.clone(),
        google_sub,
        account_id: account.id,
        display_name: found.map_or_else(|| address.clone(), |row| row.display_name.clone()),
        email_address: address,
        address_key: grant.who.address.lookup_key(),
        status: Status::Active,
        status_reason: String::new(),
        granted_scopes: grant.scopes.to_string(),
        settings,
        version: found.map_or(1, |row| row.version + 1),
        erase_run_id: None,
        check_due_at: Some(if doubtful { now } else { now + state.settings.token_check_every }),
        created_at: found.map_or(now, |row| row.created_at),
        updated_at: now,
    })
}
