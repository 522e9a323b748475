//! `POST /api/v1/webhook-endpoints`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_web::{ApiJson, Caller, Problem, Scope, WriteId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EndpointView, TOO_MANY_ENDPOINTS, WEBHOOKS_NOT_CONFIGURED, check_accounts, check_types, check_url};
use crate::channels::webhook::WebhookSecret;
use crate::error::Error;
use crate::rules::webhook::EndpointStatus;
use crate::state::{State, row_time};
use crate::store::endpoints::{self, Endpoint};
use crate::store::users;

/// Endpoints of one user.
const MOST: usize = 50;

/// Where to, and what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhookEndpoint)]
pub struct Body {
    url: String,
    /// Empty or left out: all.
    #[serde(default)]
    event_types: Vec<String>,
    /// Left out: all of the user.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    account_ids: Option<Vec<Uuid>>,
    /// Whether subjects, senders and names are sent too.
    #[serde(default)]
    include_content: bool,
    /// Everything of the tenant; with scope `tenant:admin`.
    #[serde(default)]
    whole_tenant: bool,
}

/// Makes a webhook endpoint; its secret is shown this once.
#[utoipa::path(
    post, path = "/api/v1/webhook-endpoints", tag = "webhooks", request_body = Body,
    responses((status = 201, body = EndpointView), (status = 403), (status = 404), (status = 409), (status = 422),
        (status = 503))
)]
pub async fn handle(
    caller: Caller,
    write: WriteId,
    body: ApiJson<Body>,
    state: Data<State>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    if body.whole_tenant {
        caller.require(Scope::TenantAdmin)?;
    }
    let url = check_url(&body.url, state.engine.sender.reach())?;
    check_types(&body.event_types)?;
    let secret = WebhookSecret::generate(state.seams.entropy.as_ref());
    let sealed = state.engine.keys.seal(&secret).ok_or_else(not_configured)?;
    let now = row_time(&state);
    let new = Endpoint {
        id: write.or(|| state.seams.ids.uuid()),
        user_id: caller.user.clone(),
        whole_tenant: body.whole_tenant,
        url,
        event_types: body.event_types,
        account_ids: body.account_ids,
        include_content: body.include_content,
        status: EndpointStatus::Enabled,
        disabled_reason: None,
        disabled_at: None,
        failing_since: None,
        secret_sealed: sealed,
        old_secret_sealed: None,
        old_secret_until: None,
        created_at: now,
        updated_at: now,
    };
    let tx = state.db.tenant(&caller.tenant).await?;
    check_accounts(&tx, &caller, new.account_ids.as_deref()).await?;
    // Counted under the user's lock: two at once are not one too many.
    users::lock(&tx, &caller.tenant, &caller.user, state.seams.ids.uuid(), now).await?;
    if let Some(made) = endpoints::lock(&tx, &caller.tenant, &caller.user, new.id).await? {
        // The write was carried out before, and nobody heard of it.
        tx.commit().await?;
        let secret = state.engine.keys.open(&made.secret_sealed).ok_or_else(not_configured)?;
        return Ok(shown(made, &secret));
    }
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    if endpoints::page(&tx, &caller.tenant, &caller.user, None, most).await?.len() >= MOST {
        let problem = Problem::conflict(TOO_MANY_ENDPOINTS, "A user may have 50 webhook endpoints.");
        return Err(problem.into());
    }
    endpoints::insert(&tx, &caller.tenant, &new).await?;
    tx.commit().await?;
    Ok(shown(new, &secret))
}

fn shown(made: Endpoint, secret: &WebhookSecret) -> HttpResponse {
    let view = EndpointView { secret: Some(secret.text().expose().to_owned()), ..made.into() };
    HttpResponse::Created().json(view)
}

/// No keys: nothing may be kept that proves something.
pub(in crate::http) fn not_configured() -> Problem {
    let after = std::time::Duration::from_secs(600);
    Problem::unavailable(WEBHOOKS_NOT_CONFIGURED, after, "Webhooks need NOTIFICATION_ENCRYPTION_KEYS to be set.")
}
