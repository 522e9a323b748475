//! `POST /gmail/sync/deleted`: asks for a run as `/gmail/sync` does, and waits for it.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, EmailAddress, RunId, RunKind};
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::account::AccountQuery;
use super::sync::{Accepted, Body, ask};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::{emails, runs};

/// How long `/gmail/sync/deleted` waits for its run before it answers 202.
const WAIT: Duration = Duration::from_secs(30);
/// Its first look comes after this, and each next one after twice as long, up to [`LOOK_MOST`]: most runs end at once, and
/// those that do not are not worth five transactions a second.
const LOOK: Duration = Duration::from_millis(100);
/// Longest time between two looks.
const LOOK_MOST: Duration = Duration::from_secs(2);

/// Query of `/gmail/sync/deleted`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Query {
    #[param(value_type = Option<String>)]
    pub user_email: Option<EmailAddress>,
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    pub force_full_sync: bool,
    pub max_results: i64,
}

impl Default for Query {
    fn default() -> Self {
        Self { user_email: None, connector_id: None, force_full_sync: false, max_results: 1_000 }
    }
}

/// The run that ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// `completed`, `failed`, or `superseded`: history broke off meanwhile, and a repair run took this one's place.
    pub status: &'static str,
    pub sync_run_id: Uuid,
    pub new_emails: i64,
    pub deleted_emails: i64,
    pub total_processed: i64,
    /// Mails in the mailbox: as listed by a full run, else as the mirror holds them after this run.
    pub gmail_emails: i64,
}

#[utoipa::path(post, path = "/gmail/sync/deleted", tag = "sync", params(Query),
    responses((status = 200, body = Done), (status = 202, body = Accepted), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument), (status = 429, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<Query>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let body = Body { force_full_sync: query.force_full_sync, max_results: Some(query.max_results) };
    let named = AccountQuery { user_email: query.user_email, connector_id: query.connector_id };
    let id = ask(&api, &caller, account, &named, &body).await?;
    let deadline = tokio::time::Instant::now() + WAIT;
    let mut pause = LOOK;
    while tokio::time::Instant::now() < deadline {
        tokio::time::sleep(pause).await;
        if let Some(done) = ended(&api, &caller, account, id).await? {
            return Ok(HttpResponse::Ok().json(done));
        }
        pause = pause.saturating_mul(2).min(LOOK_MOST);
    }
    Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: id.0 }))
}

async fn ended(api: &Api, caller: &Caller, account: AccountHeader, id: RunId) -> Result<Option<Done>, Problem> {
    // Who may ask for a run may see its end: no other scope is wanted for the answer.
    let (tx, accounts) = api.open(caller, Scope::Write).await?;
    let run = runs::find(&tx, &ids(&accounts.covered(account.0, None)?), id).await.map_err(problem)?;
    let Some(run) = run.filter(|run| run.state.is_over()) else {
        return Ok(None);
    };
    let gmail_emails = match run.kind {
        RunKind::Full => run.listed,
        RunKind::Incremental | RunKind::Repair | RunKind::Audit | RunKind::Erase => {
            emails::count_alive(&tx, &[run.connector]).await.map_err(problem)?
        }
    };
    tx.commit().await.map_err(problem)?;
    Ok(Some(Done {
        status: run.state.as_str(),
        sync_run_id: id.0,
        new_emails: run.new_emails,
        deleted_emails: run.deleted,
        total_processed: run.stored + run.deleted,
        gmail_emails,
    }))
}
