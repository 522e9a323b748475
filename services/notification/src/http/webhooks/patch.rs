//! `PATCH /api/v1/webhook-endpoints/{id}`: changes what it names. Enabled again, it is sent what was kept.

use actix_web::web::{Data, Json};
use postrider_web::{ApiJson, Caller, PathId, Scope};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EndpointView, check_accounts, check_types, check_url, lock_own_to_change};
use crate::error::Error;
use crate::rules::webhook::{DisabledReason, EndpointStatus};
use crate::state::{State, row_time};
use crate::store::{deliveries, endpoints};

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEndpointChange)]
pub struct Body {
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    event_types: Option<Vec<String>>,
    /// Null: all of the user.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<Vec<String>>)]
    account_ids: Option<Option<Vec<Uuid>>>,
    #[serde(default)]
    include_content: Option<bool>,
    #[serde(default)]
    status: Option<EndpointStatus>,
}

/// A member that is there, be it null.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Changes an endpoint, enables or disables it.
#[utoipa::path(
    patch, path = "/api/v1/webhook-endpoints/{id}", tag = "webhooks", params(("id" = String, Path)),
    request_body = Body, responses((status = 200, body = EndpointView), (status = 403), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    id: PathId<Uuid>,
    body: ApiJson<Body>,
    state: Data<State>,
) -> Result<Json<EndpointView>, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let url = body.url.map(|url| check_url(&url, state.engine.sender.reach())).transpose()?;
    check_types(body.event_types.as_deref().unwrap_or_default())?;
    let now = row_time(&state);
    let tx = state.db.tenant(&caller.tenant).await?;
    check_accounts(&tx, &caller, body.account_ids.as_ref().and_then(|ids| ids.as_deref())).await?;
    let mut one = lock_own_to_change(&tx, &caller, *id).await?;
    one.updated_at = now;
    one.url = url.unwrap_or(one.url);
    one.event_types = body.event_types.unwrap_or(one.event_types);
    one.account_ids = body.account_ids.unwrap_or(one.account_ids);
    one.include_content = body.include_content.unwrap_or(one.include_content);
    let (before, after) = (one.status, body.status.unwrap_or(one.status));
    if before != after {
        let off = after == EndpointStatus::Disabled;
        one.status = after;
        one.disabled_reason = off.then_some(DisabledReason::Owner);
        one.disabled_at = off.then_some(now);
        one.failing_since = None;
    }
    endpoints::update(&tx, &caller.tenant, &one).await?;
    match (before, after) {
        (EndpointStatus::Enabled, EndpointStatus::Disabled) => {
            deliveries::keep(&tx, &caller.tenant, one.id).await?;
        }
        (EndpointStatus::Disabled, EndpointStatus::Enabled) => {
            deliveries::resume(&tx, &caller.tenant, one.id, now).await?;
            let bell = state.engine.bell.clone();
            tx.on_commit(move || bell.ring());
        }
        _unchanged => {}
    }
    tx.commit().await?;
    Ok(Json(one.into()))
}
