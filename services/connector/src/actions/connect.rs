//! Connecting: a grant that Google gave becomes a connector, or renews the one its owner already has for that account.
//!
//! ```text
//! grant            code or refresh token ──► Google ──► Grant
//!   redeemed       a spent code's answer waits, sealed, while Gmail cannot say whose it is
//! confirm          a Grant waits, sealed, for a yes in another browser
//! connect          lock the address, find the connector, lock the connect link; use the yes up, settle the account
//!   connector      lock and store connector and credential
//!   watch_share    its share in the account's watch
//!   events         connector.connected, watch.started
//! connect          want its watch, if there is a share; commit
//! ```

pub mod confirm;
mod connector;
pub mod grant;
mod redeemed;
pub mod submitted_code;
mod watch_share;

use postrider_contracts::TraceContext;
use postrider_domain::ConnectorId;
use postrider_storage::{SystemTx, TenantTx};
use tokio::sync::oneshot;
use uuid::Uuid;

use self::connector::Stored;
use self::grant::Grant;
use super::persist::persist;
use super::{Owner, links};
use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::observe;
use crate::rules::identity::{self, Identity};
use crate::rules::scopes;
use crate::rules::settings::SettingsPatch;
use crate::state::State;
use crate::store::connectors::{self, Connector, members};
use crate::store::google_accounts::{self, Account, watch};
use crate::store::oauth_states::Hash;
use crate::store::{connect_links, grant_endings};

/// What came of it.
#[derive(Debug, Clone)]
pub struct Connected {
    pub connector: ConnectorId,
    pub email_address: String,
    /// False when the account was connected already and got its credential renewed.
    pub created: bool,
}

/// One connect.
#[derive(Debug, Clone)]
pub struct Request {
    pub owner: Owner,
    pub grant: Grant,
    /// A change of what the connector's settings are.
    pub settings: Option<SettingsPatch>,
    /// Hash of the confirm page's token, for a grant that waited for a yes. It is used up in the same transaction.
    pub confirmed: Option<Hash>,
    /// The connect link it was begun by. It is used up in the same transaction.
    pub link: Option<Uuid>,
    pub trace: Option<TraceContext>,
}

/// Connects the account of a grant, in a task of its own: Google does not give a grant twice, so a browser that is
/// closed or reloaded while the database is away must not end the tries.
pub async fn connect(state: &State, request: Request) -> Result<Connected, Error> {
    let missing = scopes::missing(&request.grant.scopes);
    if !missing.is_empty() {
        return Err(Error::ScopeMissing(missing));
    }
    state.google()?;
    let (answer, result) = oneshot::channel();
    let own = state.clone();
    state.tasks.spawn("connect.store", async move {
        let result = persist(&own, "connect", || store(&own, &request)).await;
        if let Ok(connected) = &result {
            observe::connected(&own.metrics, connected.connector, connected.created);
            if let Some(link) = request.link {
                observe::link_used(&own.metrics, link, connected.connector);
            }
            own.wake.watches.notify_one();
        }
        let _gone = answer.send(result);
    });
    result.await.map_err(|_task_died| Error::Busy)?
}

