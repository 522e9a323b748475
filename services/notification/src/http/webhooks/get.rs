//! `GET /api/v1/webhook-endpoints/{id}`.

use actix_web::web::{Data, Json};
use postrider_web::{Caller, PathId, Scope};
use uuid::Uuid;

use super::EndpointView;
use crate::error::Error;
use crate::state::State;
use crate::store::endpoints;

/// One endpoint.
#[utoipa::path(
    get, path = "/api/v1/webhook-endpoints/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = EndpointView), (status = 404))
)]
pub async fn handle(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<Json<EndpointView>, Error> {
    caller.require(Scope::Read)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let found = endpoints::find(&tx, &caller.tenant, *id).await?;
    tx.commit().await?;
    let own = found.filter(|found| found.user_id == caller.user).ok_or_else(Error::not_found)?;
    Ok(Json(own.into()))
}
