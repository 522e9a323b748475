//! `POST /api/notifications/preferences/simulate`: what would happen, and why. By the same rule as in earnest.

use actix_web::web::{Data as AppData, Json};
use postrider_domain::{EmailAddress, Timestamp};
use postrider_web::{AccountHeader, ApiJson, ApiQuery, Caller, Problem, Scope, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;
use crate::http::account::{AccountParams, must_own};
use crate::http::notifications::view::Data;
use crate::rules::decision::{without_browsers, without_mails};
use crate::rules::preferences::Folder;
use crate::rules::{Channel, Decision, Kind, Occasion, Outcome, decide, silence};
use crate::state::State;
use crate::store::{preferences, push_subscriptions};

/// Instants that calendars know: the years 1900 to 2200.
const YEARS: std::ops::Range<i64> = -2_208_988_800_000..7_258_118_400_000;

/// An event that might be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Simulation)]
pub struct Body {
    /// When, in milliseconds since the epoch.
    at: i64,
    /// A notification type.
    r#type: String,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    folder: Option<String>,
}

/// What would become of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Simulated {
    /// Whether there would be a notification.
    pub notified: bool,
    /// Whether it would be there as read already.
    pub is_read: bool,
    pub decisions: Vec<Decision>,
}

/// What would happen to an event at a time, and why.
#[utoipa::path(
    post, path = "/api/notifications/preferences/simulate", tag = "preferences", params(AccountParams),
    request_body = Body, responses((status = 200, body = Data<Simulated>), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<AccountParams>,
    header: AccountHeader,
    body: ApiJson<Body>,
    state: AppData<State>,
) -> Result<Json<Data<Simulated>>, Error> {
    caller.require(Scope::Read)?;
    let account = query.account(header)?;
    let body = body.into_inner();
    let at = Timestamp::from_timestamp_millis(body.at).filter(|_| YEARS.contains(&body.at));
    let at = at.ok_or_else(|| wrong("at", "must lie in the years 1900 to 2199"))?;
    let kind: Kind = body.r#type.parse().map_err(|_unknown| wrong("type", "is not a notification type"))?;
    let sender = body.sender.as_deref().unwrap_or_default();
    if !sender.is_empty() {
        EmailAddress::parse(sender).map_err(|error| wrong("sender", &error.to_string()))?;
    }
    if let Some(folder) = &body.folder {
        Folder::parse(folder).map_err(|error| wrong("folder", &error.to_string()))?;
    }
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    let values = preferences::effective(&tx, &caller.tenant, &caller.user, account).await?.preferences;
    let browsers = push_subscriptions::ids(&tx, &caller.tenant, &caller.user).await?;
    tx.commit().await?;
    let folders = body.folder.iter().map(|folder| (folder.as_str(), folder.as_str()));
    let silenced = if kind == Kind::NewMessage { silence::silenced(&values, sender, folders) } else { None };
    let reason = if kind == Kind::Custom { "asked_for" } else { "type_on" };
    let decided = decide(at, &values, Occasion { silenced, ..Occasion::plain(kind, reason) });
    let decided = if state.actions.sends_mail() { decided } else { without_mails(decided) };
    let decisions = if browsers.is_empty() { without_browsers(decided) } else { decided };
    let notified = decisions.iter().any(|made| made.channel == Channel::Row && made.outcome == Outcome::Done);
    Ok(Json(Data { data: Simulated { notified, is_read: notified && silenced.is_some(), decisions } }))
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field(field, why)
}
