//! Making a link. Its token is told once and kept as a hash.

use chrono::TimeDelta;
use postrider_domain::{AccountStatus, ConnectorId, EmailAddress, Secret, TenantId, UserId};
use postrider_storage::TenantTx;
use uuid::Uuid;

use crate::actions::Owner;
use crate::error::Error;
use crate::observe;
use crate::rules::link;
use crate::state::State;
use crate::store::connect_links::{self, Link, NewLink};
use crate::store::connectors;
use postrider_domain::token;

/// Links of the service's own that a connector may have at a time: a mail may be sent twice.
const OWN: i64 = 3;

/// Which account.
#[derive(Debug, Clone)]
pub enum Account {
    /// One that was connected before.
    Known(ConnectorId),
    /// One that is new, by its address.
    New(EmailAddress),
}

/// A link somebody wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The same for each repeat of a write.
    pub id: Uuid,
    /// Whose connector it is to make or renew.
    pub user: UserId,
    pub account: Account,
    /// Checked.
    pub return_to: Option<String>,
    pub lifetime: TimeDelta,
}

/// A link and its address, which is told now or never.
#[derive(Debug)]
pub struct Made {
    pub link: Link,
    pub url: Secret,
}

/// Makes a link for `asked_by`, who was allowed to.
pub async fn make(state: &State, asked_by: &Owner, wanted: Wanted) -> Result<Made, Error> {
    let tx = state.db.tenant(&asked_by.tenant).await?;
    if let Account::Known(id) = wanted.account {
        let row = connectors::find(&tx, &wanted.user, id).await?.ok_or(Error::NotFound)?;
        if row.erase_run_id.is_some() {
            return Err(Error::Disconnected);
        }
    }
    keep(tx, state, &asked_by.tenant, Some(asked_by.user.clone()), wanted).await
}

/// Makes a link for a mail that says a connector needs a new consent. The oldest of earlier ones end.
pub async fn make_own(state: &State, tenant: &TenantId, connector: ConnectorId) -> Result<Made, Error> {
    let tx = state.db.tenant(tenant).await?;
    let row = connectors::get(&tx, connector).await?.ok_or(Error::NotFound)?;
    if row.status == AccountStatus::Disconnected {
        return Err(Error::Disconnected);
    }
    if !link::is_wanted(row.status) {
        return Err(Error::ReauthNotRequired);
    }
    connect_links::lock_user(&tx, tenant, &row.owner).await?;
    connect_links::revoke_own(&tx, connector, OWN - 1, state.seams.clock.now()).await?;
    let lifetime = TimeDelta::seconds(i64::from(*link::SECONDS.end()));
    let id = state.seams.ids.uuid();
    let wanted = Wanted { id, user: row.owner, account: Account::Known(connector), return_to: None, lifetime };
    keep(tx, state, tenant, None, wanted).await
}

async fn keep(
    tx: TenantTx,
    state: &State,
    tenant: &TenantId,
    asked_by: Option<UserId>,
    wanted: Wanted,
) -> Result<Made, Error> {
    let now = state.seams.clock.now();
    connect_links::lock_user(&tx, tenant, &wanted.user).await?;
    if connect_links::count_other_live(&tx, &wanted.user, wanted.id, now).await? >= link::MOST {
        return Err(Error::TooManyLinks);
    }
    let word = token::random(state.seams.entropy.as_ref());
    let (connector, address) = match wanted.account {
        Account::Known(id) => (Some(id), None),
        Account::New(address) => (None, Some((address.to_string(), address.lookup_key()))),
    };
    let new = NewLink {
        id: wanted.id,
        tenant: tenant.clone(),
        user: wanted.user,
        asked_by,
        token_hash: token::hash(word.expose()),
        connector,
        address,
        return_to: wanted.return_to,
        expires_at: now + wanted.lifetime,
    };
    connect_links::insert(&tx, &new).await?;
    let link = connect_links::get(&tx, new.id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    observe::link(&state.metrics, observe::LinkEvent::Made, &link);
    Ok(Made { link, url: url(state, &word) })
}

fn url(state: &State, word: &Secret) -> Secret {
    let app = &state.settings.app_public_url;
    Secret::new(format!("{}/connect/{}", app.as_str().trim_end_matches('/'), word.expose()))
}

/// Takes a link back that is for the user, or that the user made; again is harmless.
pub async fn revoke(state: &State, owner: &Owner, id: Uuid) -> Result<(), Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    if !connect_links::revoke(&tx, &owner.user, id, state.seams.clock.now()).await? {
        return Err(Error::NotFound);
    }
    let link = connect_links::get(&tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    observe::link(&state.metrics, observe::LinkEvent::Revoked, &link);
    Ok(())
}
