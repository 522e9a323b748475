//! `DELETE /api/v1/webhook-endpoints/{id}`: with its deliveries.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_web::{Caller, PathId, Scope};
use uuid::Uuid;

use crate::error::Error;
use crate::state::State;
use crate::store::endpoints;

/// Deletes an endpoint and what was to be sent to it.
#[utoipa::path(
    delete, path = "/api/v1/webhook-endpoints/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 204), (status = 404))
)]
pub async fn handle(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let gone = endpoints::delete(&tx, &caller.tenant, &caller.user, *id).await?;
    tx.commit().await?;
    if gone { Ok(HttpResponse::NoContent().finish()) } else { Err(Error::not_found()) }
}
