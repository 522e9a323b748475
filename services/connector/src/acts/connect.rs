//! Connecting: a grant that Google gave becomes a connector, or renews the one its owner already has for that account.

mod account;
mod joining;
mod row;

use contracts::TraceContext;
use domain::{ConnectorId, Secret, TenantId, Timestamp, UserId};
use google::oauth::Scopes;
use storage::Tx;

use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::rules::identity::Identity;
use crate::rules::scopes;
use crate::rules::settings::SettingsPatch;
use crate::state::{Google, State};
use crate::store::connectors::{self, Connector};
use crate::store::credentials::{self, Sealed};
use crate::store::google_accounts;

/// How often a transaction that met another one is tried in all.
const TRIES: u32 = 4;
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
    let wish = Wish { owner, grant, settings };
    for attempt in 1.. {
        match try_connect(state, google, &wish, trace).await {
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

/// The parameters of one connect.
struct Wish<'a> {
    owner: &'a Owner,
    grant: &'a Grant,
    settings: Option<&'a SettingsPatch>,
}

async fn try_connect(
    state: &State,
    google: &Google,
    wish: &Wish<'_>,
    trace: Option<TraceContext>,
) -> Result<Connected, Error> {
    let (owner, grant) = (wish.owner, wish.grant);
    let mut tx = state.db.system().await?;
    google_accounts::lock_address(&mut tx, &grant.who.address.lookup_key()).await?;
    tx.enter_tenant(&owner.tenant).await?;
    let found = account::find(&mut tx, owner, &grant.who).await?;
    let account = account::account(&mut tx, state, google, found.as_ref(), &grant.who).await?;
    tx.enter_tenant(&owner.tenant).await?;
    let sealed = seal(&mut tx, state, found.as_ref(), grant).await?;
    let row = row::next(state, wish, found.as_ref(), &account)?;
    let created = found.is_none();
    if created {
        connectors::insert(&mut tx, &row).await?;
    } else {
        connectors::save(&mut tx, &row).await?;
    }
    credentials::replace(&mut tx, row.id, &owner.tenant, sealed).await?;
    let joined = match &state.settings.pubsub_topic {
        Some(topic) => joining::join(&mut tx, state, &account, &row, topic).await?,
        None => None,
    };
    events::connector(&mut tx, &state.seams, &row, Change::Connected, trace).await?;
    if let Some(watch) = joined {
        events::watch(&mut tx, &state.seams, &row, &watch, WatchChange::Started, trace).await?;
    }
    tx.commit().await?;
    Ok(Connected { connector: row.id, email_address: row.email_address, created })
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
