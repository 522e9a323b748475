//! `GET /api/v1/sync-runs/{id}`

use actix_web::web::{Data, Json};
use postrider_domain::RunId;
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use super::view::{Run, show};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::runs;

/// One run, with its counts and its forecast.
#[utoipa::path(get, path = "/api/v1/sync-runs/{id}", tag = "sync", params(("id" = String, Path, description = "the run")),
    responses((status = 200, body = Run), (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<RunId>,
) -> Result<Json<Run>, Problem> {
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let row = runs::find(&tx, &covered, id.into_inner()).await.map_err(problem)?;
    let run = show(&tx, row.into_iter().collect(), &api).await.map_err(problem)?.pop();
    tx.commit().await.map_err(problem)?;
    run.map(Json).ok_or_else(Problem::not_found)
}
