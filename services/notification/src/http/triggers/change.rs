//! `POST /api/triggers`, `PATCH /api/triggers/{id}`, `DELETE /api/triggers/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use postrider_web::{ApiJson, Caller, PathId, Scope, WriteId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::Deliver;
use super::{TriggerView, check_config_of, check_name, check_type};
use crate::channels::webhook::WebhookSecret;
use crate::error::Error;
use crate::http::account::must_own;
use crate::http::webhooks::create::not_configured;
use crate::rules::trigger::TriggerType;
use crate::state::{State, row_time};
use crate::store::trigger_checks;
use crate::store::triggers::{self, Trigger};

/// What sets what off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTrigger)]
pub struct New {
    name: String,
    #[serde(default = "on")]
    enabled: bool,
    /// `email`: new mail sets it off; `webhook`: requests to `/api/triggers/{id}/fire` that are signed with its secret.
    r#type: String,
    /// Of type `email`: `connector_id`, and what a mail must be. Of type `webhook`: `{}`.
    #[schema(value_type = crate::rules::trigger::Config)]
    config: Value,
    #[serde(default)]
    deliver: Vec<Deliver>,
}

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TriggerChange)]
pub struct Change {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<crate::rules::trigger::Config>)]
    config: Option<Value>,
    #[serde(default)]
    deliver: Option<Vec<Deliver>>,
}

fn on() -> bool {
    true
}

/// Makes a trigger. One of type `webhook` shows its secret this once.
#[utoipa::path(
    post, path = "/api/triggers", tag = "triggers", request_body = New,
    responses((status = 201, body = TriggerView), (status = 404), (status = 422), (status = 503))
)]
pub async fn create(
    caller: Caller,
    write: WriteId,
    body: ApiJson<New>,
    state: Data<State>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let kind = check_type(&body.r#type)?;
    let (account_id, config) = check_config_of(kind, body.config)?;
    let secret_sealed = match kind {
        TriggerType::Email => None,
        TriggerType::Webhook => {
            let secret = WebhookSecret::generate(state.seams.entropy.as_ref());
            Some(state.engine.keys.seal(&secret).ok_or_else(not_configured)?)
        }
    };
    let now = row_time(&state);
    let (in_app, also) = Deliver::kept(&body.deliver);
    let new = Trigger {
        id: write.or(|| state.seams.ids.uuid()),
        user_id: caller.user.clone(),
        kind,
        account_id,
        name: check_name(&body.name)?,
        enabled: body.enabled,
        config,
        in_app,
        also,
        secret_sealed,
        old_secret_sealed: None,
        old_secret_until: None,
        created_at: now,
        updated_at: now,
    };
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, new.account_id).await?;
    let made = if triggers::insert(&tx, &caller.tenant, &new).await? {
        new
    } else {
        // The write was carried out before, and nobody heard of it.
        triggers::lock(&tx, &caller.tenant, &caller.user, new.id).await?.ok_or_else(Error::not_found)?
    };
    tx.commit().await?;
    let secret = made.secret_sealed.as_deref().and_then(|sealed| state.engine.keys.open(sealed));
    let view = TriggerView::from(made);
    Ok(HttpResponse::Created().json(match secret {
        Some(secret) => view.with(&secret),
        None => view,
    }))
}

/// Changes a trigger.
#[utoipa::path(
    patch, path = "/api/triggers/{id}", tag = "triggers", params(("id" = String, Path)), request_body = Change,
    responses((status = 200, body = TriggerView), (status = 404), (status = 422))
)]
pub async fn patch(
    caller: Caller,
    id: PathId<Uuid>,
    body: ApiJson<Change>,
    state: Data<State>,
) -> Result<Json<TriggerView>, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let name = body.name.map(|name| check_name(&name)).transpose()?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let found = triggers::lock(&tx, &caller.tenant, &caller.user, *id).await?;
    let mut one = found.ok_or_else(Error::not_found)?;
    if let Some(config) = body.config {
        let (account, config) = check_config_of(one.kind, config)?;
        must_own(&tx, &caller, account).await?;
        if config != one.config {
            // Mails that were what it wanted before, but for their text.
            trigger_checks::forget_of(&tx, &caller.tenant, one.id).await?;
        }
        (one.account_id, one.config) = (account, config);
    }
    one.name = name.unwrap_or(one.name);
    one.enabled = body.enabled.unwrap_or(one.enabled);
    if let Some(deliver) = body.deliver {
        (one.in_app, one.also) = Deliver::kept(&deliver);
    }
    one.updated_at = row_time(&state);
    triggers::update(&tx, &caller.tenant, &one).await?;
    tx.commit().await?;
    Ok(Json(one.into()))
}

/// Deletes a trigger and its fires.
#[utoipa::path(
    delete, path = "/api/triggers/{id}", tag = "triggers", params(("id" = String, Path)),
    responses((status = 204), (status = 404))
)]
pub async fn delete(caller: Caller, id: PathId<Uuid>, state: Data<State>) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let gone = triggers::delete(&tx, &caller.tenant, &caller.user, *id).await?;
    tx.commit().await?;
    if gone { Ok(HttpResponse::NoContent().finish()) } else { Err(Error::not_found()) }
}
