//! `POST /api/v1/gmail/watch/start`.

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, LabelId, Timestamp};
use postrider_web::{AccountHeader, ApiJson, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actions::Owner;
use crate::actions::watch::start::{Options, start};
use crate::error::Error;
use crate::rules::settings::FilterAction;
use crate::rules::topic;
use crate::state::State;

/// What to watch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WatchStart)]
pub struct Body {
    /// `projects/<project>/topics/<topic>`, in the Google project of the OAuth client. Absent: the installation's own
    /// (`GMAIL_PUBSUB_TOPIC`); without that, a polling watch. An installation with a topic of its own takes no other.
    topic_name: Option<String>,
    /// Labels that wake and notify (or do not), filtered on our side. Replaces the connector's setting.
    #[schema(value_type = Option<Vec<String>>)]
    label_ids: Option<Vec<LabelId>>,
    label_filter_action: Option<FilterAction>,
    #[schema(value_type = Option<String>, format = "uuid")]
    connector_id: Option<ConnectorId>,
}

/// What is watched.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchStartAnswer)]
pub struct Answer {
    /// The mailbox's history id when the watch began, decimal.
    #[serde(rename = "historyId")]
    history_id: String,
    /// When Google's watch ends; it is renewed daily. Null for a polling watch.
    #[schema(value_type = Option<String>, format = "date-time")]
    expiration: Option<Timestamp>,
    watch_id: String,
    /// `push` or `polling`.
    watch_type: &'static str,
}

/// Starts (or renews) the watch of an account.
#[utoipa::path(
    post, path = "/api/v1/gmail/watch/start", tag = "watch", request_body = Body,
    responses(
        (status = 200, body = Answer),
        (status = 404, body = postrider_web::ProblemDocument),
        (status = 409, body = postrider_web::ProblemDocument, description = "`account_ambiguous`, `account_missing`, `reauth_required`, `connector_paused`, `connector_disconnected`, `google_refused`, `topic_taken`: another connector has the account watched on another topic"),
        (status = 422, body = postrider_web::ProblemDocument, description = "Also for another topic than the installation's own"),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_not_configured`, `google_unavailable`"),
    )
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    account: AccountHeader,
    body: ApiJson<Body>,
) -> Result<Json<Answer>, Problem> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    if body.topic_name.as_deref().is_some_and(|name| !topic::is_valid(name)) {
        return Err(Error::invalid("topic_name", "has not the form projects/<project>/topics/<topic>").into());
    }
    let connector = account.or(body.connector_id)?;
    let options =
        Options { topic: body.topic_name, label_ids: body.label_ids, label_filter_action: body.label_filter_action };
    let watch = start(&state, &Owner::from(&caller), connector, options, Some(caller.trace)).await?;
    Ok(Json(Answer {
        history_id: watch.history_id.to_string(),
        expiration: watch.expires_at,
        watch_id: watch.id.to_string(),
        watch_type: watch.watch_type.as_str(),
    }))
}
