//! `POST /api/v1/webhook-endpoints/{id}/rotate-secret`: a new secret; the former one signs beside it for a day.

use actix_web::web::{Data, Json};
use postrider_web::{Caller, PathId, Scope};
use uuid::Uuid;

use super::create::not_configured;
use super::{EndpointView, lock_own_to_change};
use crate::channels::webhook::WebhookSecret;
use crate::error::Error;
use crate::rules::rotation::former;
use crate::state::{State, row_time};
use crate::store::endpoints;

/// Makes a new secret; the old one signs beside it for a day. Asked for again within that day, it replaces the new one alone.
#[utoipa::path(
    post, path = "/api/v1/webhook-endpoints/{id}/rotate-secret", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = EndpointView), (status = 403), (status = 404), (status = 503))
)]
pub async fn handle(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<Json<EndpointView>, Error> {
    caller.require(Scope::Write)?;
    let secret = WebhookSecret::generate(state.seams.entropy.as_ref());
    let sealed = state.engine.keys.seal(&secret).ok_or_else(not_configured)?;
    let now = row_time(&state);
    let tx = state.db.tenant(&caller.tenant).await?;
    let mut one = lock_own_to_change(&tx, &caller, *id).await?;
    let replaced = std::mem::replace(&mut one.secret_sealed, sealed);
    let (known, until) = former(replaced, one.old_secret_sealed, one.old_secret_until, now);
    (one.old_secret_sealed, one.old_secret_until) = (Some(known), Some(until));
    one.updated_at = now;
    endpoints::update(&tx, &caller.tenant, &one).await?;
    tx.commit().await?;
    Ok(Json(EndpointView { secret: Some(secret.text().expose().to_owned()), ..one.into() }))
}
