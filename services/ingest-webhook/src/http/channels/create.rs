//! `POST /api/v1/gmail/watch/channels`.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, token};
use postrider_web::{ApiJson, Call, Caller, Problem, Scope, WriteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::ChannelAnswer;
use crate::accounts;
use crate::error::ChannelError;
use crate::jobs::check_channels;
use crate::rules::channel;
use crate::state::State;
use crate::store::channels::{self, NewChannel};

/// Whose news the channel tells.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWatchChannel)]
pub struct Body {
    /// The caller's only account if absent.
    #[schema(value_type = Option<String>, format = "uuid")]
    connector_id: Option<ConnectorId>,
}

/// An open channel with its token, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenedWatchChannel)]
pub struct Answer {
    /// To be sent as `X-Goog-Channel-Token`.
    token: String,
    #[serde(flatten)]
    channel: ChannelAnswer,
}

/// Opens a channel: whoever knows its id and token may tell by headers that the account has news.
#[utoipa::path(
    post, path = "/api/v1/gmail/watch/channels", tag = "watch", request_body = Body,
    responses(
        (status = 201, body = Answer),
        (status = 404, body = postrider_web::ProblemDocument, description = "The caller has no such connector"),
        (status = 409, body = postrider_web::ProblemDocument, description = "`account_missing`, `account_ambiguous`, `channels_full`, or the connector cannot act"),
        (status = 422, body = postrider_web::ProblemDocument),
        (status = 503, body = postrider_web::ProblemDocument, description = "`channels_not_configured`, `connector_unavailable`"),
    )
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    write: WriteId,
    body: ApiJson<Body>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    let answer = open(&state, &caller, write, &body).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

async fn open(state: &State, caller: &Caller, write: WriteId, body: &Body) -> Result<Answer, ChannelError> {
    let own = state.channels()?;
    let account = accounts::meant(&own.connector, &Call::from(caller), body.connector_id).await?;
    let address = account.address().ok_or(ChannelError::Disconnected)?;
    let word = token::random(state.seams.entropy.as_ref());
    let new = NewChannel {
        id: write.or(|| state.seams.ids.uuid()),
        tenant: caller.tenant.clone(),
        user: caller.user.clone(),
        connector: account.id,
        address,
        token_hash: token::hash(word.expose()),
        check_due_at: state.seams.clock.now() + check_channels::AGAIN,
    };
    let tx = own.db.tenant(&caller.tenant).await?;
    channels::lock_user(&tx, &caller.tenant, &caller.user).await?;
    if channels::count_others(&tx, &caller.user, new.id).await? >= channel::MOST {
        return Err(ChannelError::TooMany);
    }
    let channel = channels::insert(&tx, &new).await?;
    tx.commit().await?;
    Ok(Answer { token: word.expose().to_owned(), channel: ChannelAnswer::new(channel, &own.url) })
}
