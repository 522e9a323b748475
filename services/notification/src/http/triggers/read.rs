//! `GET /api/triggers`, `GET /api/triggers/{id}`.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, PathId, Scope};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::TriggerView;
use crate::error::Error;
use crate::state::State;
use crate::store::triggers;

/// Which page, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TriggersParams {
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100)]
    pub(super) limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<String>)]
    pub(super) cursor: Option<Cursor<Uuid>>,
}

/// The caller's triggers.
#[utoipa::path(
    get, path = "/api/triggers", tag = "triggers", params(TriggersParams),
    responses((status = 200, body = Page<TriggerView>), (status = 422))
)]
pub async fn list(
    caller: Caller,
    query: ApiQuery<TriggersParams>,
    state: Data<State>,
) -> Result<Json<Page<TriggerView>>, Error> {
    caller.require(Scope::Read)?;
    let before = query.cursor.map(|Cursor(id)| id);
    let tx = state.db.tenant(&caller.tenant).await?;
    let rows = triggers::page(&tx, &caller.tenant, &caller.user, before, query.limit.and_one()).await?;
    tx.commit().await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id)?.map(TriggerView::from)))
}

/// One trigger.
#[utoipa::path(
    get, path = "/api/triggers/{id}", tag = "triggers", params(("id" = String, Path)),
    responses((status = 200, body = TriggerView), (status = 404))
)]
pub async fn get(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<Json<TriggerView>, Error> {
    caller.require(Scope::Read)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let found = triggers::lock(&tx, &caller.tenant, &caller.user, *id).await?;
    tx.commit().await?;
    Ok(Json(found.ok_or_else(Error::not_found)?.into()))
}
