//! `POST /api/triggers/{id}/rotate-secret`: a new secret; the former one is taken beside it for a day.

use actix_web::web::{Data, Json};
use postrider_web::{Caller, PathId, Scope};
use uuid::Uuid;

use super::{TriggerView, wrong};
use crate::channels::webhook::WebhookSecret;
use crate::error::Error;
use crate::http::webhooks::create::not_configured;
use crate::rules::rotation::former;
use crate::rules::trigger::TriggerType;
use crate::state::{State, row_time};
use crate::store::triggers;

/// Makes a new secret for a trigger of type `webhook`; the old one is taken beside it for a day. Asked for again within that
/// day, it replaces the new one alone.
#[utoipa::path(
    post, path = "/api/triggers/{id}/rotate-secret", tag = "triggers", params(("id" = String, Path)),
    responses((status = 200, body = TriggerView), (status = 404), (status = 422), (status = 503))
)]
pub async fn handle(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<Json<TriggerView>, Error> {
    caller.require(Scope::Write)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let found = triggers::lock(&tx, &caller.tenant, &caller.user, *id).await?;
    let mut one = found.ok_or_else(Error::not_found)?;
    if one.kind != TriggerType::Webhook {
        return Err(wrong("type", "has no secret").into());
    }
    let secret = WebhookSecret::generate(state.seams.entropy.as_ref());
    let sealed = state.engine.keys.seal(&secret).ok_or_else(not_configured)?;
    let now = row_time(&state);
    if let Some(replaced) = one.secret_sealed.replace(sealed) {
        let (known, until) = former(replaced, one.old_secret_sealed, one.old_secret_until, now);
        (one.old_secret_sealed, one.old_secret_until) = (Some(known), Some(until));
    }
    one.updated_at = now;
    triggers::update(&tx, &caller.tenant, &one).await?;
    tx.commit().await?;
    Ok(Json(TriggerView::from(one).with(&secret)))
}
