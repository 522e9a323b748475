//! `POST /api/triggers/{id}/fire`: open. A request signed with the trigger's secret, as Standard Webhooks has it, sets it
//! off, once for each `webhook-id`.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::text::truncate;
use postrider_domain::{TenantId, Timestamp};
use postrider_web::{PathId, Problem, codes};
use serde_json::Value;
use uuid::Uuid;

use super::{FireView, wrong};
use crate::actions::{Cause, Owner};
use crate::channels::webhook::WebhookSecret;
use crate::channels::webhook::signature::{Signed, verifies};
use crate::error::Error;
use crate::http::notifications::create::data_fits;
use crate::state::State;
use crate::store::triggers::{self, Trigger};

/// 401: the request is not signed with the trigger's secret, or too long ago.
pub const SIGNATURE_INVALID: &str = "signature_invalid";
/// 409: it is switched off.
pub const TRIGGER_DISABLED: &str = "trigger_disabled";
/// Largest body, in bytes: it is kept with the notification.
const MOST: usize = 16 * 1024;
/// Longest text that is told of it, in bytes.
const MAX_MESSAGE: usize = 5_000;

/// Sets a trigger of type `webhook` off. Signed with its secret: headers `webhook-id`, `webhook-timestamp` and
/// `webhook-signature` of Standard Webhooks, at most five minutes old. The same `webhook-id` sets it off once.
#[utoipa::path(
    post, path = "/api/triggers/{id}/fire", tag = "triggers", security(()),
    params(
        ("id" = String, Path),
        ("webhook-id" = String, Header, description = "Names the request, over all its attempts"),
        ("webhook-timestamp" = i64, Header, description = "Seconds since the epoch"),
        ("webhook-signature" = String, Header, description = "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`"),
    ),
    request_body(
        content = Object, content_type = "application/json",
        description = "An object of up to 16 KiB; its text `message` is what a notification says"
    ),
    responses((status = 200, body = FireView), (status = 202, body = FireView), (status = 400), (status = 401),
        (status = 404), (status = 409), (status = 413), (status = 422))
)]
pub async fn handle(
    request: HttpRequest,
    id: PathId<Uuid>,
    body: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Error> {
    let now = state.seams.clock.now();
    // A stranger's body is read only once all that can be judged without it is good, and no more than one may send.
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let signed = Signed::of(header, now);
    let tx = state.db.system().await?;
    let tenant = triggers::tenant_of(&tx, *id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    let signed = signed.ok_or_else(refused)?;
    let body = bounded(&request, body).await?;
    let mut tx = state.db.tenant(&tenant).await?;
    let trigger = triggers::find(&tx, &tenant, *id).await?.ok_or_else(Error::not_found)?;
    if !verifies(&secrets(&state, &trigger, now), &signed, &body) {
        return Err(refused().into());
    }
    let payload = read(&body)?;
    if let Some(fire) = triggers::fire_of(&tx, &tenant, trigger.id, &signed.id).await? {
        tx.commit().await?;
        return Ok(HttpResponse::Ok().json(FireView::from(fire)));
    }
    if !trigger.enabled {
        return Err(Problem::conflict(TRIGGER_DISABLED, "The trigger is switched off.").into());
    }
    let fired = set_off(&state, &mut tx, &tenant, &trigger, (signed.id.clone(), payload)).await?;
    let fire = match fired {
        Some(fire) => fire,
        // The same request was faster on another connection.
        None => triggers::fire_of(&tx, &tenant, trigger.id, &signed.id).await?.ok_or_else(Problem::internal)?,
    };
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(FireView::from(fire)))
}

async fn set_off(
    state: &State,
    tx: &mut postrider_storage::TenantTx,
    tenant: &TenantId,
    trigger: &Trigger,
    (request_id, payload): (String, Value),
) -> Result<Option<triggers::Fire>, Error> {
    let message = payload.get("message").and_then(Value::as_str).unwrap_or_default();
    let message = truncate(message, MAX_MESSAGE).to_owned();
    let cause = Cause { request_id: Some(request_id), message, payload: Some(payload), ..Cause::default() };
    let owner = Owner { tenant, user: &trigger.user_id, trace: None };
    Ok(state.actions.set_off(tx, owner, trigger, cause).await?)
}

/// What requests may be signed with now.
fn secrets(state: &State, trigger: &Trigger, now: Timestamp) -> Vec<WebhookSecret> {
    let former = trigger.old_secret_until.is_some_and(|until| now < until);
    let former = trigger.old_secret_sealed.as_deref().filter(|_| former);
    let open = |sealed: &str| state.engine.keys.open(sealed);
    trigger.secret_sealed.as_deref().into_iter().chain(former).filter_map(open).collect()
}

/// Reads a body of the size that is allowed.
async fn bounded(request: &HttpRequest, body: Payload) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, codes::of_status(413), "At most 16 KiB.");
    let said = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > MOST) {
        return Err(too_large());
    }
    let cut = |error: actix_web::Error| {
        Problem::new(StatusCode::BAD_REQUEST, codes::of_status(400), format!("The body broke off: {error}."))
    };
    body.to_bytes_limited(MOST).await.map_err(|_more| too_large())?.map_err(cut)
}

fn refused() -> Problem {
    let detail = "The request is not signed with the trigger's secret within the last five minutes.";
    Problem::new(StatusCode::UNAUTHORIZED, SIGNATURE_INVALID, detail)
}

fn read(body: &[u8]) -> Result<Value, Problem> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, codes::of_status(400), error.to_string()))?;
    if !value.is_object() {
        return Err(wrong("", "is no object"));
    }
    if !data_fits(&value) {
        return Err(wrong("", "has a number beyond 1e300"));
    }
    Ok(value)
}
