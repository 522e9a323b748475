//! `POST /gmail/sync`: asks for a run and answers at once.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::{AccountStatus, RunId, RunKind};
use postrider_web::{AccountHeader, ApiJson, ApiQuery, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::account::AccountQuery;
use crate::http::api::{Api, invalid, problem};
use crate::store::mailboxes::accounts::Account;
use crate::store::runs;

/// When to ask again after too many runs were asked for.
pub const QUEUE_FULL: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SyncRequest)]
pub struct Body {
    /// List the whole mailbox instead of following its history.
    pub force_full_sync: bool,
    /// Bodies fetched at most, 1–5000; the listing always goes to its end. Null: no cap.
    pub max_results: Option<i64>,
}

/// The run that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    pub sync_run_id: Uuid,
}

/// A call is answered with the run that is queued, if there is one of its kind that nobody has begun to look for: one that
/// has begun may miss what was changed after. Incremental runs that wait together are answered by one look.
#[utoipa::path(post, path = "/gmail/sync", tag = "sync", params(AccountQuery), request_body = Body,
    responses((status = 202, body = Accepted), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument), (status = 429, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
    body: ApiJson<Body>,
) -> Result<HttpResponse, Problem> {
    let (query, body) = (query.into_inner(), body.into_inner());
    let run = ask(&api, &caller, account, &query, &body).await?;
    Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: run.0 }))
}

/// Queues the run in the caller's account; the engine takes it up at once.
pub async fn ask(
    api: &Api,
    caller: &Caller,
    account: AccountHeader,
    query: &AccountQuery,
    body: &Body,
) -> Result<RunId, Problem> {
    if body.max_results.is_some_and(|most| !(1..=5_000).contains(&most)) {
        return Err(invalid("max_results", "must be from 1 to 5000"));
    }
    let (mut tx, accounts) = api.open(caller, Scope::Write).await?;
    let account = accounts.chosen(account.or(query.connector_id)?, query.user_email.as_ref())?;
    can_act(account)?;
    let request = runs::Request {
        tenant: &caller.tenant,
        connector: account.id,
        id: RunId(api.ids.uuid()),
        kind: if body.force_full_sync { RunKind::Full } else { RunKind::Incremental },
        max_results: body.max_results,
    };
    let Some(run) = runs::ask(&mut tx, &request, api.now()).await.map_err(problem)? else {
        return Err(Problem::rate_limited(QUEUE_FULL)
            .with_code("too_many_runs")
            .with_detail("Too many runs of this kind wait for the account already."));
    };
    api.wake_after(&mut tx, account.id);
    tx.commit().await.map_err(problem)?;
    Ok(run)
}

/// Whether something can be asked of Gmail for the account.
pub fn can_act(account: &Account) -> Result<(), Problem> {
    let (code, detail) = match account.status {
        AccountStatus::Active => return Ok(()),
        AccountStatus::Paused => ("connector_paused", "The account is paused."),
        AccountStatus::ReauthRequired => ("reauth_required", "The account must be connected again."),
        AccountStatus::Disconnected => ("connector_disconnected", "The account is disconnected."),
    };
    Err(Problem::conflict(code, detail))
}
