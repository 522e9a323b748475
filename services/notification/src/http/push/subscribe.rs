//! `POST /api/notifications/push/subscriptions`.

use actix_web::HttpResponse;
use actix_web::web::Data as AppData;
use chrono::TimeDelta;
use postrider_domain::Timestamp;
use postrider_web::{ApiJson, Caller, Problem, Scope, WriteId, codes};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SubscriptionView, TOO_MANY_SUBSCRIPTIONS, not_configured};
use crate::channels::web_push::{BrowserKeys, WrongKey};
use crate::channels::webhook::Target;
use crate::error::Error;
use crate::http::notifications::view::Data;
use crate::state::{State, row_time};
use crate::store::push_subscriptions::{self, Subscription};
use crate::store::users;

/// Browsers of one user.
const MOST: usize = 50;

/// What `PushSubscription.toJSON()` of a browser gives.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPushSubscription)]
pub struct Body {
    endpoint: String,
    /// Milliseconds since the epoch.
    #[serde(default)]
    expiration_time: Option<f64>,
    keys: Keys,
}

/// How its messages are encrypted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PushSubscriptionKeys)]
pub struct Keys {
    /// A point of P-256 in base64url.
    p256dh: String,
    /// 16 bytes in base64url.
    auth: String,
}

/// Has a browser told by pushes. One that is there already gets its new keys. A browser has one user: who subscribed with the
/// same keys before is told there no more.
#[utoipa::path(
    post, path = "/api/notifications/push/subscriptions", tag = "push", request_body = Body,
    responses((status = 200, body = Data<SubscriptionView>), (status = 201, body = Data<SubscriptionView>),
        (status = 409), (status = 422), (status = 503))
)]
pub async fn handle(
    caller: Caller,
    write: WriteId,
    body: ApiJson<Body>,
    state: AppData<State>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let target = Target::parse(&body.endpoint, state.engine.sender.reach());
    let target = target.map_err(|error| wrong("endpoint", &error.to_string()))?;
    if !state.engine.push_hosts.allow(target.url()) {
        return Err(wrong("endpoint", "is at no push service that this installation knows (PUSH_HOSTS)").into());
    }
    let keys = BrowserKeys::parse(&body.keys.p256dh, &body.keys.auth).map_err(|error| match error {
        WrongKey::P256dh => wrong("keys.p256dh", &error.to_string()),
        WrongKey::Auth => wrong("keys.auth", &error.to_string()),
    })?;
    let now = row_time(&state);
    let expires_at = body.expiration_time.map(|millis| expiry(millis, now)).transpose()?;
    let public = state.engine.vapid.public().ok_or_else(not_configured)?;
    let new = Subscription {
        id: write.or(|| state.seams.ids.uuid()),
        user_id: caller.user.clone(),
        endpoint: target.url().as_str().to_owned(),
        p256dh: keys.p256dh(),
        auth: keys.auth(),
        server_key: public.to_owned(),
        expires_at,
        created_at: now,
        updated_at: now,
    };
    let tx = state.db.tenant(&caller.tenant).await?;
    // Counted under the user's lock: two at once are not one too many.
    users::lock(&tx, &caller.tenant, &caller.user, state.seams.ids.uuid(), now).await?;
    push_subscriptions::take_over(&tx, &caller.tenant, &new).await?;
    let kept = push_subscriptions::put(&tx, &caller.tenant, &new).await?;
    if push_subscriptions::ids(&tx, &caller.tenant, &caller.user).await?.len() > MOST {
        tx.rollback().await?;
        return Err(Problem::conflict(TOO_MANY_SUBSCRIPTIONS, "A user may have 50 push subscriptions.").into());
    }
    tx.commit().await?;
    let made = kept.created_at == now;
    let view = Data { data: SubscriptionView::of(kept, Some(public)) };
    Ok(if made { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) })
}

/// A time within what can be a browser's.
fn expiry(millis: f64, now: Timestamp) -> Result<Timestamp, Problem> {
    let past = || wrong("expirationTime", "is not ahead of us, within a hundred years");
    let last = now + TimeDelta::days(36_525);
    let seconds = std::time::Duration::try_from_secs_f64(millis / 1_000.0).map_err(|_out_of_range| past())?;
    let at = TimeDelta::from_std(seconds).ok().and_then(|since| Timestamp::UNIX_EPOCH.checked_add_signed(since));
    at.filter(|at| *at > now && *at < last).ok_or_else(past)
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field(field, why)
}
