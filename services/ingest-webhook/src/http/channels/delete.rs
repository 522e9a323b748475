//! `DELETE /api/v1/gmail/watch/channels/{channel_id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_web::{Caller, PathId, Problem, Scope};
use uuid::Uuid;

use crate::error::ChannelError;
use crate::state::State;
use crate::store::channels;

/// Closes one of the caller's channels: its notices are refused from now on.
#[utoipa::path(
    delete, path = "/api/v1/gmail/watch/channels/{channel_id}", tag = "watch",
    params(("channel_id" = String, Path)),
    responses(
        (status = 204, description = "Closed"),
        (status = 404, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(state: Data<State>, caller: Caller, id: PathId<Uuid>) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    close(&state, &caller, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn close(state: &State, caller: &Caller, id: Uuid) -> Result<(), ChannelError> {
    let tx = state.channels()?.db.tenant(&caller.tenant).await?;
    let closed = channels::delete(&tx, &caller.user, id).await?;
    tx.commit().await?;
    if closed { Ok(()) } else { Err(ChannelError::NotFound) }
}
