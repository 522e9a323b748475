//! `GET /api/v1/sync-runs`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use domain::{ConnectorId, Timestamp};
use serde::Deserialize;
use storage::page;
use utoipa::IntoParams;
use uuid::Uuid;
use web::{ApiQuery, Caller, Limit, Page, Problem};

use super::view::Run;
use crate::http::api::{Api, covered, problem};
use crate::store::run_reads;

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
    responses((status = 200, body = Page<Run>), (status = 422, body = web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, caller: Caller, query: ApiQuery<Query>) -> Result<Json<Page<Run>>, Problem> {
    let query = query.into_inner();
    let after = match &query.cursor {
        Some(cursor) => Some(page::decode::<(Timestamp, Uuid)>(cursor).map_err(|error| {
            Problem::unprocessable(web::codes::INVALID_REQUEST, "A parameter is wrong.")
                .field("cursor", error.to_string())
        })?),
        None => None,
    };
    let (mut tx, accounts) = api.open(&caller).await?;
    let limit = usize::try_from(query.limit.get()).unwrap_or(usize::MAX);
    let mut rows =
        run_reads::list(&mut tx, covered(&accounts, query.connector_id)?, after, i64::from(query.limit.get()) + 1)
            .await
            .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = match rows.last() {
        Some(last) if more => Some(page::encode(&(last.created_at, last.run_id)).map_err(Problem::unexpected)?),
        _ => None,
    };
    let now = api.clock.now();
    Ok(Json(Page::new(rows.into_iter().map(|row| Run::new(row, now)).collect(), next_cursor)))
}
