//! `POST /api/triggers`, `PATCH /api/triggers/{id}`, `DELETE /api/triggers/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use postrider_web::{ApiJson, Caller, PathId, Problem, Scope};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::Deliver;
use super::{TriggerView, check_config, check_name, check_type};
use crate::error::Error;
use crate::http::account::must_own;
use crate::state::{State, row_time};
use crate::store::triggers::{self, Trigger};

/// What sets what off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTrigger)]
pub struct New {
    name: String,
    #[serde(default = "on")]
    enabled: bool,
    /// `email`.
    r#type: String,
    /// Of type `email`: `connector_id`, and what a mail must be.
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

/// Makes a trigger.
#[utoipa::path(
    post, path = "/api/triggers", tag = "triggers", request_body = New,
    responses((status = 201, body = TriggerView), (status = 404), (status = 422))
)]
pub async fn create(caller: Caller, body: ApiJson<New>, state: Data<State>) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    check_type(&body.r#type)?;
    let config = check_config(body.config)?;
    let now = row_time(&state);
    let new = Trigger {
        id: state.seams.ids.uuid(),
        user_id: caller.user.clone(),
        account_id: config.account(),
        name: check_name(&body.name)?,
        enabled: body.enabled,
        config: serde_json::to_value(&config).map_err(Problem::unexpected)?,
        in_app: body.deliver.contains(&Deliver::InApp {}),
        created_at: now,
        updated_at: now,
    };
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, Some(new.account_id)).await?;
    triggers::insert(&tx, &caller.tenant, &new).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(TriggerView::from(new)))
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
    let (name, config) =
        (body.name.map(|name| check_name(&name)).transpose()?, body.config.map(check_config).transpose()?);
    let tx = state.db.tenant(&caller.tenant).await?;
    let found = triggers::lock(&tx, &caller.tenant, &caller.user, *id).await?;
    let mut one = found.ok_or_else(Error::not_found)?;
    if let Some(config) = config {
        must_own(&tx, &caller, Some(config.account())).await?;
        one.account_id = config.account();
        one.config = serde_json::to_value(&config).map_err(Problem::unexpected)?;
    }
    one.name = name.unwrap_or(one.name);
    one.enabled = body.enabled.unwrap_or(one.enabled);
    one.in_app = body.deliver.map_or(one.in_app, |deliver| deliver.contains(&Deliver::InApp {}));
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
