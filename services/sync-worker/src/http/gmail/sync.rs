//! `POST /gmail/sync`: asks for a run and answers at once. `POST /gmail/sync/deleted`: the same, and waits for it.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::{ConnectorId, EmailAddress, RunId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{ApiJson, ApiQuery, Caller, Problem};

use crate::http::api::{Api, chosen, problem};
use crate::store::accounts::Account;
use crate::store::run_reads::RunRow;
use crate::store::{run_reads, runs};

/// How long `/gmail/sync/deleted` waits for its run before it answers 202.
const WAIT: Duration = Duration::from_secs(30);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

/// Which account; not needed when the caller has one.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Query {
    #[param(value_type = Option<String>)]
    pub user_email: Option<EmailAddress>,
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
}

/// What to do.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Body {
    /// List the whole mailbox instead of following its history.
    pub force_full_sync: bool,
    /// Bodies fetched at most, 1–5000; the listing always goes to its end. Null: no cap.
    pub max_results: Option<i64>,
}

/// Query of `/gmail/sync/deleted`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    #[param(value_type = Option<String>)]
    pub user_email: Option<EmailAddress>,
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    pub force_full_sync: bool,
    pub max_results: i64,
}

impl Default for WaitQuery {
    fn default() -> Self {
        Self { user_email: None, connector_id: None, force_full_sync: false, max_results: 1_000 }
    }
}

/// The run that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    pub sync_run_id: Uuid,
}

/// The run that ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// `completed` or `failed`.
    pub status: String,
    pub sync_run_id: Uuid,
    pub new_emails: i64,
    pub deleted_emails: i64,
    pub total_processed: i64,
    pub gmail_emails: i64,
}

#[utoipa::path(post, path = "/gmail/sync", tag = "sync", params(Query), request_body = Body,
    responses((status = 202, body = Accepted), (status = 409, body = web::ProblemDocument),
              (status = 422, body = web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    query: ApiQuery<Query>,
    body: ApiJson<Body>,
) -> Result<HttpResponse, Problem> {
    let (query, body) = (query.into_inner(), body.into_inner());
    check(body.max_results)?;
    let run = ask(&api, &caller, (query.connector_id, query.user_email.as_ref()), &body).await?;
    Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: run.0 }))
}

#[utoipa::path(post, path = "/gmail/sync/deleted", tag = "sync", params(WaitQuery),
    responses((status = 200, body = Done), (status = 202, body = Accepted), (status = 422, body = web::ProblemDocument)))]
pub async fn handle_and_wait(
    api: Data<Api>,
    caller: Caller,
    query: ApiQuery<WaitQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    check(Some(query.max_results))?;
    let body = Body { force_full_sync: query.force_full_sync, max_results: Some(query.max_results) };
    let id = ask(&api, &caller, (query.connector_id, query.user_email.as_ref()), &body).await?;
    let deadline = tokio::time::Instant::now() + WAIT;
    while tokio::time::Instant::now() < deadline {
        if let Some(run) = ended(&api, &caller, id).await? {
            return Ok(HttpResponse::Ok().json(Done {
                status: run.state,
                sync_run_id: id.0,
                new_emails: run.new_emails,
                deleted_emails: run.deleted,
                total_processed: run.stored + run.deleted,
                gmail_emails: run.listed,
            }));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: id.0 }))
}

fn check(max_results: Option<i64>) -> Result<(), Problem> {
    match max_results {
        Some(n) if !(1..=5_000).contains(&n) => {
            Err(Problem::unprocessable(web::codes::INVALID_REQUEST, "A parameter is out of range.")
                .field("max_results", "must be from 1 to 5000"))
        }
        _ => Ok(()),
    }
}

/// Queues the run in the caller's account; the engine takes it up at once.
async fn ask(
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

async fn ended(api: &Api, caller: &Caller, id: RunId) -> Result<Option<RunRow>, Problem> {
    let (mut tx, accounts) = api.open(caller).await?;
    let covered = accounts.iter().map(|account| account.connector_id).collect();
    let run = run_reads::find(&mut tx, covered, id.0).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(run.filter(|run| matches!(run.state.as_str(), "completed" | "failed" | "superseded")))
}
