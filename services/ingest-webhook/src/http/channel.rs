//! The two older paths: a Pub/Sub body is taken as on the new one; a notice of a header-style channel names a channel.

use actix_web::{HttpRequest, HttpResponse, web};
use postrider_domain::{EventId, token};
use postrider_web::{Problem, RequestContext};

use super::push;
use crate::error::Refusal;
use crate::observe;
use crate::rules::channel::{self, CHANNEL_ID, Fate, Notice};
use crate::state::{Channels, State};
use crate::store::channels::{self, Known};

/// Takes a push of Gmail's, or a notice of a channel.
#[utoipa::path(
    post,
    path = "/api/email/webhook/google",
    tag = "intake",
    request_body(content = Object, description = "Pub/Sub's envelope; or nothing, with X-Goog-Channel-* headers."),
    responses(
        (status = 202, description = "Stored, or unreadable and dropped; of a channel also: its first notice, or a repeat"),
        (status = 401, description = "No valid token, or an unknown channel", body = postrider_web::ProblemDocument),
        (status = 408, description = "The body did not arrive within 30 s", body = postrider_web::ProblemDocument),
        (status = 413, description = "More than 1 MiB", body = postrider_web::ProblemDocument),
        (status = 503, description = "Could not be stored; send it again", body = postrider_web::ProblemDocument),
    )
)]
pub async fn google(
    request: HttpRequest,
    context: RequestContext,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    if !request.headers().contains_key(CHANNEL_ID) {
        return push::pubsub(request, context, payload, state).await;
    }
    match take(&request, &context, &state).await {
        Ok(()) => Ok(HttpResponse::Accepted().finish()),
        Err(refusal) => {
            observe::refused(&state.metrics, refusal);
            Err(refusal.into())
        }
    }
}

/// Whether a push or a notice with these headers would be taken.
pub async fn prove(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    if !request.headers().contains_key(CHANNEL_ID) {
        return push::prove(request, state).await;
    }
    match known(&state, &read(&request)).await {
        Ok(_known) => Ok(HttpResponse::NoContent().finish()),
        Err(refusal) => {
            observe::refused(&state.metrics, refusal);
            Err(refusal.into())
        }
    }
}

/// Takes a push of Gmail's, or a notice of a channel.
#[utoipa::path(
    post,
    path = "/api/v1/gmail/watch/webhook",
    tag = "intake",
    request_body(content = Object, description = "Pub/Sub's envelope; or nothing, with X-Goog-Channel-* headers."),
    responses(
        (status = 202, description = "Stored, or unreadable and dropped; of a channel also: its first notice, or a repeat"),
        (status = 401, description = "No valid token, or an unknown channel", body = postrider_web::ProblemDocument),
        (status = 408, description = "The body did not arrive within 30 s", body = postrider_web::ProblemDocument),
        (status = 413, description = "More than 1 MiB", body = postrider_web::ProblemDocument),
        (status = 503, description = "Could not be stored; send it again", body = postrider_web::ProblemDocument),
    )
)]
pub async fn watch(
    request: HttpRequest,
    context: RequestContext,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    google(request, context, payload, state).await
}

fn read(request: &HttpRequest) -> Notice<'_> {
    Notice::read(|name| request.headers().get(name).and_then(|value| value.to_str().ok()))
}

/// The number is kept only after the broker's confirm: a notice that could not be stored comes again with the same one,
/// and two that are taken at once carry the same message id, by which sync-worker knows them.
async fn take(request: &HttpRequest, context: &RequestContext, state: &State) -> Result<(), Refusal> {
    let notice = read(request);
    let (channels, known) = known(state, &notice).await?;
    let number = match channel::fate(&notice, known.last_message_number) {
        Fate::News(number) => number,
        Fate::Sync => {
            observe::channel_works(&state.metrics, known.id);
            return Ok(());
        }
        Fate::Repeated => {
            observe::notice_repeated(&state.metrics, known.id);
            return Ok(());
        }
        Fate::Unreadable => {
            observe::notice_unreadable(&state.metrics, known.id);
            return Ok(());
        }
    };
    let (id, now) = (EventId(state.seams.ids.uuid()), state.seams.clock.now());
    let event = channel::event(known.id, number, &known.email_address, id, now, context.trace);
    let timer = state.metrics.confirm_seconds.start_timer();
    state.confirmer.confirm(event).await.map_err(Refusal::NotStored)?;
    timer.observe_duration();
    let kept = async {
        let tx = channels.db.system().await?;
        channels::mark_notice(&tx, known.id, number, now).await?;
        tx.commit().await
    };
    kept.await.map_err(away)?;
    observe::noticed(&state.metrics, known.id, number);
    Ok(())
}

/// The channel a notice names, if it brings the channel's token.
async fn known<'s>(state: &'s State, notice: &Notice<'_>) -> Result<(&'s Channels, Known), Refusal> {
    let channels = state.channels.as_ref().ok_or(Refusal::UnknownChannel)?;
    let id = notice.channel.ok_or(Refusal::UnknownChannel)?;
    let found = async {
        let tx = channels.db.system().await?;
        let found = channels::find(&tx, id).await?;
        tx.commit().await?;
        Ok(found)
    };
    let found = found.await.map_err(away)?.ok_or(Refusal::UnknownChannel)?;
    if token::matches(notice.token, &found.token_hash) { Ok((channels, found)) } else { Err(Refusal::UnknownChannel) }
}

fn away(error: postrider_storage::Error) -> Refusal {
    tracing::warn!(%error, "the channels cannot be read or written now");
    Refusal::ChannelsAway
}
