//! `POST /api/v1/gmail/watch/poll`: looks at Gmail now, and tells what is new.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::RunState;
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::gmail::account::AccountQuery;
use crate::http::gmail::sync::{Accepted, Body, ask};
use crate::http::waiting::wait;
use crate::store::emails;

/// Most mails an answer names.
const MOST: usize = 500;

/// A mail that came.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolledMessage {
    /// Gmail's id.
    pub message_id: String,
    pub thread_id: String,
    /// Our id.
    pub email_id: Uuid,
}

/// What the look found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Polled {
    /// Mails that were not in the mirror before, newest first, 500 at most.
    pub messages: Vec<PolledMessage>,
    /// History id the mirror has reached, decimal text.
    pub history_id: Option<String>,
}

/// Waits up to 30 s for the look; 202 with the run where it takes longer.
#[utoipa::path(post, path = "/api/v1/gmail/watch/poll", tag = "watch", params(AccountQuery),
    responses((status = 200, body = Polled), (status = 202, body = Accepted), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument), (status = 429, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
) -> Result<HttpResponse, Problem> {
    let since = api.now();
    let run = ask(&api, &caller, account, &query, &Body::default()).await?;
    let ended = wait(&api, &caller, &[run]).await?;
    let Some(ended) = ended.into_iter().find(|run| run.state == RunState::Completed) else {
        return Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: run.0 }));
    };
    let (tx, accounts) = api.open(&caller, Scope::Write).await?;
    let known = accounts.covered(Some(ended.connector), None)?;
    let rows = emails::list_since(&tx, &ids(&known), since, MOST).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let history_id = known.first().and_then(|account| account.cursor).map(|cursor| cursor.to_string());
    let messages = rows.into_iter().map(|row| PolledMessage {
        message_id: row.message_id.into_string(),
        thread_id: row.thread_id.into_string(),
        email_id: row.email_id.0,
    });
    Ok(HttpResponse::Ok().json(Polled { messages: messages.collect(), history_id }))
}
