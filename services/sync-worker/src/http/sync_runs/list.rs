//! `GET /api/v1/sync-runs`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, RunId};
use postrider_web::{AccountHeader, ApiQuery, Caller, Cursor, Limit, Page, Problem, RowTime, Scope};
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::{Run, show};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::runs;

/// Which runs to list, newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Query {
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    #[param(inline)]
    pub limit: Limit,
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<(RowTime, RunId)>>,
}

/// Runs of synchronisation, newest first.
#[utoipa::path(get, path = "/api/v1/sync-runs", tag = "sync", params(Query),
    responses((status = 200, body = Page<Run>), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<Query>,
) -> Result<Json<Page<Run>>, Problem> {
    let query = query.into_inner();
    let after = query.cursor.map(|Cursor((time, id))| (time.0, id));
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.or(query.connector_id)?, None)?);
    let rows = runs::list(&tx, &covered, after, query.limit.and_one()).await.map_err(problem)?;
    let Page { data, next_cursor } = Page::cut(rows, query.limit, |row| (row.created_at, row.id))?;
    let data = show(&tx, data, &api).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(Json(Page { data, next_cursor }))
}
