//! `POST /api/email/webhook/google/pubsub`.

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use postrider_domain::EventId;
use postrider_google_auth::pubsub;
use postrider_web::Problem;
use postrider_web::RequestContext;

use super::body;
use crate::error::Refusal;
use crate::observe;
use crate::rules::intake;
use crate::state::State;

/// Takes a push of Gmail's by Pub/Sub, wrapped or unwrapped.
///
/// 202 means that it is stored, or that no repeat would make it readable. Everything else asks Pub/Sub to send it again.
#[utoipa::path(
    post,
    path = "/api/email/webhook/google/pubsub",
    tag = "intake",
    request_body(content = Object, description = "Pub/Sub's envelope, or the bare data with x-goog-pubsub-* headers."),
    responses(
        (status = 202, description = "Stored, or unreadable and dropped"),
        (status = 401, description = "No valid token of the configured push account", body = postrider_web::ProblemDocument),
        (status = 408, description = "The body did not arrive within 30 s", body = postrider_web::ProblemDocument),
        (status = 413, description = "More than 1 MiB", body = postrider_web::ProblemDocument),
        (status = 503, description = "Could not be stored; send it again", body = postrider_web::ProblemDocument),
    )
)]
pub async fn pubsub(
    request: HttpRequest,
    context: RequestContext,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    match take(&request, &context, payload, &state).await {
        Ok(()) => Ok(HttpResponse::Accepted().finish()),
        Err(refusal) => {
            observe::refused(&state.metrics, refusal);
            Err(refusal.into())
        }
    }
}

/// Whether a push with these headers would be taken: 204, or what its body would be answered. The gateway asks before it
/// reads a body that may be a stranger's.
pub async fn prove(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    match proven(&request, &state).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(refusal) => {
            observe::refused(&state.metrics, refusal);
            Err(refusal.into())
        }
    }
}

async fn proven(request: &HttpRequest, state: &State) -> Result<(), Refusal> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    Ok(state.verifier.verify(authorization).await?)
}

async fn take(
    request: &HttpRequest,
    context: &RequestContext,
    payload: web::Payload,
    state: &State,
) -> Result<(), Refusal> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    proven(request, state).await?;
    let body = body::read(state.bodies, request.headers(), payload).await?;
    let push = match pubsub::parse(&body.bytes, header) {
        Ok(push) => push,
        Err(reason) => {
            observe::unreadable(&state.metrics, reason);
            return Ok(());
        }
    };
    if !intake::is_ours(&push, state.subscription.as_deref()) {
        observe::foreign(&state.metrics, &push);
        return Ok(());
    }
    let key = intake::key(&push);
    if state.recent.knows(&key) {
        observe::repeated(&state.metrics, &push);
        return Ok(());
    }
    let seams = &state.seams;
    let event = intake::event(&push, EventId(seams.ids.uuid()), seams.clock.now(), context.trace);
    let timer = state.metrics.confirm_seconds.start_timer();
    state.confirmer.confirm(event).await.map_err(Refusal::NotStored)?;
    timer.observe_duration();
    state.recent.confirmed(key);
    observe::stored(&state.metrics, &push);
    Ok(())
}
