//! `GET /api/v1/webhook-endpoints`.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, Scope};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::EndpointView;
use crate::error::Error;
use crate::state::State;
use crate::store::endpoints;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

/// The caller's webhook endpoints.
#[utoipa::path(
    get, path = "/api/v1/webhook-endpoints", tag = "webhooks", params(ListParams),
    responses((status = 200, body = Page<EndpointView>), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<ListParams>,
    state: Data<State>,
) -> Result<Json<Page<EndpointView>>, Error> {
    caller.require(Scope::Read)?;
    let before = query.cursor.map(|Cursor(id)| id);
    let tx = state.db.tenant(&caller.tenant).await?;
    let rows = endpoints::page(&tx, &caller.tenant, &caller.user, before, query.limit.and_one()).await?;
    tx.commit().await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id)?.map(EndpointView::from)))
}
