//! `POST /api/v1/connectors/{id}/audit`: the mirror is compared with a complete listing of the mailbox.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, RunId, RunKind};
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use crate::http::api::{Api, problem};
use crate::http::gmail::sync::{Accepted, QUEUE_FULL, can_act};
use crate::store::runs;

/// Every id is listed (5 units for 500), what is missing is fetched, what is not listed is asked about, and the newest mails
/// of each label are compared; the ledger and `mailbox.coverage` tell what was found.
#[utoipa::path(post, path = "/api/v1/connectors/{id}/audit", tag = "sync",
    params(("id" = String, Path, description = "the account")),
    responses((status = 202, body = Accepted), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 409, body = postrider_web::ProblemDocument),
              (status = 429, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<ConnectorId>,
) -> Result<HttpResponse, Problem> {
    let (mut tx, accounts) = api.open(&caller, Scope::Write).await?;
    let account = accounts.chosen(account.or(Some(id.into_inner()))?, None)?;
    can_act(account)?;
    let request = runs::Request {
        tenant: &caller.tenant,
        connector: account.id,
        id: RunId(api.ids.uuid()),
        kind: RunKind::Audit,
        max_results: None,
    };
    let Some(run) = runs::ask(&mut tx, &request, api.now()).await.map_err(problem)? else {
        return Err(Problem::rate_limited(QUEUE_FULL)
            .with_code("too_many_runs")
            .with_detail("Too many runs of this kind wait for the account already."));
    };
    api.wake_after(&mut tx, account.id);
    tx.commit().await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(Accepted { sync_run_id: run.0 }))
}
