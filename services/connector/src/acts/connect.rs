//! Connecting: a grant that Google gave becomes a connector, or renews the one its owner already has for that account.

mod account;
mod confirmed;
mod joining;
mod row;

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, Secret, TenantId, Timestamp, UserId};
use postrider_google_auth::oauth::Scopes;
use postrider_storage::Tx;
use tokio::sync::oneshot;

use super::persist::persist;
use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::rules::identity::Identity;
use crate::rules::scopes;
use crate::rules::settings::SettingsPatch;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::credentials::{self, Sealed};
use crate::store::google_accounts;
use crate::store::oauth_states::Hash;

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
    let (owner, grant, settings) = (owner.clone(), grant.clone(), settings.cloned());
    bring_through(state, Wish { owner, grant, settings, confirmed: None, trace }).await
}

/// As [`connect`], for a grant that waited for a yes. The confirm page's token is used up in the same transaction.
pub async fn connect_confirmed(
    state: &State,
    owner: Owner,
    grant: Grant,
    token: Hash,
    trace: Option<TraceContext>,
) -> Result<Connected, Error> {
    bring_through(state, Wish { owner, grant, settings: None, confirmed: Some(token), trace }).await
}

/// The parameters of one connect.
struct Wish {
    owner: Owner,
    grant: Grant,
    settings: Option<SettingsPatch>,
    /// Hash of the confirm page's token.
    confirmed: Option<Hash>,
    trace: Option<TraceContext>,
}

/// Connects in a task of its own: Google does not give a grant twice, so a browser that is closed or reloaded while the
/// database is away must not end the tries.
async fn bring_through(state: &State, wish: Wish) -> Result<Connected, Error> {
    let missing = scopes::missing(&wish.grant.scopes);
    if !missing.is_empty() {
        return Err(Error::ScopeMissing(missing));
    }
    state.google()?;
    let (answer, result) = oneshot::channel();
    let own = state.clone();
    state.tasks.spawn("connect", async move {
        let result = persist(&own, "connect", || try_connect(&own, &wish)).await;
        if let Ok(connected) = &result {
            crate::observe::connected(&own, connected);
            own.wake.watches.notify_one();
        }
        let _gone = answer.send(result);
    });
    result.await.map_err(|_task_died| Error::Busy)?
}

async fn try_connect(state: &State, wish: &Wish) -> Result<Connected, Error> {
    let (owner, grant, trace) = (&wish.owner, &wish.grant, wish.trace);
    let google = state.google()?;
    let mut tx = state.db.system().await?;
    google_accounts::lock_address(&mut tx, &grant.who.address.lookup_key()).await?;
    if let Some(token) = &wish.confirmed
        && !confirmed::use_up(&mut tx, token, state.seams.clock.now()).await?
    {
        return confirmed::done_before(&mut tx, state, wish).await;
    }
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
