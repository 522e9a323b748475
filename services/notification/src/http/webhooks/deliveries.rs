//! `GET /api/v1/webhook-endpoints/{id}/deliveries` and `POST …/deliveries/{delivery_id}/replay`.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, PathId, Scope};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{DeliveryView, lock_own};
use crate::error::Error;
use crate::rules::webhook::{DeliveryState, EndpointStatus};
use crate::state::State;
use crate::store::deliveries;

/// Which deliveries, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesParams {
    #[serde(default)]
    #[param(inline)]
    state: Option<DeliveryState>,
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Uuid>>,
}

/// An endpoint's deliveries, newest first.
#[utoipa::path(
    get, path = "/api/v1/webhook-endpoints/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path), DeliveriesParams),
    responses((status = 200, body = Page<DeliveryView>), (status = 404), (status = 422))
)]
pub async fn list(
    caller: Caller,
    id: PathId<Uuid>,
    query: ApiQuery<DeliveriesParams>,
    state: Data<State>,
) -> Result<Json<Page<DeliveryView>>, Error> {
    caller.require(Scope::Read)?;
    let before = query.cursor.map(|Cursor(id)| id);
    let tx = state.db.tenant(&caller.tenant).await?;
    let one = lock_own(&tx, &caller, *id).await?;
    let rows = deliveries::page(&tx, &caller.tenant, one.id, query.state, before, query.limit.and_one()).await?;
    tx.commit().await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id)?.map(DeliveryView::from)))
}

/// Sends one delivery again.
#[utoipa::path(
    post, path = "/api/v1/webhook-endpoints/{id}/deliveries/{delivery_id}/replay", tag = "webhooks",
    params(("id" = String, Path), ("delivery_id" = String, Path)),
    responses((status = 200, body = DeliveryView), (status = 404))
)]
pub async fn replay(caller: Caller, request: HttpRequest, state: Data<State>) -> Result<Json<DeliveryView>, Error> {
    caller.require(Scope::Write)?;
    let endpoint: Uuid = *PathId::named(&request, "id")?;
    let id: Uuid = *PathId::named(&request, "delivery_id")?;
    let tenant = &caller.tenant;
    let tx = state.db.tenant(tenant).await?;
    let one = lock_own(&tx, &caller, endpoint).await?;
    let found = deliveries::find(&tx, tenant, id).await?.filter(|found| found.endpoint_id == Some(one.id));
    let found = found.ok_or_else(Error::not_found)?;
    // Of a disabled one it is kept with the rest.
    let due = (one.status == EndpointStatus::Enabled).then(|| state.seams.clock.now());
    deliveries::again(&tx, tenant, found.id, due).await?;
    let now_waits = deliveries::find(&tx, tenant, id).await?.ok_or_else(Error::not_found)?;
    let bell = state.engine.bell.clone();
    tx.on_commit(move || bell.ring());
    tx.commit().await?;
    Ok(Json(now_waits.into()))
}
