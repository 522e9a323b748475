//! `POST /api/v1/connectors/{id}/parked/retry`: what is parked is looked at now.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, MessageId};
use postrider_web::{AccountHeader, ApiQuery, Caller, PathId, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::api::{Api, problem};
use crate::http::gmail::sync::can_act;
use crate::store::mailboxes::due;
use crate::store::parked;

/// One of them, or all.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RetryQuery {
    /// Gmail's id.
    #[param(value_type = Option<String>)]
    pub message_id: Option<MessageId>,
}

/// How many messages are looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Retried {
    pub retried: usize,
}

/// Tries parked changes again now.
#[utoipa::path(post, path = "/api/v1/connectors/{id}/parked/retry", tag = "sync",
    params(RetryQuery, ("id" = String, Path, description = "the account")),
    responses((status = 202, body = Retried), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<ConnectorId>,
    query: ApiQuery<RetryQuery>,
) -> Result<HttpResponse, Problem> {
    let message = query.into_inner().message_id;
    let (mut tx, accounts) = api.open(&caller, Scope::Write).await?;
    let account = accounts.chosen(account.or(Some(id.into_inner()))?, None)?;
    can_act(account)?;
    // The mark takes the mailbox's lock, so that no look under way writes over what is asked.
    due::ask(&tx, account.id, api.now()).await.map_err(problem)?;
    let retried = parked::retry_now(&tx, account.id, message.as_ref(), api.now()).await.map_err(problem)?;
    if retried == 0 && message.is_some() {
        return Err(Problem::not_found().with_detail("No such message is parked."));
    }
    api.wake_after(&mut tx, account.id);
    tx.commit().await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(Retried { retried }))
}
