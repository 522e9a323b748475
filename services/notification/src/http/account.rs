//! The account a request names, by `connector_id` or the header `X-Account-ID`: it must be the caller's own; any other
//! does not exist for the caller.

use postrider_domain::ConnectorId;
use postrider_storage::TenantTx;
use postrider_web::{AccountHeader, Caller, Problem};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::error::Error;
use crate::store::accounts;

/// Whose.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountParams {
    /// One account only; `X-Account-ID` says the same. Without it, all of the user.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    connector_id: Option<Uuid>,
}

impl AccountParams {
    /// The account named, if any. Naming two different ones is a mistake.
    pub fn account(&self, header: AccountHeader) -> Result<Option<ConnectorId>, Problem> {
        header.or(self.connector_id.map(ConnectorId))
    }
}

/// 404 for an account that is not the caller's.
pub async fn must_own(tx: &TenantTx, caller: &Caller, account: Option<ConnectorId>) -> Result<(), Error> {
    let Some(account) = account else { return Ok(()) };
    match accounts::find(tx, &caller.tenant, account).await? {
        Some(known) if known.owner == caller.user => Ok(()),
        _ => Err(Error::not_found()),
    }
}
