//! What the public read API may reach, and who its caller is allowed to look at.

use std::sync::Arc;
use std::time::Duration;

use broker::Publisher;
use domain::{Clock, ConnectorId, EmailAddress, IdGen};
use storage::{Db, Error, Tx};
use uuid::Uuid;
use web::{Caller, Problem};

use crate::http::gmail::recent::RecentCalls;
use crate::store::accounts::{self, Account};

/// Shared by the handlers under `http/{mail,sync_runs,gmail}`.
#[derive(Clone)]
pub struct Api {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGen>,
    /// Looked at for health only; nothing publishes from a handler.
    pub broker: Arc<dyn Publisher>,
    /// Outcomes of real Gmail calls of this replica.
    pub calls: Arc<RecentCalls>,
}

impl Api {
    /// Opens a transaction of the caller's tenant and lists the caller's accounts.
    pub async fn open(&self, caller: &Caller) -> Result<(Tx, Vec<Account>), Problem> {
        let mut tx = self.db.tenant(&caller.tenant).await.map_err(problem)?;
        let accounts = accounts::list(&mut tx, &caller.user).await.map_err(problem)?;
        Ok((tx, accounts))
    }
}

/// The accounts a list covers: all of the caller's, or the one that was named (404 if it is not the caller's).
pub fn covered(accounts: &[Account], named: Option<ConnectorId>) -> Result<Vec<Uuid>, Problem> {
    match named {
        None => Ok(accounts.iter().map(|account| account.connector_id).collect()),
        Some(id) if accounts.iter().any(|account| account.connector_id == id.0) => Ok(vec![id.0]),
        Some(_) => Err(Problem::not_found()),
    }
}

/// The one account an action is about: named by id or address, or the only one there is.
pub fn chosen<'a>(
    accounts: &'a [Account],
    connector_id: Option<ConnectorId>,
    address: Option<&EmailAddress>,
) -> Result<&'a Account, Problem> {
    let mut fitting = accounts.iter().filter(|account| {
        connector_id.is_none_or(|id| account.connector_id == id.0)
            && address.is_none_or(|address| account.address_key == address.lookup_key())
    });
    match (fitting.next(), fitting.next()) {
        (None, _) => Err(Problem::not_found().with_detail("The caller has no such account.")),
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Problem::conflict("account_ambiguous", "The caller has several accounts: name one.")
            .with("accounts", accounts.iter().map(|a| a.connector_id.to_string()).collect::<Vec<_>>())),
    }
}

/// A database error as a client sees it.
pub fn problem(error: Error) -> Problem {
    match error {
        Error::NotFound => Problem::not_found(),
        Error::Transient(cause) => {
            tracing::warn!(%cause, "a request found the database away");
            Problem::unavailable("database_unavailable", Duration::from_secs(2), "The database cannot answer now.")
        }
        other => Problem::unexpected(other),
    }
}
