//! `GET /api/v1/sync-runs`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, RunId};
use postrider_web::{ApiQuery, Limit, Page, Problem, Scope};
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::Run;
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::asker::Asker;
use crate::http::page;
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
    pub cursor: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/sync-runs", tag = "sync", params(Query),
    responses((status = 200, body = Page<Run>), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, asker: Asker, query: ApiQuery<Query>) -> Result<Json<Page<Run>>, Problem> {
    let query = query.into_inner();
    let after = page::after(query.cursor.as_deref())?.map(|(time, id)| (time, RunId(id)));
    let (tx, accounts) = api.open(&asker, Scope::Read).await?;
    let covered = ids(&accounts.covered(query.connector_id, None)?);
    let rows = runs::list(&tx, &covered, after, i64::from(query.limit.get()) + 1).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let (rows, next_cursor) = page::cut(rows, query.limit, |row| (row.created_at, row.id.0))?;
    let now = api.now();
    Ok(Json(Page::new(rows.into_iter().map(|row| Run::new(row, now)).collect(), next_cursor)))
}
