//! The two older paths: a Pub/Sub body is taken as on the new one; notices of header-style channels name a channel, and
//! as none can be opened yet, every one of them is unknown.

use actix_web::{HttpRequest, HttpResponse, web};
use postrider_web::{Problem, RequestContext};

use super::push;
use crate::error::Refusal;
use crate::observe;
use crate::state::State;

/// Header that only channel notices have.
const CHANNEL_ID: &str = "x-goog-channel-id";

/// Takes a push of Gmail's, or a notice of a channel.
#[utoipa::path(
    post,
    path = "/api/email/webhook/google",
    tag = "intake",
    request_body(content = Object, description = "Pub/Sub's envelope; or nothing, with X-Goog-Channel-* headers."),
    responses(
        (status = 202, description = "Stored, or unreadable and dropped"),
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
    if request.headers().contains_key(CHANNEL_ID) {
        observe::refused(&state.metrics, Refusal::UnknownChannel);
        return Err(Refusal::UnknownChannel.into());
    }
    push::pubsub(request, context, payload, state).await
}

/// Whether a push or a notice with these headers would be taken.
pub async fn prove(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    if request.headers().contains_key(CHANNEL_ID) {
        observe::refused(&state.metrics, Refusal::UnknownChannel);
        return Err(Refusal::UnknownChannel.into());
    }
    push::prove(request, state).await
}

/// Takes a push of Gmail's, or a notice of a channel.
#[utoipa::path(
    post,
    path = "/api/v1/gmail/watch/webhook",
    tag = "intake",
    request_body(content = Object, description = "Pub/Sub's envelope; or nothing, with X-Goog-Channel-* headers."),
    responses(
        (status = 202, description = "Stored, or unreadable and dropped"),
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
