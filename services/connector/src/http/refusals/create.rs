//! `POST /internal/refusals`: sync-worker saw Gmail refuse an account for a reason that only a person can end.

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, ReauthReason};
use postrider_web::{ApiJson, Problem, ServiceCaller};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actions::reauth;
use crate::error::Error;
use crate::http::token_leases::{CALLER, tenant_of};
use crate::state::State;
use crate::store::connectors;

/// What was refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refusal)]
pub struct Body {
    #[schema(value_type = String, format = "uuid")]
    connector_id: ConnectorId,
    /// Of the token that was refused, as the lease told it: a consent that came in between wins.
    token_version: i64,
    reason: Refused,
}

/// Why. A refusal of the whole project (its API not enabled, its quota) is nothing an account's owner can end, and is
/// not told here.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// The grant does not cover reading.
    ScopeMissing,
    /// The administrator of the account's domain does not allow this application.
    DomainPolicy,
    /// The account has no Gmail: it was never switched on, or its licence is gone.
    MailServiceOff,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusalAnswer)]
pub struct Answer {
    /// False: the connector's tokens are others by now, or it does not act anyway. Lease again and look.
    applied: bool,
}

impl From<Refused> for ReauthReason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::ScopeMissing => Self::ScopeMissing,
            Refused::DomainPolicy => Self::DomainPolicy,
            Refused::MailServiceOff => Self::MailServiceOff,
        }
    }
}

/// Marks the connector as one that needs its owner; `connector.reauth_required` tells the others.
#[utoipa::path(
    post, path = "/internal/refusals", tag = "internal", request_body = Body,
    responses(
        (status = 200, body = Answer),
        (status = 403, body = postrider_web::ProblemDocument, description = "Another service than sync-worker"),
        (status = 404, body = postrider_web::ProblemDocument),
        (status = 422, body = postrider_web::ProblemDocument),
        (status = 503, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(state: Data<State>, caller: ServiceCaller, body: ApiJson<Body>) -> Result<Json<Answer>, Problem> {
    caller.must_be(&[CALLER])?;
    let applied = run(&state, &caller, &body).await?;
    Ok(Json(Answer { applied }))
}

async fn run(state: &State, caller: &ServiceCaller, body: &Body) -> Result<bool, Error> {
    let tenant = tenant_of(state, caller, body.connector_id).await?;
    let tx = state.db.tenant(&tenant).await?;
    let seen = connectors::get(&tx, body.connector_id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    reauth::require_consent(state, &seen, body.token_version, body.reason.into()).await
}
