//! `POST /api/notifications/digests/send`: a digest now.

use actix_web::web::{Data as AppData, Json};
use postrider_web::{ApiJson, Caller, Problem, Scope, WriteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DigestView, shown};
use crate::deliveries::addressee;
use crate::digests::ask;
use crate::error::Error;
use crate::http::notifications::view::Data;
use crate::rules::preferences::Frequency;
use crate::state::State;
use crate::store::{digests, preferences, users};

/// Which digest.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DigestRequest)]
pub struct Body {
    /// How far back it reaches: a day, a week, a month.
    frequency: Asked,
}

/// A length of time.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DigestLength)]
pub enum Asked {
    Daily,
    Weekly,
    Monthly,
}

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Whether a mail is on its way; `emailSent` of the digest says when the mail server has taken it.
    pub sent: bool,
    pub digest: Option<DigestView>,
    pub notification_count: i64,
}

/// Sends a digest now, of everything of that time that is in no digest yet. What it tells is in no later one.
#[utoipa::path(
    post, path = "/api/notifications/digests/send", tag = "digests", request_body = Body,
    responses(
        (status = 200, body = Data<Sent>, description = "`sent` false: there is nothing to tell"),
        (status = 401),
        (status = 422, description = "Also `no_address`: no account is connected, and `digestEmail` may not be written to"),
        (status = 503, description = "`mail_not_configured`"),
    )
)]
pub async fn handle(
    caller: Caller,
    write: WriteId,
    body: ApiJson<Body>,
    state: AppData<State>,
) -> Result<Json<Data<Sent>>, Error> {
    caller.require(Scope::Write)?;
    if !state.actions.sends_mail() {
        return Err(no_mail().into());
    }
    let frequency = match body.frequency {
        Asked::Daily => Frequency::Daily,
        Asked::Weekly => Frequency::Weekly,
        Asked::Monthly => Frequency::Monthly,
    };
    let (tenant, user, now) = (&caller.tenant, &caller.user, state.seams.clock.now());
    let tx = state.db.tenant(tenant).await?;
    users::lock(&tx, tenant, user, state.seams.ids.uuid(), now).await?;
    let values = preferences::effective(&tx, tenant, user, None).await?.preferences;
    if addressee(&tx, tenant, user, None, &values).await?.is_none() {
        let problem = Problem::unprocessable("no_address", "There is no address a digest may go to.");
        return Err(problem.field("digestEmail", "is not set, and no account is connected").into());
    }
    let id = write.or(|| state.seams.ids.uuid());
    // The write may have been carried out before, and nobody heard of it.
    let made = digests::find(&tx, tenant, id).await?.filter(|made| made.user_id == *user);
    let digest = match made {
        Some(made) => Some(made),
        None => ask(&tx, &state.actions, tenant, user, (id, frequency)).await?,
    };
    let mut shown = shown(&tx, tenant, digest.into_iter().collect()).await?;
    tx.commit().await?;
    let digest = shown.pop();
    let notification_count = digest.as_ref().map_or(0, |digest| digest.notification_count);
    Ok(Json(Data { data: Sent { sent: digest.is_some(), digest, notification_count } }))
}

/// Without a mail server.
pub(in crate::http) fn no_mail() -> Problem {
    let after = std::time::Duration::from_secs(600);
    Problem::unavailable("mail_not_configured", after, "This installation has no mail server (SMTP_URL).")
}
