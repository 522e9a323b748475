//! `POST /api/system/email-monitor/start`, `/stop`

use actix_web::web::{Data, Json};
use postrider_domain::AccountStatus;
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::gmail::account::AccountQuery;
use crate::store::mailboxes::accounts;

/// The monitor as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonitorState {
    pub is_running: bool,
}

/// The caller's accounts, or the one that was named, are looked at by themselves again, and now.
#[utoipa::path(post, path = "/api/system/email-monitor/start", tag = "monitor", params(AccountQuery),
    responses((status = 200, body = MonitorState), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn start(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
) -> Result<Json<MonitorState>, Problem> {
    switch(&api, &caller, account, query.into_inner(), true).await
}

/// They are neither polled nor synced because of a push; pushes are still recorded. What is asked for is done.
#[utoipa::path(post, path = "/api/system/email-monitor/stop", tag = "monitor", params(AccountQuery),
    responses((status = 200, body = MonitorState), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn stop(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
) -> Result<Json<MonitorState>, Problem> {
    switch(&api, &caller, account, query.into_inner(), false).await
}

async fn switch(
    api: &Api,
    caller: &Caller,
    account: AccountHeader,
    query: AccountQuery,
    on: bool,
) -> Result<Json<MonitorState>, Problem> {
    let (mut tx, accounts) = api.open(caller, Scope::Write).await?;
    let covered = accounts.covered(account.or(query.connector_id)?, query.user_email.as_ref())?;
    if on && covered.is_empty() {
        return Err(Problem::conflict("no_account", "The caller has no account: connect one first."));
    }
    let connectors = ids(&covered);
    accounts::monitor(&tx, &connectors, on, api.now()).await.map_err(problem)?;
    for connector in &connectors {
        api.wake_after(&mut tx, *connector);
    }
    let is_running = on && covered.iter().any(|account| account.status == AccountStatus::Active);
    tx.commit().await.map_err(problem)?;
    Ok(Json(MonitorState { is_running }))
}
