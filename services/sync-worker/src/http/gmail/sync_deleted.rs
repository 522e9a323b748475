//! `POST /gmail/sync/deleted`: asks for a run as `/gmail/sync` does, and waits for it.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, EmailAddress, RunKind};
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::account::AccountQuery;
use super::sync::{Accepted, Body, ask};
use crate::http::api::{Api, problem};
use crate::http::waiting::wait;
use crate::store::{emails, runs};

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

/// Looks for deleted mail and waits up to 30 s for the run; 202 with its id after that.
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
    let ended = wait(&api, &caller, &[id]).await?.into_iter().find(|run| run.state.is_over());
    let Some(run) = ended else { return Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: id.0 })) };
    Ok(HttpResponse::Ok().json(done(&api, &caller, &run).await?))
}

async fn done(api: &Api, caller: &Caller, run: &runs::Run) -> Result<Done, Problem> {
    let gmail_emails = match run.kind {
        RunKind::Full => run.listed,
        RunKind::Incremental | RunKind::Repair | RunKind::Audit | RunKind::Erase => {
            let (tx, _) = api.open(caller, Scope::Write).await?;
            let alive = emails::count_alive(&tx, &[run.connector]).await.map_err(problem)?;
            tx.commit().await.map_err(problem)?;
            alive
        }
    };
    Ok(Done {
        status: run.state.as_str(),
        sync_run_id: run.id.0,
        new_emails: run.new_emails,
        deleted_emails: run.deleted,
        total_processed: run.stored + run.deleted,
        gmail_emails,
    })
}
