//! `GET /api/v1/sync-runs/{id}`

use actix_web::web::{Data, Json};
use domain::RunId;
use web::{Caller, PathId, Problem};

use super::view::Run;
use crate::http::api::{Api, covered, problem};
use crate::store::run_reads;

#[utoipa::path(get, path = "/api/v1/sync-runs/{id}", tag = "sync", params(("id" = String, Path, description = "the run")),
    responses((status = 200, body = Run), (status = 404, body = web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, caller: Caller, id: PathId<RunId>) -> Result<Json<Run>, Problem> {
    let (mut tx, accounts) = api.open(&caller).await?;
    let row = run_reads::find(&mut tx, covered(&accounts, None)?, id.into_inner().0).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    row.map(|row| Json(Run::new(row, api.clock.now()))).ok_or_else(Problem::not_found)
}
