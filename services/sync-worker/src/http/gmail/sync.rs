//! `POST /gmail/sync`: asks for a run and answers at once.

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::{ConnectorId, EmailAddress, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{ApiJson, ApiQuery, Caller, Problem};

use super::account::AccountQuery;
use crate::http::api::{Api, chosen, problem};
use crate::store::accounts::Account;
use crate::store::runs;

/// What to do.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
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

#[utoipa::path(post, path = "/gmail/sync", tag = "sync", params(AccountQuery), request_body = Body,
    responses((status = 202, body = Accepted), (status = 409, body = web::ProblemDocument),
              (status = 422, body = web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    query: ApiQuery<AccountQuery>,
    body: ApiJson<Body>,
) -> Result<HttpResponse, Problem> {
    let (query, body) = (query.into_inner(), body.into_inner());
    check(body.max_results)?;
    let run = ask(&api, &caller, (query.connector_id, query.user_email.as_ref()), &body).await?;
    Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: run.0 }))
}

pub(super) fn check(max_results: Option<i64>) -> Result<(), Problem> {
    match max_results {
        Some(n) if !(1..=5_000).contains(&n) => {
            Err(Problem::unprocessable(web::codes::INVALID_REQUEST, "A parameter is out of range.")
                .field("max_results", "must be from 1 to 5000"))
        }
        _ => Ok(()),
    }
}

/// Queues the run in the caller's account; the engine takes it up at once.
pub(super) async fn ask(
    api: &Api,
    caller: &Caller,
    (id, address): (Option<ConnectorId>, Option<&EmailAddress>),
    body: &Body,
) -> Result<RunId, Problem> {
    let (mut tx, accounts) = api.open(caller).await?;
    let account = chosen(&accounts, id, address)?;
    can_act(account)?;
    let run = RunId(api.ids.uuid());
    let kind = if body.force_full_sync { "full" } else { "incremental" };
    runs::enqueue(&mut tx, (&caller.tenant, account.id()), (run, kind), body.max_results, api.clock.now())
        .await
        .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(run)
}

fn can_act(account: &Account) -> Result<(), Problem> {
    let (code, detail) = match account.status.as_str() {
        "active" => return Ok(()),
        "paused" => ("connector_paused", "The account is paused."),
        "reauth_required" => ("reauth_required", "The account must be connected again."),
        _ => ("connector_disconnected", "The account is disconnected."),
    };
    Err(Problem::conflict(code, detail))
}
