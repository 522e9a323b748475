//! `/api/v1/webhook-endpoints`: where programs of a user are told, and what they were told.

pub mod create;
pub mod delete;
pub mod deliveries;
pub mod get;
pub mod list;
pub mod patch;
pub mod replay;
pub mod rotate;
pub mod test;
mod view;

use postrider_storage::TenantTx;
use postrider_web::{Caller, Problem, Scope, codes};
use uuid::Uuid;

use crate::channels::webhook::{Reach, Target};
use crate::error::Error;
use crate::http::account::must_own;
use crate::rules::feed;
use crate::store::endpoints::{self, Endpoint};

pub use view::{DeliveryView, EndpointView};

/// 503: no keys to seal secrets with.
pub const WEBHOOKS_NOT_CONFIGURED: &str = "webhooks_not_configured";
/// 409: the user has as many endpoints as one may.
pub const TOO_MANY_ENDPOINTS: &str = "too_many_endpoints";
/// 409: its owner must enable it first.
pub const ENDPOINT_DISABLED: &str = "endpoint_disabled";

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field(field, why)
}

fn check_url(text: &str, reach: Reach) -> Result<String, Problem> {
    let target = Target::parse(text, reach).map_err(|error| wrong("url", &error.to_string()))?;
    Ok(target.url().as_str().to_owned())
}

fn check_types(types: &[String]) -> Result<(), Problem> {
    match types.iter().find(|name| !feed::types().any(|known| known == name.as_str())) {
        Some(_) => Err(wrong("event_types", "names a type that there is not")),
        None if types.len() > 100 => Err(wrong("event_types", "has more than 100 items")),
        None => Ok(()),
    }
}

/// Only accounts of the caller's own; 404 for any other.
async fn check_accounts(tx: &TenantTx, caller: &Caller, accounts: Option<&[Uuid]>) -> Result<(), Error> {
    let accounts = accounts.unwrap_or_default();
    if accounts.len() > 100 {
        return Err(wrong("account_ids", "has more than 100 items").into());
    }
    for account in accounts {
        must_own(tx, caller, Some(postrider_domain::ConnectorId(*account))).await?;
    }
    Ok(())
}

/// The caller's endpoint, locked; 404 for any other.
async fn lock_own(tx: &TenantTx, caller: &Caller, id: Uuid) -> Result<Endpoint, Error> {
    endpoints::lock(tx, &caller.tenant, &caller.user, id).await?.ok_or_else(Error::not_found)
}

/// The same to change what it is sent, and where: of one that is told everything of the tenant as only who may make it.
async fn lock_own_to_change(tx: &TenantTx, caller: &Caller, id: Uuid) -> Result<Endpoint, Error> {
    let one = lock_own(tx, caller, id).await?;
    if one.whole_tenant {
        caller.require(Scope::TenantAdmin)?;
    }
    Ok(one)
}
