//! `GET /api/notifications/push/subscriptions`, `DELETE /api/notifications/push/subscriptions/{id}`.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, PathId, Scope};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::SubscriptionView;
use crate::error::Error;
use crate::state::State;
use crate::store::push_subscriptions;

/// Which page, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionsParams {
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

/// The caller's browsers that take pushes.
#[utoipa::path(
    get, path = "/api/notifications/push/subscriptions", tag = "push", params(SubscriptionsParams),
    responses((status = 200, body = Page<SubscriptionView>), (status = 422))
)]
pub async fn list(
    caller: Caller,
    query: ApiQuery<SubscriptionsParams>,
    state: Data<State>,
) -> Result<Json<Page<SubscriptionView>>, Error> {
    caller.require(Scope::Read)?;
    let before = query.cursor.map(|Cursor(id)| id);
    let tx = state.db.tenant(&caller.tenant).await?;
    let rows = push_subscriptions::page(&tx, &caller.tenant, &caller.user, before, query.limit.and_one()).await?;
    tx.commit().await?;
    let public = state.engine.vapid.public();
    Ok(Json(Page::cut(rows, query.limit, |row| row.id)?.map(|row| SubscriptionView::of(row, public))))
}

/// Has a browser told no more.
#[utoipa::path(
    delete, path = "/api/notifications/push/subscriptions/{id}", tag = "push", params(("id" = String, Path)),
    responses((status = 204), (status = 404))
)]
pub async fn delete(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let gone = push_subscriptions::delete(&tx, &caller.tenant, &caller.user, *id).await?;
    tx.commit().await?;
    if gone { Ok(HttpResponse::NoContent().finish()) } else { Err(Error::not_found()) }
}