/// The one transaction: finds the connector, settles the account, stores both.
async fn store(state: &State, request: &Request) -> Result<Connected, Error> {
    let Request { owner, grant, trace, .. } = request;
    let google = state.google()?;

    let tx = state.db.tenant(&owner.tenant).await?;
    google_accounts::lock_address(&tx, &grant.who.address.lookup_key()).await?;
    let found = find(&tx, owner, &grant.who).await?;
    let link = match request.link {
        None => None,
        Some(id) => match links::end::lock(&tx, id, grant).await? {
            Some(link) => Some(link),
            None => return confirm::done_before(&tx, state, found, grant).await.map_err(|_| Error::LinkInvalid),
        },
    };
    if link.as_ref().and_then(|link| link.connector_id).is_some_and(|id| found.as_ref().is_none_or(|row| row.id != id))
    {
        return Err(Error::LinkInvalid);
    }

    let tx = tx.into_system().await?;
    if let Some(token) = &request.confirmed
        && !confirm::use_up(&tx, token, state.seams.clock.now()).await?
    {
        let tx = tx.into_tenant(&owner.tenant).await?;
        return confirm::done_before(&tx, state, found, grant).await;
    }
    let Settled { account, same_client } =
        settle(&tx, state, google.client_id(grant.app), found.as_ref(), &grant.who).await?;

    let mut tx = tx.into_tenant(&owner.tenant).await?;
    let Stored { row, before } = connector::store(&tx, state, request, found.as_ref(), &account, same_client).await?;
    let share = watch_share::join(&tx, state, &account, &row, before).await?;
    if let Some(link) = &link {
        connect_links::mark_used(&tx, link.id, state.seams.clock.now()).await?;
    }
    events::connector(&mut tx, &state.seams, &row, Change::Connected, *trace).await?;
    if let Some(watch) = &share.told {
        events::watch(&mut tx, &state.seams, &row, watch, WatchChange::Started, *trace).await?;
    }
    match share.topic {
        Some(topic) => {
            let tx = tx.into_system().await?;
            watch::want(&tx, account.id, &topic, state.seams.clock.now()).await?;
            tx.commit().await?;
        }
        None => tx.commit().await?,
    }
    Ok(Connected { connector: row.id, email_address: row.email_address, created: before.is_none() })
}

/// The owner's connector of that account: by `sub`; else the one known by this address only. A grant that names no
/// `sub` belongs to whatever the owner connected under its address. Not locked yet: the account comes first.
async fn find(tx: &TenantTx, owner: &Owner, who: &Identity) -> Result<Option<Connector>, Error> {
    if let Some(found) = connectors::find_by_sub(tx, &owner.user, &who.sub).await? {
        return Ok(Some(found));
    }
    if who.by_address {
        return Ok(connectors::find_by_address(tx, &owner.user, &who.address.lookup_key()).await?);
    }
    match identity::by_address(&who.address) {
        Ok(stand_in) => Ok(connectors::find_by_sub(tx, &owner.user, &stand_in).await?),
        Err(_too_long) => Ok(None),
    }
}

/// The account the connector belongs to from now on, and whether it was one of the same OAuth client before.
struct Settled {
    account: Account,
    same_client: bool,
}

/// Settles the account. A client's tokens work with that client alone: a grant by another one goes to an account of its own.
async fn settle(
    tx: &SystemTx,
    state: &State,
    client_id: &str,
    found: Option<&Connector>,
    who: &Identity,
) -> Result<Settled, Error> {
    let before = match found {
        Some(row) => google_accounts::client_of(tx, row.account_id).await?,
        None => None,
    };
    let same_client = before.is_none_or(|before| before == client_id);
    let account = match found.filter(|_| who.by_address) {
        Some(known) if same_client => google_accounts::lock(tx, known.account_id).await?,
        known => {
            // What an id_token once said of the address holds for the other client as well.
            let who =
                known.map_or_else(|| who.clone(), |known| Identity::known(&known.google_sub, who.address.clone()));
            google_accounts::upsert(tx, state.seams.ids.as_ref(), client_id, &who).await?
        }
    };
    grant_endings::cancel(tx, account.id).await?;
    if let Some(moved) = found.filter(|row| row.account_id != account.id) {
        leave(tx, moved).await?;
    }
    Ok(Settled { account, same_client })
}

/// The same account under its stand-in: Google's watch goes on under the real name.
async fn leave(tx: &SystemTx, moved: &Connector) -> Result<(), Error> {
    let old = google_accounts::lock(tx, moved.account_id).await?;
    grant_endings::cancel(tx, old.id).await?;
    if members::live_besides(tx, &old, moved.id).await? == 0 {
        watch::unwant(tx, old.id, None).await?;
        watch::mark_ended(tx, old.id, None).await?;
    }
    Ok(())
}
