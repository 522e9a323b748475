//! Which connector a request without a connector in its path means: the one it names, or the caller's only one.

use postrider_domain::{AccountStatus, ConnectorId};

use super::Owner;
use crate::error::Error;
use crate::state::State;
use crate::store::connectors::{self, Connector};

/// Most accounts named in an `account_ambiguous` answer.
const NAMED: i64 = 50;

/// The connector an action is for: the one named, or the only one the caller has. It must be able to act.
pub async fn acting(state: &State, owner: &Owner, named: Option<ConnectorId>) -> Result<Connector, Error> {
    let row = meant(state, owner, named).await?.ok_or(Error::NoAccount)?;
    match row.status {
        AccountStatus::Active => Ok(row),
        AccountStatus::Paused => Err(Error::Paused),
        AccountStatus::ReauthRequired => Err(Error::ReauthRequired),
        AccountStatus::Disconnected => Err(Error::Disconnected),
    }
}

/// As [`acting`], whatever its state; nothing when the caller has no account.
pub async fn meant(state: &State, owner: &Owner, named: Option<ConnectorId>) -> Result<Option<Connector>, Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    let found = match named {
        Some(id) => Some(connectors::find(&tx, &owner.user, id).await?.ok_or(Error::NotFound)?),
        None => only(connectors::list_open(&tx, &owner.user, NAMED).await?)?,
    };
    tx.commit().await?;
    Ok(found)
}

fn only(mut rows: Vec<Connector>) -> Result<Option<Connector>, Error> {
    match rows.len() {
        0 | 1 => Ok(rows.pop()),
        _ => Err(Error::Ambiguous(rows.iter().map(|row| (row.id, row.email_address.clone())).collect())),
    }
}
