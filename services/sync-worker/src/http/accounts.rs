//! Which of the caller's accounts a request is about. What belongs to somebody else is not found.

use postrider_domain::{AccountStatus, ConnectorId, EmailAddress};
use postrider_web::Problem;
use serde_json::json;

use crate::store::mailboxes::accounts::Account;

/// The caller's accounts.
#[derive(Debug)]
pub struct Accounts(pub Vec<Account>);

impl Accounts {
    /// The accounts that something to read covers: those named, else all of the caller's.
    ///
    /// # Errors
    /// 404 when one is named and the caller has no such account.
    pub fn covered(&self, id: Option<ConnectorId>, address: Option<&EmailAddress>) -> Result<Vec<&Account>, Problem> {
        let fitting: Vec<&Account> = self.0.iter().filter(|account| fits(account, id, address)).collect();
        if fitting.is_empty() && (id.is_some() || address.is_some()) {
            return Err(Problem::not_found().with_detail("The caller has no such account."));
        }
        Ok(fitting)
    }

    /// The one account that an action is for: the one named, or the only one there is. Who names none does not mean
    /// one that was disconnected while there are others.
    ///
    /// # Errors
    /// As [`Self::covered`]; 404 without any account, 409 `account_ambiguous` with several.
    pub fn chosen(&self, id: Option<ConnectorId>, address: Option<&EmailAddress>) -> Result<&Account, Problem> {
        let mut fitting = self.covered(id, address)?;
        if fitting.len() > 1 && id.is_none() && address.is_none() {
            let (open, ended): (Vec<_>, Vec<_>) =
                fitting.into_iter().partition(|account| account.status != AccountStatus::Disconnected);
            fitting = if open.is_empty() { ended } else { open };
        }
        match fitting.as_slice() {
            [] => Err(Problem::not_found().with_detail("The caller has no account.")),
            [only] => Ok(only),
            several => {
                let accounts: Vec<_> = several
                    .iter()
                    .map(|account| json!({"connector_id": account.id, "email_address": account.address}))
                    .collect();
                Err(Problem::conflict("account_ambiguous", "The caller has several accounts: name one.")
                    .with("accounts", accounts))
            }
        }
    }
}

fn fits(account: &Account, id: Option<ConnectorId>, address: Option<&EmailAddress>) -> bool {
    id.is_none_or(|id| account.id == id) && address.is_none_or(|address| account.address_key == address.lookup_key())
}

/// Their ids, for statements.
pub fn ids(accounts: &[&Account]) -> Vec<ConnectorId> {
    accounts.iter().map(|account| account.id).collect()
}
