//! Connecting: a grant that Google gave becomes a connector, or renews the one its owner already has for that account.

use contracts::TraceContext;
use domain::{ConnectorId, Secret, TenantId, Timestamp, UserId};
use google::oauth::Scopes;
use storage::Tx;

use crate::error::Error;
use crate::events::{self, Change};
use crate::rules::identity::Identity;
use crate::rules::settings::{Settings, SettingsPatch};
use crate::rules::status::Status;
use crate::rules::{identity, scopes};
use crate::state::{Google, State};
use crate::store::connectors::{self, Connector};
use crate::store::credentials::{self, Sealed};
use crate::store::google_accounts::{self, Account};
use crate::store::{google_apps, grant_endings, members, watch_due, watches};

/// How often a transaction that met another one is tried in all.
const TRIES: u32 = 4;
/// Tokens issued this many seconds before we revoked the account's grant may be dead too: clocks differ.
const REVOKE_SKEW_SECONDS: i64 = 60;

/// For whom.
#[derive(Debug, Clone)]
pub struct Owner {
    pub tenant: TenantId,
    pub user: UserId,
}

/// What Google gave, with the account it belongs to already known.
#[derive(Debug, Clone)]
pub struct Grant {
    pub who: Identity,
    /// Absent when Google gave none (it does so at the first consent, or when asked with `prompt=consent`).
    pub refresh: Option<Secret>,
    pub access: Secret,
    pub access_expires_at: Timestamp,
    pub scopes: Scopes,
    /// When we asked Google for it.
    pub asked_at: Timestamp,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Connected {
    pub connector: ConnectorId,
    pub email_address: String,
    /// False when the account was connected already and got its credential renewed.
    pub created: bool,
}

/// Connects the account of a grant. `settings` change what is there.
pub async fn connect(
    state: &State,
    owner: &Owner,
    grant: &Grant,
    settings: Option<&SettingsPatch>,
    trace: Option<TraceContext>,
) -> Result<Connected, Error> {
    let missing = scopes::missing(&grant.scopes);
    if !missing.is_empty() {
        return Err(Error::ScopeMissing(missing));
    }
    let google = state.google()?;
    for attempt in 1.. {
        match try_connect(state, google, owner, grant, settings, trace).await {
            Err(Error::Store(error)) if attempt < TRIES && is_race(&error) => {
                tracing::debug!(%error, attempt, "connect: met another transaction, trying again");
            }
            result => {
                if let Ok(connected) = &result {
                    crate::observe::connected(state, connected);
                    state.wake.watches.notify_one();
                }
                return result;
            }
        }
    }
    Err(Error::Busy)
}

/// Another transaction made the same row or changed it first.
fn is_race(error: &storage::Error) -> bool {
    matches!(error, storage::Error::Conflict { .. } | storage::Error::NotFound | storage::Error::Transient(_))
}

async fn try_connect(
    state: &State,
    google: &Google,
    owner: &Owner,
    grant: &Grant,
    settings: Option<&SettingsPatch>,
    trace: Option<TraceContext>,
) -> Result<Connected, Error> {
    let mut tx = state.db.system().await?;
    google_accounts::lock_address(&mut tx, &grant.who.address.lookup_key()).await?;
    tx.enter_tenant(&owner.tenant).await?;
    let found = find(&mut tx, owner, &grant.who).await?;
    let account = account(&mut tx, state, google, found.as_ref(), &grant.who).await?;
    tx.enter_tenant(&owner.tenant).await?;
    let sealed = seal(&mut tx, state, found.as_ref(), grant).await?;
    let (row, created) = write(&mut tx, state, owner, grant, settings, found, &account).await?;
    credentials::replace(&mut tx, row.id, &owner.tenant, sealed).await?;
    if let Some(topic) = &state.settings.pubsub_topic {
        watches::want_push(&mut tx, state.seams.ids.uuid(), &owner.tenant, row.id).await?;
        tx.enter_system().await?;
        watch_due::want(&mut tx, account.id, topic, state.seams.clock.now()).await?;
        tx.enter_tenant(&owner.tenant).await?;
    }
    events::connector(&mut tx, &state.seams, &row, Change::Connected, trace).await?;
    tx.commit().await?;
    Ok(Connected { connector: row.id, email_address: row.email_address, created })
}

/// The owner's connector of that account: by `sub`; else the one known by this address only. A grant that names no
/// `sub` belongs to whatever the owner connected under its address.
async fn find(tx: &mut Tx, owner: &Owner, who: &Identity) -> Result<Option<Connector>, Error> {
    if let Some(found) = connectors::lock_by_sub(tx, &owner.user, who.sub.as_str()).await? {
        return Ok(Some(found));
    }
    if who.by_address {
        return Ok(connectors::lock_by_address(tx, &owner.user, &who.address.lookup_key()).await?);
    }
    match identity::by_address(&who.address) {
        Ok(stand_in) => Ok(connectors::lock_by_sub(tx, &owner.user, stand_in.as_str()).await?),
        Err(_too_long) => Ok(None),
    }
}

/// The Google account the connector belongs to from now on. Leaves the transaction in the system role.
async fn account(
    tx: &mut Tx,
    state: &State,
    google: &Google,
    found: Option<&Connector>,
    who: &Identity,
) -> Result<Account, Error> {
    tx.enter_system().await?;
    if let Some(known) = found.filter(|_| who.by_address) {
        let account = google_accounts::lock(tx, known.account_id).await?;
        grant_endings::cancel(tx, account.id).await?;
        return Ok(account);
    }
    let app = google_apps::ensure(tx, state.seams.ids.uuid(), &google.client_id).await?;
    let account = google_accounts::upsert(tx, state.seams.ids.uuid(), app, who).await?;
    grant_endings::cancel(tx, account.id).await?;
    if let Some(old) = found.map(|row| row.account_id).filter(|old| *old != account.id) {
        // The same account under its stand-in: Google's watch goes on under the real name.
        grant_endings::cancel(tx, old).await?;
        let old = google_accounts::lock(tx, old).await?;
        if members::live_in_row(tx, &old).await? <= 1 {
            watch_due::unwant(tx, old.id, None).await?;
            watch_due::mark_ended(tx, old.id, None).await?;
        }
    }
    Ok(account)
}

/// Seals the tokens. Without a new refresh token the one at hand stays, if there is one.
async fn seal(tx: &mut Tx, state: &State, found: Option<&Connector>, grant: &Grant) -> Result<Sealed, Error> {
    let refresh = match (&grant.refresh, found) {
        (Some(refresh), _) => state.vault.seal(refresh),
        (None, Some(row)) if row.status.is_live() => credentials::find(tx, row.id)
            .await?
            .and_then(|held| held.refresh_sealed)
            .ok_or(Error::RefreshTokenMissing)?,
        (None, _) => return Err(Error::RefreshTokenMissing),
    };
    Ok(Sealed { refresh, access: state.vault.seal(&grant.access), access_expires_at: grant.access_expires_at })
}

async fn write(
    tx: &mut Tx,
    state: &State,
    owner: &Owner,
    grant: &Grant,
    settings: Option<&SettingsPatch>,
    found: Option<Connector>,
    account: &Account,
) -> Result<(Connector, bool), Error> {
    let now = state.seams.clock.now();
    // A revoke of ours that ran at the same time may have killed this grant: look at once instead of in an hour.
    let skew = chrono::TimeDelta::seconds(REVOKE_SKEW_SECONDS);
    let doubtful = account.grant_ended_at.is_some_and(|ended| ended + skew >= grant.asked_at);
    let check_due_at = Some(if doubtful { now } else { now + state.settings.token_check_every });
    let apply = |to: &Settings| match settings {
        Some(patch) => patch.clone().apply(to).map_err(Error::from_faults),
        None => Ok(to.clone()),
    };
    let fresh = |row: Connector, settings: Settings| Connector {
        email_address: grant.who.address.as_str().to_owned(),
        address_key: grant.who.address.lookup_key(),
        status: Status::Active,
        status_reason: String::new(),
        granted_scopes: grant.scopes.to_string(),
        settings,
        erase_run_id: None,
        check_due_at,
        updated_at: now,
        ..row
    };
    match found {
        Some(row) => {
            let settings = apply(&row.settings)?;
            let keep_sub = grant.who.by_address;
            let sub = if keep_sub { row.google_sub.clone() } else { grant.who.sub.as_str().to_owned() };
            let version = row.version + 1;
            let row = Connector { google_sub: sub, account_id: account.id, version, ..fresh(row, settings) };
            connectors::save(tx, &row).await?;
            Ok((row, false))
        }
        None => {
            let settings = apply(&Settings::default())?;
            let blank = Connector {
                id: ConnectorId(state.seams.ids.uuid()),
                tenant: owner.tenant.clone(),
                owner: owner.user.clone(),
                google_sub: grant.who.sub.as_str().to_owned(),
                account_id: account.id,
                display_name: grant.who.address.as_str().to_owned(),
                email_address: String::new(),
                address_key: String::new(),
                status: Status::Active,
                status_reason: String::new(),
                granted_scopes: String::new(),
                settings: Settings::default(),
                version: 1,
                erase_run_id: None,
                check_due_at,
                created_at: now,
                updated_at: now,
            };
            let row = fresh(blank, settings);
            connectors::insert(tx, &row).await?;
            Ok((row, true))
        }
    }
}
