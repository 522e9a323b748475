//! The account a request names: `connector_id`, or the header `X-Account-ID`. It must be the caller's own; any other
//! does not exist for the caller.

use actix_web::HttpRequest;
use postrider_domain::ConnectorId;
use postrider_storage::TenantTx;
use postrider_web::{Caller, Problem, codes};
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
    pub connector_id: Option<Uuid>,
}

/// The account named, if any. Naming two different ones is a mistake.
pub fn named(request: &HttpRequest, in_query: Option<Uuid>) -> Result<Option<ConnectorId>, Problem> {
    const HEADER: &str = "X-Account-ID";
    let in_query = in_query.map(ConnectorId);
    let Some(header) = request.headers().get(HEADER) else { return Ok(in_query) };
    let id: Option<ConnectorId> = header.to_str().ok().and_then(|text| text.parse().ok());
    match (id, in_query) {
        (None, _) => Err(wrong(HEADER, "is not an account id")),
        (Some(id), Some(other)) if other != id => Err(wrong("connector_id", "differs from X-Account-ID")),
        (Some(id), _) => Ok(Some(id)),
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

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "The account cannot be told.").field(field, why)
}
