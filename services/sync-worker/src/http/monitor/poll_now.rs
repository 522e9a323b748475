//! `POST /api/system/email-monitor/poll-now`

use actix_web::web::{Data, Json};
use postrider_domain::{AccountStatus, RunId, RunKind};
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api::{Api, problem};
use crate::http::gmail::account::AccountQuery;
use crate::http::gmail::sync::can_act;
use crate::http::waiting::wait;
use crate::store::runs;

/// What the looks found.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolledNow {
    pub new_emails: i64,
}

/// Looks at the caller's accounts, or at the one that was named, also while the monitor is stopped, and waits up to 30 s.
#[utoipa::path(post, path = "/api/system/email-monitor/poll-now", tag = "monitor", params(AccountQuery),
    responses((status = 200, body = PolledNow), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<AccountQuery>,
) -> Result<Json<PolledNow>, Problem> {
    let query = query.into_inner();
    let (mut tx, accounts) = api.open(&caller, Scope::Write).await?;
    let covered = accounts.covered(account.or(query.connector_id)?, query.user_email.as_ref())?;
    let able: Vec<_> = covered.iter().filter(|account| account.status == AccountStatus::Active).collect();
    match (covered.first(), able.is_empty()) {
        (None, _) => return Err(Problem::conflict("no_account", "The caller has no account: connect one first.")),
        (Some(first), true) => can_act(first)?,
        (Some(_), false) => {}
    }
    let mut connectors: Vec<_> = able.iter().map(|account| account.id).collect();
    // In one order: two requests never wait for each other's mailboxes.
    connectors.sort_unstable();
    let mut asked = Vec::new();
    for connector in connectors {
        let id = RunId(api.ids.uuid());
        let request =
            runs::Request { tenant: &caller.tenant, connector, id, kind: RunKind::Incremental, max_results: None };
        asked.extend(runs::ask(&mut tx, &request, api.now()).await.map_err(problem)?);
        api.wake_after(&mut tx, connector);
    }
    tx.commit().await.map_err(problem)?;
    let ended = wait(&api, &caller, &asked).await?;
    Ok(Json(PolledNow { new_emails: ended.iter().map(|run| run.new_emails).sum() }))
}
